"""Rounds, shards and merged scans in a store: each host counts once at each time."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sockfleet.history.store.database.connection import Store
from tests.support.cli.command_line import run_command


@pytest.fixture(params=["sqlite", "postgresql"])
def run(request, tmp_path, monkeypatch, capsysbinary):
    """Run a command of two local hosts, with a store of each database."""
    url = str(tmp_path / "history.db")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").make_database()
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(
        "all:\n  vars: {ansible_connection: local}\n  hosts: {one: , two: , three: , four: }\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(*words: str | Path) -> str:
        code, out, err = run_command(
            *words, "--store", url, monkeypatch=monkeypatch, captured=capsysbinary
        )
        assert (code, [line for line in err.splitlines() if "boot id" not in line]) == (0, [])
        return out

    return call


def save_parts(run, name: str, *more: str) -> list[Path]:
    """Scan and save each of two shards; return their files."""
    files = [Path(f"{name}-{part}.json") for part in (1, 2)]
    for part, file in enumerate(files, 1):
        words = ("hosts.yml", "--shard", f"{part}/2", "--save", "-q", "-o", str(file))
        run("scan", *words, *more)
    return files


def samples(run) -> dict[str, int]:
    """How many readings the store has of each host."""
    found = {}
    for host in ("one", "two", "three", "four"):
        document = json.loads(run("history", "show", "--host", host, "-f", "json"))
        found[host] = sum(point["samples"] for point in document["points"])
    return found


def listed(run) -> list[dict]:
    return json.loads(run("history", "list", "-f", "json"))["scans"]


def test_shards_are_one_time_and_their_merged_scan_adds_nothing(run):
    files = save_parts(run, "first")
    assert set(samples(run).values()) == {1}
    run("merge", *map(str, files), "-q", "-o", "whole.json")
    run("history", "import", "whole.json")
    whole, *parts = sorted(listed(run), key=lambda scan: -scan["hosts"]["total"])
    assert whole["hosts"]["total"] == 4
    assert {part["merged_into"] for part in parts} == {whole["id"]}
    assert set(samples(run).values()) == {1}
    assert json.loads(run("report", "-f", "json"))["scans"] == 1


def test_parts_that_are_imported_after_their_merged_scan_add_nothing(run):
    for part in (1, 2):
        words = ("hosts.yml", "--shard", f"{part}/2", "-q", "-o", f"{part}.json")
        run("scan", *words)
    run("merge", "1.json", "2.json", "-q", "-o", "whole.json")
    assert run("history", "import", "whole.json", "1.json", "2.json") == "3 scans imported.\n"
    assert run("history", "import", "whole.json", "1.json").startswith("0 scans imported; 2 were")
    assert set(samples(run).values()) == {1}


def test_the_last_scan_of_a_shard_is_of_that_shard(run):
    first = save_parts(run, "first")
    save_parts(run, "second", "--against", "last")
    for part in (1, 2):
        before = json.loads(first[part - 1].read_bytes())["scan"]["id"]
        now = json.loads(Path(f"second-{part}.json").read_bytes())
        assert now["fleet"]["change"]["against"]["id"] == before
        assert now["fleet"]["change"]["new"] == []


def test_each_round_of_a_shard_is_saved(run):
    words = ("hosts.yml", "--shard", "1/2", "--save", "-q", "--repeat", "2", "--interval", "0.1")
    run("scan", *words, "-o", "round.json")
    assert [(scan["round"], scan["shards"]) for scan in listed(run)] == [(2, "1/2"), (1, "1/2")]
    last = json.loads(Path("round.json").read_bytes())["scan"]["id"]
    assert listed(run)[0]["id"] == last
    run("history", "import", "round.json")
    assert len(listed(run)) == 2


def test_a_scan_closes_its_store(run, mocker):
    closed = mocker.spy(Store, "close")
    run("scan", "hosts.yml", "--save", "-q", "-o", "scan.json")
    assert closed.call_count == 1


def test_yesterday_is_the_last_scan_before_its_midnight(run):
    run("scan", "hosts.yml", "-q", "-o", "now.json")
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = midnight - timedelta(days=1)
    times = {
        "a" * 32: yesterday - timedelta(days=3),
        "b" * 32: yesterday - timedelta(hours=1),
        "c" * 32: yesterday + timedelta(hours=12),
        "d" * 32: midnight + timedelta(seconds=1),
    }
    text = Path("now.json").read_text()
    document = json.loads(text)
    for uid, at in times.items():
        document["scan"]["id"] = uid
        document["scan"]["started_at"] = document["scan"]["finished_at"] = at.isoformat()
        Path(f"{uid}.json").write_text(json.dumps(document))
    run("history", "import", *(f"{uid}.json" for uid in times))
    for name, uid in (("yesterday", "b"), ("today", "c"), ("30d", "a"), ("now", "d")):
        out = run("scan", "hosts.yml", "-q", "--against", name, "-f", "json")
        assert json.loads(out)["fleet"]["change"]["against"]["id"] == uid * 32, name
