"""``--shard I/N``: machines that ask a part each, and ``merge`` that makes one scan of it."""

import json
import subprocess
import sys

import pytest

from sockfleet.simulator.lean.process import LeanFleetProcess

SOCKFLEET = [sys.executable, "-m", "sockfleet.cli"]


def sockfleet(*words, code=0, **options):
    ran = subprocess.run(
        [*SOCKFLEET, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )
    assert ran.returncode == code, ran.stderr
    return ran


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with LeanFleetProcess(tmp_path_factory.mktemp("fleet"), hosts=30) as fleet:
        yield fleet


@pytest.fixture
def scan(fleet):
    return ["scan", fleet.inventory, "--known-hosts", fleet.known_hosts]


@pytest.fixture
def some(tmp_path):
    """An inventory of hosts that are only listed, one of which has a variable."""
    file = tmp_path / "some.ini"
    file.write_text("[web]\nh[001:100]\nlast rack=r1\n")
    return file


def test_the_merged_parts_are_the_scan_of_the_whole(scan, fleet, tmp_path):
    files = [tmp_path / f"{number}.json" for number in (1, 2, 3)]
    for number, file in enumerate(files, 1):
        sockfleet(*scan, "--shard", f"{number}/3", "-o", file)
    parts = [json.loads(file.read_text()) for file in files]
    assert [part["scan"]["shards"] for part in parts] == [
        {"of": 3, "parts": [n]} for n in (1, 2, 3)
    ]
    merged = sockfleet("merge", *files, "-f", "json")
    whole = json.loads(sockfleet(*scan, "-f", "json").stdout)
    together = json.loads(merged.stdout)
    assert merged.stderr == ""
    for document in (whole, together):
        document["hosts"] = [
            (host["rank"], host["name"], host["tcp"]) for host in document["hosts"]
        ]
    assert (together["hosts"], together["fleet"]) == (whole["hosts"], whole["fleet"])
    assert "shards" not in together["scan"]


def test_a_part_that_did_not_come_is_told(scan, tmp_path):
    sockfleet(*scan, "--shard", "1/2", "-o", tmp_path / "1.json")
    merged = sockfleet("merge", tmp_path / "1.json", "-f", "json")
    assert "shard 2/2 is missing: its hosts are not in this scan" in merged.stderr
    assert json.loads(merged.stdout)["scan"]["shards"] == {"of": 2, "parts": [1]}


def test_the_parts_of_a_limit_are_what_is_listed(some):
    listed = [
        sockfleet("scan", some, "-l", "web:!h007", "--shard", f"{n}/4", "--list-hosts").stdout
        for n in (1, 2, 3, 4)
    ]
    names = [name for part in listed for name in part.split()]
    assert len(names) == len(set(names)) == 100
    assert "h007" not in names


def empty_part_of(some, name):
    """A shard of two that the host is not in."""
    first = sockfleet("scan", some, "-l", name, "--shard", "1/2", "--list-hosts").stdout
    return "2/2" if first else "1/2"


def test_an_empty_part_is_a_whole_and_quiet_success(some, tmp_path):
    words = [some, "-l", "h001", "--shard", empty_part_of(some, "h001")]
    ran = sockfleet("scan", *words, "-o", tmp_path / "part.json")
    assert (ran.stdout, ran.stderr) == ("", "")
    document = json.loads((tmp_path / "part.json").read_text())
    assert document["scan"]["complete"] is True
    assert document["hosts"] == []
    for more in (["-f", "table"], ["-f", "prometheus"], ["-f", "csv"], ["--repeat", "1"]):
        sockfleet("scan", *words, *more)
    sockfleet("scan", *words, "-f", "json", "--workers", "4")
    assert "0 of 0 hosts read" in sockfleet("check", *words).stdout


def test_an_empty_selection_stays_an_error(some):
    ran = sockfleet("scan", some, "-l", "nobody", "--shard", "1/2", code=2)
    assert "nobody" in ran.stderr


def test_a_variable_of_another_part_can_be_grouped_by(some, tmp_path):
    """Else cron would fail on machines whose part has no such host."""
    words = [some, "-l", "h001:last", "--group-by", "rack"]
    other = empty_part_of(some, "last")
    more = ["--connect-timeout", "0.1", "--retries", "0", "-o", tmp_path / "x.json"]
    ran = sockfleet("scan", *words, "--shard", other, *more, code=code_of(some, other))
    assert "--group-by" not in ran.stderr


def code_of(some, shard):
    """4 where h001, which cannot be reached, is in the part; 0 where that is empty."""
    return (
        4 if sockfleet("scan", some, "-l", "h001", "--shard", shard, "--list-hosts").stdout else 0
    )


@pytest.mark.parametrize("value", ["0/2", "3/2", "1", "a/b", "1/2/3"])
@pytest.mark.parametrize("command", ["scan", "check"])
def test_what_is_no_part_is_refused(some, command, value):
    ran = sockfleet(command, some, "--shard", value, code=2 if command == "scan" else 3)
    assert "expected I/N" in ran.stderr + ran.stdout


def test_a_part_of_a_saved_scan_cannot_be_judged(tmp_path):
    ran = sockfleet("check", "--from", tmp_path / "scan.json", "--shard", "1/2", code=3)
    assert "--shard selects hosts to ask" in ran.stdout


def test_the_configuration_is_checked_for_it(tmp_path):
    file = tmp_path / "sockfleet.toml"
    file.write_text('[scan]\nshard = "3/2"\n')
    ran = sockfleet("config", "--check", "--config", file, code=2)
    assert "scan.shard" in ran.stdout + ran.stderr
