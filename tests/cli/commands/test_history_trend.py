"""``sockfleet history trend`` on a store that is filled with made scans."""

from __future__ import annotations

import json
import os
import pty
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from jsonschema import Draft202012Validator

from sockfleet.aggregator.processes import Attribution
from sockfleet.collector.probe.processes import Process
from sockfleet.history.store.opening import open_store, use_store
from sockfleet.history.store.save import save_scan
from sockfleet.output.machine.schema import load_schema
from tests.support.cli.command_line import run_command
from tests.support.cli.command_process import read_terminal, start_on_terminal
from tests.support.history.made_scans import BEGIN, host_summary, scan_of

SCANS = 4 * 24 + 4
WINDOW = ("--since", "2026-11-01T00:00Z", "--until", "2026-11-06T00:00Z")
PHP = Process(pid=123, command="php", tcp_close=400, open_files=900, open_files_limit=1024)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A store with four days of nine hosts; web1 leaks 5 an hour from the 30th hour on."""
    url = str(tmp_path_factory.mktemp("store") / "history.db")
    store = open_store(url, create=True)
    for hour in range(SCANS):
        leaked = 40 + hour % 3 + 5 * max(0, hour - 30)
        holders = (replace(PHP, tcp_close=leaked),) if hour == SCANS - 1 else None
        hosts = [
            host_summary(
                "web1",
                leaked,
                processes=holders,
                attribution=Attribution(exact=True) if holders else None,
                unattributed=0 if holders else None,
            ),
            *(host_summary(f"web{number}", 40 + (hour * number) % 4) for number in range(2, 8)),
            host_summary("db1", 30 + 200 * (hour > 60), groups=("db",)),
            host_summary("db2", None if hour < 60 else 7, groups=("db",)),
        ]
        save_scan(store, scan_of(hosts, BEGIN + timedelta(hours=hour)))
    store.close()
    return url


@pytest.fixture
def trend(filled, monkeypatch, capsysbinary):
    def call(*words, store=filled):
        return run_command(
            "history",
            "trend",
            "--store",
            store,
            *WINDOW,
            *words,
            monkeypatch=monkeypatch,
            captured=capsysbinary,
        )

    return call


def test_the_table_names_the_leak_with_begin_rate_and_limit(trend):
    code, out, err = trend()
    assert (code, err) == (0, "")
    titles, *rows = out.splitlines()
    assert titles.split()[:3] == ["HOST", "KIND", "TCP_CLOSE"]
    assert rows[0].split()[:2] == ["web1", "leak"]
    assert "EMFILE in 25 h  open files of php (123)" in rows[0]
    assert "web (median 42)" in rows[0]
    assert [row.split()[:2] for row in rows if "step" in row.split()] == [["db1", "step"]]
    assert "9 hosts: 1 leak, 1 step, 1 too-early, 6 normal." in out
    assert "100 scans from" in out


def test_the_json_follows_its_schema(trend):
    code, out, _ = trend("-f", "json", "--limit-at", "1000")
    document = json.loads(out)
    assert code == 0
    Draft202012Validator(load_schema("trend")).validate(document)
    assert document["kinds"] == {"leak": 1, "normal": 6, "step": 1, "too-early": 1}
    leaks = [one for one in document["findings"] if one["kind"] == "leak"]
    assert [one["host"] for one in leaks] == ["web1"]
    assert leaks[0]["rate_per_hour"] == pytest.approx(5, rel=0.05)
    assert leaks[0]["begin"].startswith("2026-11-02T0")
    assert leaks[0]["forecast"]["limit"] == "open files of php (123)"
    others = [one for one in document["findings"] if one["kind"] != "leak"]
    assert not any(one["forecast"] for one in others)


def test_hosts_patterns_and_kinds_select(trend):
    _, out, _ = trend("-l", "db", "-f", "json")
    assert [one["host"] for one in json.loads(out)["findings"]] == ["db1", "db2"]
    _, out, _ = trend("web1", "web2", "-f", "json", "--kind", "leak,step")
    assert [one["host"] for one in json.loads(out)["findings"]] == ["web1"]
    _, out, _ = trend("--kind", "too-early")
    assert out.splitlines()[1].split()[:2] == ["db2", "too-early"]
    code, out, err = trend("-l", "web1,nobody")
    assert (code, "no host or group matches 'nobody'" in err) == (0, True)


def test_groups_are_judged_by_their_sums(trend):
    _, out, _ = trend("--groups", "-f", "json")
    document = json.loads(out)
    Draft202012Validator(load_schema("trend")).validate(document)
    web = {one["group"]: one for one in document["findings"]}["web"]
    assert (web["host"], web["kind"]) == (None, "leak")
    assert web["rate_per_hour"] == pytest.approx(5, rel=0.1)
    _, out, _ = trend("--groups")
    assert out.startswith("GROUP")
    assert "2 groups:" in out


def test_limits_of_the_kernel_count_for_their_own_number(trend):
    _, out, _ = trend("--metric", "alloc", "-f", "json", "web1")
    (finding,) = json.loads(out)["findings"]
    assert finding["forecast"]["limit"] == "open files of php (123)"
    _, out, _ = trend("--metric", "mem_pages", "-f", "json", "web1")
    assert json.loads(out)["findings"][0]["kind"] == "normal"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--kind", "leaks"), "there are leak, sawtooth"),
        (("--metric", "love"), "--metric love"),
        (("-l", "nobody"), "no host or group matches 'nobody'"),
        (("web1", "-l", "db"), "exclude each other"),
        (("--limit-at", "-1"), "--limit-at"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(trend, words, message):
    code, out, err = trend(*words)
    assert (code, out) == (2, "")
    assert message in err


def test_a_window_without_a_scan_says_so(trend):
    code, out, _ = trend("--since", "2025-01-01", "--until", "2025-01-09")
    assert code == 0
    assert out.startswith("The store has no scan in this time")


def test_a_longer_window_than_the_readings_is_no_error(trend):
    code, out, _ = trend("--since", "2026-08-01")
    assert (code, "1 leak" in out) == (0, True)


def test_a_missing_store_is_no_traceback(trend, tmp_path):
    code, out, err = trend(store=str(tmp_path / "none.db"))
    assert (code != 0, out) == (True, "")
    assert "none.db" in err


@pytest.fixture
def leaking_store(tmp_path):
    """The user's own store, in which this machine as ``here`` leaks 50 an hour until now."""
    file = tmp_path / "state/sockfleet/history.db"
    file.parent.mkdir(parents=True)
    now = datetime.now(UTC)
    with use_store(str(file), create=True) as store:
        for hour in range(SCANS, 0, -1):
            host = host_summary("here", 9000 - 50 * hour, kernel=None)
            save_scan(store, scan_of([host], now - timedelta(hours=hour)))
    return file


@pytest.fixture
def run(leaking_store, tmp_path, monkeypatch, capsysbinary):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {here: {ansible_connection: local}}}")

    def call(*words):
        known = [str(inventory) if word == "INVENTORY" else word for word in words]
        return run_command(*known, monkeypatch=monkeypatch, captured=capsysbinary)

    return call


def test_explain_tells_of_a_host_over_time(run, leaking_store):
    code, out, _ = run("explain", "--host", "here", "--inventory", "INVENTORY")
    assert code == 0
    assert "Over time: tcp_close grows by 50 an hour since before the first scan." in out
    leaking_store.write_bytes(b"no database")
    code, out, _ = run("explain", "--host", "here", "--inventory", "INVENTORY")
    assert (code, "Over time" in out) == (0, False)


def test_the_table_of_a_saved_scan_tells_of_trends(run):
    code, out, _ = run("scan", "INVENTORY", "--save")
    assert code == 0
    assert "here's tcp_close grew by 50 an hour until" in out
    _, out, _ = run("scan", "INVENTORY", "--save", "-f", "json")
    json.loads(out)
    _, out, _ = run("scan", "INVENTORY")
    assert "here's" not in out


def test_the_screen_of_rounds_and_its_last_table_tell_of_trends(run, tmp_path):
    words = ["scan", str(tmp_path / "hosts.yml"), "--save", "--repeat", "2", "--interval", "0.1"]
    ours, theirs = pty.openpty()
    with start_on_terminal(theirs, words, tmp_path) as process:
        os.close(theirs)
        output = read_terminal(ours)
        assert process.wait() == 0
    drawn, printed = output.split(b"\x1b[?1049l")
    assert b"Round 2, " in drawn
    for part in (drawn, printed):
        assert b"here's tcp_close grew by 50 an hour until" in b" ".join(part.split())


def test_a_store_that_fails_costs_the_table_only_its_trends(run, leaking_store):
    leaking_store.write_bytes(b"no database")
    code, out, err = run("scan", "INVENTORY", "--save")
    assert (code, out.startswith("HOST")) == (5, True)
    assert "here's" not in out
    assert err.count("the scan is not saved") == 1
