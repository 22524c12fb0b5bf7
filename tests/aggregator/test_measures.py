"""The numbers of a scan by name."""

from datetime import timedelta

from sockfleet.aggregator.comparison import Comparison
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.aggregator.measures import KEYS, measure
from sockfleet.collector.probe.kernel import Kernel
from tests.support.fleet.sample_fleet import BEGAN, reading, scan, summaries

LATER = BEGAN + timedelta(hours=1)


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
