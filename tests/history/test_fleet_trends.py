"""Trends of every number from a store of each database, for hosts and groups, with their limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sockfleet.history import window
from sockfleet.history.fleet_trends import read_trends
from sockfleet.history.store.maintenance.retention import maintain
from sockfleet.history.store.opening import open_store
from sockfleet.history.store.save import save_scan
from sockfleet.history.trends.classify import Kind
from tests.support.history.made_scans import BEGIN, host_summary, scan_of

SCANS = 5 * 24
END = BEGIN + timedelta(hours=SCANS)
PER_HOUR = {"tcp_close": 4, "alloc": 5, "orphan": 1, "mem_pages": 9, "sockets_used": 6}
LIMITS = {
    "tcp_close": "file-max",
    "alloc": "file-max",
    "orphan": "tcp_max_orphans",
    "mem_pages": "tcp_mem",
    "sockets_used": "file-max",
}


def host_of(name: str, hour: int, *, leaks: bool):
    """A host of which every number grows, by `PER_HOUR`, or none."""
    host = host_summary(name, 40 + hour % 3)
    grown = {key: rate * hour * leaks + hour % 3 for key, rate in PER_HOUR.items()}
    numbers = {key: getattr(host.tcp, key) + grown[key] for key in PER_HOUR if key[0] != "s"}
    kernel = replace(host.kernel, file_nr=2000 + grown["alloc"], file_max=20_000)
    tcp = replace(host.tcp, **numbers)
    used = host.sockets_used + grown["sockets_used"]
    return replace(host, tcp=tcp, sockets_used=used, kernel=kernel)


def scan_at(hour: int):
    hosts = [host_of(f"web{number}", hour, leaks=number == 3) for number in range(1, 8)]
    return scan_of(hosts, BEGIN + timedelta(hours=hour))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request, tmp_path_factory):
    """Five days of seven hosts in each database; all numbers of web3 grow."""
    url = str(tmp_path_factory.mktemp("store") / "history.db")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").make_database()
    opened = open_store(url, create=True)
    for hour in range(SCANS):
        save_scan(opened, scan_at(hour))
    yield opened
    opened.close()


@pytest.mark.parametrize("metric", PER_HOUR)
def test_every_number_has_trends_rates_and_limits(store, metric):
    trends = read_trends(store, metric, BEGIN, END)
    kinds = {one.host: one.kind for one in trends.findings}
    assert [host for host, kind in kinds.items() if kind is Kind.LEAK] == ["web3"]
    (leak,) = [one for one in trends.findings if one.kind is Kind.LEAK]
    assert leak.rate.per_hour == pytest.approx(PER_HOUR[metric], rel=0.1)
    assert leak.forecast.limit.name == LIMITS[metric]
    assert leak.forecast.at > END.timestamp() - 3600


@pytest.mark.parametrize("metric", PER_HOUR)
def test_the_sums_of_groups_have_trends_too(store, metric):
    (web,) = read_trends(store, metric, BEGIN, END, of_groups=True).findings
    assert (web.host, web.kind) == ("web", Kind.LEAK)
    assert web.rate.per_hour == pytest.approx(PER_HOUR[metric], rel=0.1)


@pytest.mark.parametrize("metric", PER_HOUR)
def test_the_host_that_is_apart_from_its_group_is_known(store, metric):
    findings = read_trends(store, metric, BEGIN, END).findings
    (apart,) = [one for one in findings if one.apart is not None]
    assert (apart.host, apart.apart.group) == ("web3", "web")
    assert apart.apart.score > 6


def test_file_max_says_when_the_machine_has_no_open_file_left(store):
    findings = {one.host: one for one in read_trends(store, "alloc", BEGIN, END).findings}
    leak = findings["web3"]
    left = 20_000 - (2000 + PER_HOUR["alloc"] * (SCANS - 1) + (SCANS - 1) % 3)
    hours = (leak.forecast.at - leak.forecast.seen_at) / 3600
    assert hours == pytest.approx(left / PER_HOUR["alloc"], rel=0.05)


def test_a_scan_that_is_not_saved_yet_counts(store):
    fallen = replace(scan_at(SCANS), hosts=(host_of("web3", 0, leaks=True),))
    kinds = {
        one.host: one.kind
        for one in read_trends(
            store, "tcp_close", BEGIN, END, hosts=["web3", "web4"], newest=fallen
        ).findings
    }
    assert kinds == {"web3": Kind.RESTARTED, "web4": Kind.NORMAL}
    grown = read_trends(store, "tcp_close", BEGIN, END, hosts=["web3"], newest=scan_at(SCANS))
    assert grown.findings[0].kind is Kind.LEAK
    assert grown.findings[0].forecast.seen_at == END.timestamp()
    saved = read_trends(store, "tcp_close", BEGIN, END, hosts=["web3"], newest=scan_at(SCANS - 1))
    assert saved.scans == SCANS, "a scan that is no newer is in the store"


def test_very_many_scans_are_judged_by_the_medians_of_hours(store, monkeypatch):
    maintain(store, END + timedelta(hours=1), most_s=None)
    monkeypatch.setattr(window, "MOST_SCANS_RAW", 50)
    monkeypatch.setattr(window, "read_series", None)
    trends = read_trends(store, "tcp_close", BEGIN, END)
    assert [one.host for one in trends.findings if one.kind is Kind.LEAK] == ["web3"]
