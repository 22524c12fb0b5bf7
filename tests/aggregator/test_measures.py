"""The numbers of a scan by name."""

from datetime import timedelta

import pytest

from sockfleet.aggregator.comparison import Comparison
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.aggregator.measures import APART, KEYS, STORED_KEYS, measure
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.core.errors import UsageError
from tests.support.fleet.sample_fleet import BEGAN, reading, scan, summaries
from tests.support.history.made_scans import host_summary, scan_of

LATER = BEGAN + timedelta(hours=1)


def test_every_key_gives_a_number_where_the_fleet_has_it():
    kernel = Kernel(page_size=4096, tcp_mem=(100, 200, 400), tcp_max_orphans=4)
    then, now = (
        summarize_fleet(summaries(reading("a", kernel=kernel)), scan(started_at=at))
        for at in (BEGAN, LATER)
    )
    whole = Comparison(then, started_at=LATER, names={"a"}).compare(now)
    stored = {key: {"a": 5} for key in STORED_KEYS}
    values = {key: measure(key, whole, stored).value for key in KEYS}
    # One host is no group that another could be apart from.
    lacking = [key for key, value in values.items() if value is None]
    assert lacking == [f"apart.{name}" for name in APART]
    assert values["worst.orphan_percent"] == 25.0
    assert values["worst.mem_percent"] == 21.5
    assert values["worst.mem_pressure_percent"] == 43.0
    assert (values["tcp_close"], values["growth.tcp_close"], values["failed"]) == (100, 0, 0)


def compared(**tcp_close):
    """A scan of hosts, each with the earlier and the present number of closed sockets."""
    scans = [
        scan_of([host_summary(name, both[place]) for name, both in tcp_close.items()], at)
        for place, at in enumerate((BEGAN, LATER))
    ]
    return Comparison(scans[0], started_at=LATER, names=set(tcp_close)).compare(scans[1])


def test_a_change_in_percent_is_of_the_earlier_value():
    whole = compared(a=(100, 150), b=(300, 350))
    assert measure("change_percent.tcp_close", whole).value == 25.0
    worst = measure("worst.change_percent.tcp_close", whole)
    assert (worst.value, worst.unit, worst.hosts[0][0]) == (50.0, "%", "a")


def test_growth_from_nothing_is_counted_from_one():
    assert measure("worst.change_percent.tcp_close", compared(a=(0, 7))).value == 700.0


def test_a_host_is_compared_with_the_median_of_its_smallest_group_of_four():
    hosts = [host_summary(f"web{n}", 10 * n, groups=("all", "big", "web")) for n in range(1, 6)]
    hosts += [host_summary(f"db{n}", 1000, groups=("all", "big", "db")) for n in range(3)]
    found = measure("apart.tcp_close", scan_of(hosts))
    # Three of db are too few: they are compared with all eight, whose median is 45.
    assert found.hosts[0] == ("db0", 22.222)
    web = measure("apart.tcp_close", scan_of(hosts[:5]))
    assert web.hosts[0] == ("web5", round(50 / 30, 3))


def test_a_group_without_any_makes_no_multiple_of_nothing():
    hosts = [host_summary(f"h{n}", 0) for n in range(4)]
    assert measure("apart.tcp_close", scan_of([*hosts, host_summary("x", 3)])).value == 3.0


def test_the_worst_host_of_a_stored_number_is_the_one_with_the_fewest_hours():
    whole = scan_of([host_summary("a"), host_summary("b")])
    stored = {"hours_to.tcp_mem": {"a": 50, "b": 7.5, "other": 1}}
    found = measure("hours_to.tcp_mem", whole, stored)
    assert (found.value, found.hosts[0]) == (7.5, ("b", 7.5))


@pytest.mark.parametrize("key", STORED_KEYS)
def test_a_stored_number_without_a_store_is_a_usage_error(key):
    with pytest.raises(UsageError, match="of the scans of a store"):
        measure(key, scan_of([host_summary("a")]))
