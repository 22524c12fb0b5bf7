"""Namespaces are kept by names that last: their inodes and ids of processes do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from sockfleet.aggregator.merge import merge_scans
from sockfleet.aggregator.namespaces import NamespaceSummary
from sockfleet.collector.probe.containers import Container
from sockfleet.core.errors import UsageError
from sockfleet.history.store import layout
from sockfleet.history.store.maintenance.check import check_store
from sockfleet.history.store.maintenance.retention import Limits, prune
from sockfleet.history.store.namespace_series import MOST_NAMESPACES, read_namespace_series
from sockfleet.history.store.namespaces import MOST_OF_A_HOST, name_of
from sockfleet.history.store.save import save_scan
from tests.support.history.made_scans import BEGIN, host_summary, namespaces_of, scan_of

LATER = BEGIN + timedelta(days=30)
DOCKER = "ab" * 32


def save(store, minute, **hosts):
    summaries = [
        host_summary(name, None if within is None else 9, namespaces=within)
        for name, within in hosts.items()
    ]
    summary = scan_of(summaries, BEGIN + timedelta(minutes=minute))
    save_scan(store, summary)
    return summary


def series(store, metric="tcp_close", hosts=None):
    found = read_namespace_series(store, metric, BEGIN, LATER, hosts)
    rows = found.block.values.tolist()
    return {
        (name.host, str(name)): [None if value != value else value for value in row]
        for name, row in zip(found.names, rows, strict=True)
    }


def count(store, table):
    with store.read() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_a_namespace_keeps_its_series_when_its_inode_changes(store):
    save(store, 0, a=namespaces_of({"nginx.service": 5, DOCKER: 7}))
    save(store, 5, a=namespaces_of({DOCKER: 8, "nginx.service": 6}, first_inode=4026539000))
    save(store, 10, a=None)
    save(store, 15, a=namespaces_of({"nginx.service": 9, "new.service": 1}))
    assert series(store) == {
        ("a", "nginx.service"): [5, 6, None, 9],
        ("a", "docker abababababab"): [7, 8, None, None],
        ("a", "new.service"): [None, None, None, 1],
        ("a", "the host's own namespace"): [3, 3, None, 3],
    }
    assert series(store, "sockets_used")["a", "nginx.service"] == [35, 36, None, 39]
    assert check_store(store).problems == ()


def test_namespaces_of_one_name_are_added_up_only_where_all_were_read(store):
    twice = namespaces_of({"vpn.service": 4, "x.service": 2})
    same = (*twice[:2], replace(twice[2], unit="vpn.service"))
    unread = (*same[:2], replace(same[2], tcp_close_max=None))
    save(store, 0, a=same)
    save(store, 5, a=unread)
    assert series(store)["a", "vpn.service"] == [6, None]


def test_a_host_without_containers_and_units_takes_no_row(store):
    save(store, 0, a=namespaces_of({}), b=None)
    for table in (layout.namespaces, layout.namespace_packs, layout.namespace_sets):
        assert count(store, table) == 0
    assert series(store) == {}


def test_a_namespace_whose_name_does_not_last_is_left_out(store):
    nameless = replace(namespaces_of({"x.service": 4})[1], unit=None)
    save(store, 0, a=(*namespaces_of({"nginx.service": 5}), nameless))
    assert set(series(store)) == {("a", "nginx.service"), ("a", "the host's own namespace")}


def test_a_pod_is_one_name_for_all_its_containers():
    within = NamespaceSummary(
        inode=1,
        host=False,
        pid=2,
        container=Container(runtime="containerd", id=DOCKER, pod_uid="11-22"),
        inuse=0,
    )
    assert name_of(within) == ("pod", "11-22")
    assert name_of(replace(within, container=Container(runtime="lxc", id="web"))) == ("lxc", "web")


def test_the_namespaces_with_most_closed_sockets_are_kept_of_a_host_with_hundreds(store):
    save(store, 0, a=namespaces_of({f"{number}.service": number for number in range(200)}))
    assert count(store, layout.namespaces) == MOST_OF_A_HOST
    assert min(row[0] for row in series(store).values()) == 200 - MOST_OF_A_HOST


def test_a_series_is_read_of_some_hosts_and_of_the_largest(store, monkeypatch):
    within = namespaces_of({"a.service": 30, "b.service": 20})
    save(store, 0, web1=within, web2=within)
    assert {host for host, _ in series(store, hosts=["web2"])} == {"web2"}
    monkeypatch.setattr("sockfleet.history.store.namespace_series.MOST_NAMESPACES", 2)
    found = read_namespace_series(store, "tcp_close", BEGIN, LATER)
    assert [str(name) for name in found.names] == ["a.service", "a.service"]
    assert (found.left_out, MOST_NAMESPACES) == (4, 5000)
    with pytest.raises(UsageError, match="of namespaces there are tcp_close"):
        read_namespace_series(store, "orphan", BEGIN, LATER)


def test_a_merged_scan_counts_once_for_namespaces_too(store):
    parts = [
        scan_of([host_summary(name, 9, namespaces=namespaces_of({"x.service": 5}))], BEGIN)
        for name in "ab"
    ]
    for part in parts:
        save_scan(store, part)
    save_scan(store, merge_scans(parts))
    found = read_namespace_series(store, "tcp_close", BEGIN, LATER)
    assert found.block.values.shape == (4, 1)
    with store.read() as connection:
        assert connection.scalar(text("SELECT sum(tcp_close_max) FROM namespaces")) == 16


def test_the_newest_reading_is_a_plain_row(store):
    save(store, 5, a=namespaces_of({"nginx.service": 6}))
    save(store, 0, a=namespaces_of({"nginx.service": 5}))
    query = (
        "SELECT host, kind, name, namespaces, tcp_close_max, inuse, sockets_used FROM namespaces "
        "WHERE kind = 'unit'"
    )
    with store.read() as connection:
        rows = [tuple(row) for row in connection.execute(text(query))]
    assert rows == [("a", "unit", "nginx.service", 1, 6, 20, 36)]


def test_names_that_no_kept_scan_has_go_with_their_scans(store):
    save(store, 0, a=namespaces_of({"old.service": 5}))
    save(store, 60 * 24 * 40, a=namespaces_of({"new.service": 5}))
    now = BEGIN + timedelta(days=40, hours=2)
    prune(store, Limits(), now)
    assert {name for _, name in series_after(store, now)} == {
        "new.service",
        "the host's own namespace",
    }
    assert count(store, layout.namespaces) == 2
    assert count(store, layout.namespace_sets) == 1
    assert check_store(store).problems == ()


def series_after(store, now):
    found = read_namespace_series(store, "tcp_close", BEGIN, now)
    return [(name.host, str(name)) for name in found.names]


def test_damaged_sets_and_packs_of_namespaces_are_found(store):
    save(store, 0, a=namespaces_of({"x.service": 5}))
    with store.write() as connection:
        connection.execute(layout.namespace_packs.update().values(data=b"cut"))
    assert any("namespaces" in problem for problem in check_store(store).problems)
