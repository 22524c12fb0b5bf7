"""The output of the plugin: bounded, without a bar in text, read by another parser."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynag.Utils import PerfData

from sockfleet.aggregator.comparison import Comparison
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.aggregator.measures import KEYS, STORED_KEYS, Measure, measure
from sockfleet.alerting.levels.range import parse_range
from sockfleet.alerting.levels.state import Level, State
from sockfleet.output.text.monitoring_plugin import failure_text, plugin_text
from tests.support.fleet.sample_fleet import BEGAN, fleets, scan, summaries

LATER = BEGAN + timedelta(hours=1)
NASTY = "we|b\n'1'=9\x1b[2J\u202e" * 40


def level(key="tcp_close", value=5, **more):
    ranges = {name: parse_range(more.pop(name)) for name in ("warning", "critical") if name in more}
    return Level(measure=Measure(key=key, value=value, **more), **ranges)


def parts(text):
    status, *long = text.splitlines()
    status_text, _, perfdata = status.partition(" | ")
    return status_text, perfdata, long


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


def test_a_bound_has_its_qualifier():
    text = plugin_text(State.CRITICAL, [level(qualifier="at most", critical="3")], summary="")
    assert "tcp_close at most 5 above 3" in text


def test_hostile_names_and_endless_text_stay_within_bounds():
    raised = level(
        "worst.tcp_close", 9, critical="1", hosts=[(NASTY, 9)] * 3, names=[NASTY] * 100_000
    )
    text = plugin_text(
        State.CRITICAL, [raised] * 50, summary=NASTY, doubts=[NASTY], details=[NASTY] * 1000
    )
    status_text, perfdata, long = parts(text)
    assert len(text.encode()) < 8192, "what Nagios reads of a plugin (MAX_PLUGIN_OUTPUT_LENGTH)"
    assert len(status_text) <= 310
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
    stored = {key: dict.fromkeys(names, 7.5) for key in STORED_KEYS}
    range_, five = parse_range(text), parse_range("5")
    levels = [
        Level(measure=measure(key, whole, stored), warning=range_, critical=five)
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
