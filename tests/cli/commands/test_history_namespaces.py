"""Trends of containers and units, in ``history trend``, ``explain`` and ``report``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from jsonschema import Draft202012Validator

from sockfleet.aggregator.processes import Attribution
from sockfleet.collector.probe.processes import Process
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import save_scan
from sockfleet.output.machine.schema import load_schema
from tests.support.cli.command_line import run_command
from tests.support.history.made_scans import host_summary, namespaces_of, scan_of

DOCKER = "3f" * 32
SCANS = 5 * 24
NOW = datetime.now(UTC)


def leaking(hour: int, *, name: str = "web1"):
    """A host on which a container leaks 5 an hour from the 40th hour on, and a unit is flat.

    The container gets another inode in the middle, as a restart of its host's Docker gives it.
    """
    held = 30 + hour % 3 + 5 * max(0, hour - 40)
    within = namespaces_of(
        {DOCKER: held, "flat.service": 12 + hour % 2},
        first_inode=4026532000 + 100 * (hour > 70),
    )
    fields = {}
    if hour == SCANS - 1:
        inode = within[1].inode
        php = Process(
            pid=9,
            command="php",
            namespace=inode,
            tcp_close=held,
            open_files=824,
            open_files_limit=1024,
        )
        fields = {
            "processes": (php,),
            "attribution": Attribution(exact=True),
            "unattributed": 0,
        }
    return host_summary(name, held + 20, namespaces=within, **fields)


def fill(url: str) -> str:
    """Save five days of hourly scans that end an hour ago."""
    with use_store(url, create=True) as store:
        for hour in range(SCANS):
            at = NOW - timedelta(hours=SCANS - hour)
            quiet = [
                host_summary(
                    f"web{number}",
                    20 + hour % 2,
                    namespaces=namespaces_of({"flat.service": 12 + (hour + number) % 2}),
                )
                for number in range(2, 8)
            ]
            save_scan(store, scan_of([leaking(hour), leaking(hour, name="here"), *quiet], at))
    return url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request, tmp_path_factory):
    """That store, in each database."""
    if request.param == "sqlite":
        return fill(str(tmp_path_factory.mktemp("store") / "history.db"))
    return fill(request.getfixturevalue("postgres").make_database())


@pytest.fixture
def run(filled, tmp_path, monkeypatch, capsysbinary):
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {here: {ansible_connection: local}}}")

    def call(*words):
        known = [str(inventory) if word == "INVENTORY" else word for word in words]
        return run_command(
            *known, "--store", filled, monkeypatch=monkeypatch, captured=capsysbinary
        )

    return call


def test_the_container_that_leaks_is_named_and_no_other(run):
    code, out, err = run("history", "trend", "--namespaces", "-f", "json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    Draft202012Validator(load_schema("trend")).validate(document)
    leaks = [one for one in document["findings"] if one["kind"] == "leak"]
    assert [one["host"] for one in leaks] == ["here", "web1"]
    assert leaks[1]["namespace"] == {"kind": "docker", "name": DOCKER}
    assert leaks[1]["rate_per_hour"] == pytest.approx(5, rel=0.1)
    begin = NOW - timedelta(hours=SCANS - 40)
    assert abs(datetime.fromisoformat(leaks[1]["begin"]) - begin) <= timedelta(hours=2)
    assert leaks[1]["forecast"]["limit"] == "open files of php (9)"
    assert document["kinds"] == {"leak": 2, "normal": 16}


def test_the_table_has_a_column_for_the_namespace(run):
    _, out, _ = run("history", "trend", "--namespaces", "web1")
    titles, row, *_ = out.splitlines()
    assert titles.split()[:3] == ["HOST", "NAMESPACE", "KIND"]
    assert row.split()[:4] == ["web1", "docker", "3f3f3f3f3f3f", "leak"]
    assert "EMFILE in 41 h" in row
    assert "3 namespaces: 1 leak, 2 normal." in out
    _, out, _ = run("history", "trend", "--namespaces", "--metric", "sockets_used", "web1")
    assert "1 leak, 2 normal" in out
    code, _, err = run("history", "trend", "--namespaces", "--metric", "orphan")
    assert (code, "of namespaces there are tcp_close" in err) == (2, True)
    code, _, err = run("history", "trend", "--namespaces", "--groups")
    assert (code, "exclude each other" in err) == (2, True)


def test_explain_says_which_container_grows(run):
    code, out, _ = run("explain", "--host", "here", "--inventory", "INVENTORY")
    assert code == 0
    words = " ".join(out.split())
    assert "Over time: tcp_close grows by 5 an hour since" in words
    assert "Over time: tcp_close of docker 3f3f3f3f3f3f grows by 5 an hour since" in words


def test_the_report_says_which_container_grows(run, tmp_path):
    page = tmp_path / "report.html"
    code, out, _ = run("report", "-f", "json")
    assert code == 0
    document = json.loads(out)
    Draft202012Validator(load_schema("report")).validate(document)
    assert [one["name"] for one in document["growing_namespaces"]] == ["docker 3f3f3f3f3f3f"] * 2
    assert [one["host"] for one in document["apart"]] == ["here", "web1"]
    _, out, _ = run("report")
    assert "Containers and units that grow: docker 3f3f3f3f3f3f on here +5" in " ".join(out.split())
    run("report", "--html", page)
    assert "docker 3f3f3f3f3f3f on web1 +5" in page.read_text()


def test_a_store_without_containers_says_so(tmp_path, monkeypatch, capsysbinary):
    url = str(tmp_path / "h.db")
    with use_store(url, create=True) as store:
        save_scan(store, scan_of([host_summary("a", 3)], NOW - timedelta(hours=1)))
    code, out, _ = run_command(
        *("history", "trend", "--namespaces", "--store", url),
        monkeypatch=monkeypatch,
        captured=capsysbinary,
    )
    assert code == 0
    assert "no containers and units" in out
