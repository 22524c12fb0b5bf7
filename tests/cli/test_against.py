"""``scan --against``: repeated runs over real SSH, and files that are no earlier scan."""

import csv
import io
import json
import os
import re
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest

from sockfleet.simulator.fleet.process import FleetProcess
from tests.support.cli.command_line import run_command

SCENARIO = """
seed: {seed}
roles:
  web:
    count: 3
    profile: web
    sockets: {{tcp_close: 5}}
  shop:
    count: 1
    profile: web
    sockets: {{tcp_close: {shop}}}
  docker:
    count: 1
    profile: container-host
    sockets: {{containers: 2}}
"""


@pytest.fixture(scope="module")
def fleets(tmp_path_factory):
    """One fleet in three states: before a leak, with it, and after a boot of all hosts."""
    folder = tmp_path_factory.mktemp("fleets")
    states = {"before": (1, 10), "leak": (1, 810), "booted": (2, 10)}
    with ExitStack() as running:
        for name, (seed, shop) in states.items():
            (folder / name).mkdir()
            scenario = folder / f"{name}.yml"
            scenario.write_text(SCENARIO.format(seed=seed, shop=shop))
            running.enter_context(FleetProcess(folder / name, scenario))
        yield folder


@pytest.fixture
def scan(fleets, tmp_path, monkeypatch, capsysbinary):
    """Scan the fleet in one of its states, always with the same paths."""
    monkeypatch.chdir(tmp_path)
    current = tmp_path / "current"

    def run(state, *options, known_hosts="current/known_hosts"):
        current.unlink(missing_ok=True)
        current.symlink_to(fleets / state)
        login = ["--known-hosts", known_hosts, "--identity", "current/id_ed25519"]
        words = ["current/inventory.yml", *login, *options]
        return run_command("scan", *words, monkeypatch=monkeypatch, captured=capsysbinary)

    return run


@pytest.fixture
def cron(scan, tmp_path):
    """Scan as a cron job does: compare with the last run's file, then replace it."""

    def run(state, *options):
        code, _, err = scan(state, "--against", "scan.json", "-o", "scan.json", *options)
        return code, err, json.loads((tmp_path / "scan.json").read_bytes())

    return run


def started_at(document):
    return datetime.fromisoformat(document["scan"]["started_at"])


def test_a_leak_shows_in_the_next_run_with_its_rate(cron):
    code, err, first = cron("before", "-q")
    assert (code, err) == (0, "")
    assert "change" not in first["fleet"]
    code, err, second = cron("leak", "-q")
    assert (code, err) == (0, "")
    hosts = {host["name"]: host for host in second["hosts"]}
    change = hosts["shop"]["change"]
    apart_s = (started_at(second) - started_at(first)).total_seconds()
    assert (change["status"], change["tcp_close"], change["alloc"]) == ("compared", 800, 800)
    # The documents round to milliseconds, and the scans are only some milliseconds apart.
    assert 800 * 3600 / change["rate_per_hour"]["tcp_close"] == pytest.approx(apart_s, abs=0.003)
    assert hosts["web1"]["change"]["tcp_close"] == 0
    fleet = second["fleet"]["change"]
    assert (fleet["compared"], fleet["tcp_close"], fleet["bound"]) == (5, 800, False)
    assert fleet["against"]["id"] == first["scan"]["id"]
    statuses = [one["status"] for one in hosts["docker"]["change"]["namespaces"]]
    assert statuses == ["compared"] * 3
    _, _, third = cron("before", "-q")
    assert third["fleet"]["change"]["tcp_close"] == -800


def test_a_reboot_is_listed_and_not_counted_as_a_change(cron):
    cron("leak", "-q")
    _, _, document = cron("booted", "-q")
    fleet = document["fleet"]["change"]
    assert (fleet["compared"], fleet["tcp_close"]) == (0, None)
    assert fleet["rebooted"] == ["docker", "shop", "web1", "web2", "web3"]


def made_earlier(document, hours):
    """The same with every time of it earlier."""

    def shift(found):
        time = datetime.fromisoformat(found[0]) - timedelta(hours=hours)
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", shift, json.dumps(document))
    return json.loads(text)


def test_the_table_shows_the_change_and_its_period(scan, cron, tmp_path):
    _, _, document = cron("before", "-q")
    _, out, _ = scan("leak", "--against", "scan.json")
    assert "PER_HOUR" not in out, "over seconds, a rate is noise"
    (tmp_path / "scan.json").write_text(json.dumps(made_earlier(document, hours=1)))
    _, out, _ = scan("leak", "--against", "scan.json")
    header, first, *_ = out.splitlines()
    assert header.split()[:4] == ["HOST", "TCP_CLOSE▼", "CHANGE", "PER_HOUR"]
    name, held, change, rate, *_ = first.split()
    assert (name, held, change) == ("shop", "810", "+800")
    assert 700 < int(rate) <= 800
    assert "before): tcp_close +800 (" in out
    assert "over 5 hosts." in out
    _, out, _ = scan("booted", "--against", "scan.json")
    assert "rebooted" in out.splitlines()[1]
    assert "5 hosts rebooted: docker, shop, web[1-3]" in out
    assert "no tcp_close to compare" in out


def test_csv_and_ndjson_contain_the_change(scan, cron):
    cron("before", "-q")
    _, out, _ = scan("leak", "--against", "scan.json", "-f", "csv")
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(out))}
    assert (rows["shop"]["change_status"], rows["shop"]["change_tcp_close"]) == ("compared", "800")
    assert float(rows["shop"]["rate_per_hour_tcp_close"]) > 800
    _, out, _ = scan("leak", "--against", "scan.json", "-f", "ndjson")
    *hosts, fleet = map(json.loads, out.splitlines())
    assert {host["name"]: host["change"]["tcp_close"] for host in hosts}["shop"] == 800
    assert fleet["fleet"]["change"]["tcp_close"] == 800


def test_new_gone_lost_and_recovered_hosts_are_listed(scan, tmp_path, fleets):
    lines = (fleets / "before/known_hosts").read_text().splitlines(keepends=True)
    known_hosts = tmp_path / "some_known_hosts"

    def run(*, without):
        hidden = [line for line in lines if f"[{address(without)}]" not in line]
        known_hosts.write_text("".join(hidden))
        words = ["--against", "s.json", "-o", "s.json"]
        code, _, _ = scan("before", *words, known_hosts=known_hosts)
        assert code == 3
        return json.loads((tmp_path / "s.json").read_bytes())["fleet"]["change"]

    def address(name):
        return hosts[name]["address"]

    _, out, _ = scan("before", "-f", "json")
    hosts = {host["name"]: host for host in json.loads(out)["hosts"]}
    (tmp_path / "s.json").write_text(out)
    assert run(without="web1")["lost"] == ["web1"]
    change = run(without="web2")
    assert (change["lost"], change["recovered"]) == (["web2"], ["web1"])
    earlier = json.loads((tmp_path / "s.json").read_bytes())
    earlier["hosts"] = [host for host in earlier["hosts"] if host["name"] != "shop"]
    earlier["hosts"].append(hosts["web1"] | {"name": "old", "rank": 9})
    (tmp_path / "s.json").write_text(json.dumps(earlier))
    change = run(without="web2")
    assert (change["new"], change["gone"], change["lost"]) == (["shop"], ["old"], [])


def test_the_first_run_has_nothing_to_compare(scan, cron):
    code, err, document = cron("before")
    assert (code, document["scan"]["complete"]) == (0, True)
    assert err == "sockfleet: --against scan.json: no such file yet, so nothing is compared\n"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b'{"schema": "other"}', b"\xff\xfe", b"\0" * 4096, b"[" * 100_000],
)
def test_a_damaged_file_is_replaced_with_a_warning_even_when_quiet(cron, tmp_path, content):
    (tmp_path / "scan.json").write_bytes(content)
    code, err, document = cron("before", "-q")
    assert code == 0
    assert err.startswith("sockfleet: warning: --against: scan.json: ")
    assert err.endswith("; nothing is compared\n")
    assert len(document["hosts"]) == 5
    assert cron("leak", "-q")[2]["fleet"]["change"]["tcp_close"] == 800


def test_an_unreadable_file_does_not_stop_the_scan(scan, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in (".", "loop", "current/inventory.yml/x"):
        code, out, err = scan("before", "-q", "-f", "json", "--against", name)
        assert (code, len(json.loads(out)["hosts"])) == (0, 5)
        assert f"--against: cannot read {name}: " in err


def test_a_file_without_read_permission_does_not_stop_the_scan(scan, tmp_path, monkeypatch):
    file = tmp_path / "scan.json"
    file.write_text("{}")
    file.chmod(0)
    if os.geteuid() == 0:  # root ignores the mode
        monkeypatch.setattr("pathlib.Path.read_bytes", deny_reading(file.name))
    code, _, err = scan("before", "-q", "--against", "scan.json", "-f", "csv")
    assert code == 0
    assert "--against: cannot read scan.json: Permission denied; nothing is compared" in err


def deny_reading(name):
    def read_bytes(path):
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        with path.open("rb") as stream:
            return stream.read()

    return read_bytes


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"started_at": "2999-01-01T00:00:00.000Z"}, "not before this scan"),
        ({"started_at": "2026-01-01T00:00:00.000"}, "has no time zone"),
    ],
)
def test_a_scan_with_an_impossible_start_is_not_compared(scan, cron, tmp_path, change, expected):
    _, _, document = cron("before", "-q")
    document["scan"] |= change
    (tmp_path / "scan.json").write_text(json.dumps(document))
    code, err, document = cron("before", "-q")
    assert code == 0
    assert expected in err
    assert "change" not in document["fleet"]


def test_a_scan_of_another_fleet_is_a_warning(cron, tmp_path):
    _, _, document = cron("before", "-q")
    for host in document["hosts"]:
        host["name"] += ".other"
    (tmp_path / "scan.json").write_text(json.dumps(document))
    code, err, _ = cron("before", "-q")
    assert code == 0
    assert "none of its 5 hosts is among the 5 of this scan: it is of another fleet" in err


def test_an_upper_bound_is_not_compared_with_an_exact_number(scan, cron):
    cron("before", "-q")
    _, out, _ = scan("leak", "--against", "scan.json", "--no-namespaces", "-f", "json")
    for host in json.loads(out)["hosts"]:
        assert host["change"]["tcp_close"] is None
        assert host["change"]["alloc"] is not None


def test_the_difference_of_two_bounds_is_marked(scan, cron):
    cron("before", "-q", "--no-namespaces")
    _, out, _ = scan("leak", "--against", "scan.json", "--no-namespaces")
    assert "~+800" in out
    assert "~ is the difference of two upper bounds" in out
