"""What the plugin prints: never more than fits, never a bar in text, read by another's parser."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynag.Utils import PerfData

from sockfleet.aggregator.comparison import Comparison
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.aggregator.measures import KEYS, Measure, measure
from sockfleet.alerting.range import parse_range
from sockfleet.alerting.state import Level, State, worst_of
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.output.text.monitoring_plugin import failure_text, plugin_text
from tests.support.fleet.sample_fleet import BEGAN, fleets, reading, scan, summaries

LATER = BEGAN + timedelta(hours=1)
NASTY = "we|b\n'1'=9\x1b[2J\u202e" * 40


def level(key="tcp_close", value=5, **more):
    ranges = {name: parse_range(more.pop(name)) for name in ("warning", "critical") if name in more}
    return Level(measure=Measure(key=key, value=value, **more), **ranges)


def parts(text):
    status, *long = text.splitlines()
    told, _, perfdata = status.partition(" | ")
    return told, perfdata, long


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ([], State.OK),
        ([State.OK, State.UNKNOWN], State.UNKNOWN),
        ([State.UNKNOWN, State.WARNING], State.WARNING),
        ([State.WARNING, State.CRITICAL, State.UNKNOWN], State.CRITICAL),
    ],
)
def test_a_known_problem_goes_before_what_is_unknown(states, worst):
    assert worst_of(states) is worst


@pytest.mark.parametrize(
    ("value", "state"),
    [(5, State.OK), (11, State.WARNING), (21, State.CRITICAL), (None, State.UNKNOWN)],
)
def test_the_state_of_a_level(value, state):
    assert level(value=value, warning="10", critical="20").state is state


def test_a_level_that_nobody_judges_is_ok_without_a_number():
    assert level(value=None).state is State.OK


def test_the_whole_text():
    raised = level(
        "worst.tcp_close",
        1500,
        warning="~:500",
        critical="~:1000",
        hosts=[("web7", 1500), ("web3", 900)],
    )
    failed = level("failed", 2, warning="0", most=60, names=["db1", "db2"])
    extra = [Measure(key="duration_s", value=1.5, unit="s"), Measure(key="tw", value=None)]
    text = plugin_text(
        State.CRITICAL, [failed, raised], summary="58 of 60 hosts read", details=["a"], extra=extra
    )
    assert text == (
        "SOCKFLEET CRITICAL - worst.tcp_close 1500 above 1000 (web7 1500, web3 900); "
        "failed 2 above 0 (db1, db2); 58 of 60 hosts read | 'failed'=2;0;;0;60 "
        "'worst.tcp_close'=1500;~:500;~:1000 'duration_s'=1.5s\n"
        "[WARNING] failed 2, warning 0: db1, db2\n"
        "[CRITICAL] worst.tcp_close 1500, warning ~:500, critical ~:1000: web7 1500, web3 900\n"
        "a\n"
    )


def test_a_bound_is_said_to_be_one():
    text = plugin_text(State.CRITICAL, [level(qualifier="at most", critical="3")], summary="")
    assert "tcp_close at most 5 above 3" in text


def test_hostile_names_and_endless_text_stay_within_bounds():
    raised = level(
        "worst.tcp_close", 9, critical="1", hosts=[(NASTY, 9)] * 3, names=[NASTY] * 100_000
    )
    text = plugin_text(
        State.CRITICAL, [raised] * 50, summary=NASTY, doubts=[NASTY], details=[NASTY] * 1000
    )
    told, perfdata, long = parts(text)
    assert len(text.encode()) < 8192, "what Nagios reads of a plugin (MAX_PLUGIN_OUTPUT_LENGTH)"
    assert len(told) <= 310
    assert perfdata == "'worst.tcp_close'=9;;1"
    assert len(long) == 16
    assert long[-1].startswith("... and ")
    assert text.count("|") == 1
    assert all(c.isprintable() for c in text.replace("\n", ""))


def test_more_numbers_than_fit_are_left_out_whole():
    many = [level(f"key{n}", 2**40 + n) for n in range(500)]
    _, perfdata, _ = parts(plugin_text(State.OK, many, summary=""))
    assert len(perfdata) <= 2000
    assert all(metric.value.isdigit() for metric in PerfData(perfdata).metrics)


def test_a_failure_is_one_line():
    assert failure_text(State.UNKNOWN, "a|b\nc") == "SOCKFLEET UNKNOWN - a/b c\n"


@given(fleets(min_size=1), st.sampled_from(["10", "~:-5", "@1:2", "3:"]))
def test_every_number_of_any_fleet_is_read_back_by_another_parser(found, text):
    then = summarize_fleet(summaries(*found), scan())
    names = {host.name for host in then.hosts}
    now = summarize_fleet(summaries(*found), scan(started_at=LATER))
    whole = Comparison(then, started_at=LATER, names=names).compare(now)
    levels = [
        Level(measure=measure(key, whole), warning=parse_range(text), critical=parse_range("5"))
        for key in KEYS[::5]
    ]
    extra = [measure(key, whole) for key in ("failed", "failed_percent", "read", "duration_s")]
    _, perfdata, _ = parts(plugin_text(State.OK, levels, summary="", extra=extra))
    shown = {one.measure.key: one.measure for one in levels} | {one.key: one for one in extra}
    metrics = {metric.label: metric for metric in PerfData(perfdata).metrics}
    assert set(metrics) == {key for key, one in shown.items() if one.value is not None}
    for key, metric in metrics.items():
        assert float(metric.value) == pytest.approx(shown[key].value, abs=0.0006)
        assert metric.uom == shown[key].unit
    for one in levels:
        if one.measure.value is not None:
            assert (metrics[one.measure.key].warn, metrics[one.measure.key].crit) == (text, "5")


def test_every_key_gives_a_number_where_the_fleet_has_it():
    kernel = Kernel(page_size=4096, tcp_mem=(100, 200, 400), tcp_max_orphans=4)
    then, now = (
        summarize_fleet(summaries(reading("a", kernel=kernel)), scan(started_at=at))
        for at in (BEGAN, LATER)
    )
    whole = Comparison(then, started_at=LATER, names={"a"}).compare(now)
    values = {key: measure(key, whole).value for key in KEYS}
    assert [key for key, value in values.items() if value is None] == []
    assert values["worst.orphan_percent"] == 25.0
    assert values["worst.mem_percent"] == 21.5
    assert values["worst.mem_pressure_percent"] == 43.0
    assert (values["tcp_close"], values["growth.tcp_close"], values["failed"]) == (100, 0, 0)
