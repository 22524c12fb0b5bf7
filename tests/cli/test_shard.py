"""``--shard I/N``: several machines scan one part each, and ``merge`` joins the parts."""

import json

import pytest

from sockfleet.simulator.lean.process import LeanFleetProcess
from tests.support.cli.command_process import run_sockfleet


def sockfleet(*words, code=0):
    result = run_sockfleet(*words)
    assert result.returncode == code, result.stderr
    return result


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with LeanFleetProcess(tmp_path_factory.mktemp("fleet"), hosts=30) as fleet:
        yield fleet


@pytest.fixture
def scan(fleet):
    return ["scan", fleet.inventory, "--known-hosts", fleet.known_hosts]


@pytest.fixture
def listed_hosts(tmp_path):
    """An inventory whose hosts are only listed; one has a variable."""
    file = tmp_path / "some.ini"
    file.write_text("[web]\nh[001:100]\nlast rack=r1\n")
    return file


def test_the_merged_parts_equal_one_scan_of_all_hosts(scan, fleet, tmp_path):
    files = [tmp_path / f"{number}.json" for number in (1, 2, 3)]
    for number, file in enumerate(files, 1):
        sockfleet(*scan, "--shard", f"{number}/3", "-o", file)
    parts = [json.loads(file.read_text()) for file in files]
    assert [part["scan"]["shards"] for part in parts] == [
        {"of": 3, "parts": [n]} for n in (1, 2, 3)
    ]
    merged = sockfleet("merge", *files, "-f", "json")
    whole = json.loads(sockfleet(*scan, "-f", "json").stdout)
    joined = json.loads(merged.stdout)
    assert merged.stderr == ""
    for document in (whole, joined):
        document["hosts"] = [
            (host["rank"], host["name"], host["tcp"]) for host in document["hosts"]
        ]
    assert (joined["hosts"], joined["fleet"]) == (whole["hosts"], whole["fleet"])
    assert "shards" not in joined["scan"]


def test_a_missing_part_is_a_warning(scan, tmp_path):
    sockfleet(*scan, "--shard", "1/2", "-o", tmp_path / "1.json")
    merged = sockfleet("merge", tmp_path / "1.json", "-f", "json")
    assert "shard 2/2 is missing: its hosts are not in this scan" in merged.stderr
    assert json.loads(merged.stdout)["scan"]["shards"] == {"of": 2, "parts": [1]}


def test_the_parts_of_a_limit_hold_each_host_once(listed_hosts):
    listed = [
        sockfleet(
            "scan", listed_hosts, "-l", "web:!h007", "--shard", f"{n}/4", "--list-hosts"
        ).stdout
        for n in (1, 2, 3, 4)
    ]
    names = [name for part in listed for name in part.split()]
    assert len(names) == len(set(names)) == 100
    assert "h007" not in names


def empty_part_of(listed_hosts, name):
    """Return the shard, of two, without the host."""
    first = sockfleet("scan", listed_hosts, "-l", name, "--shard", "1/2", "--list-hosts").stdout
    return "2/2" if first else "1/2"


def test_an_empty_part_is_a_complete_scan_without_output(listed_hosts, tmp_path):
    words = [listed_hosts, "-l", "h001", "--shard", empty_part_of(listed_hosts, "h001")]
    result = sockfleet("scan", *words, "-o", tmp_path / "part.json")
    assert (result.stdout, result.stderr) == ("", "")
    document = json.loads((tmp_path / "part.json").read_text())
    assert document["scan"]["complete"] is True
    assert document["hosts"] == []
    for more in (["-f", "table"], ["-f", "prometheus"], ["-f", "csv"], ["--repeat", "1"]):
        sockfleet("scan", *words, *more)
    sockfleet("scan", *words, "-f", "json", "--workers", "4")
    assert "0 of 0 hosts read" in sockfleet("check", *words).stdout


def test_an_empty_selection_stays_an_error(listed_hosts):
    result = sockfleet("scan", listed_hosts, "-l", "nobody", "--shard", "1/2", code=2)
    assert "nobody" in result.stderr


def test_group_by_accepts_a_variable_of_another_part(listed_hosts, tmp_path):
    """Otherwise a cron job fails on machines whose part has no host with the variable."""
    words = [listed_hosts, "-l", "h001:last", "--group-by", "rack"]
    other = empty_part_of(listed_hosts, "last")
    more = ["--connect-timeout", "0.1", "--retries", "0", "-o", tmp_path / "x.json"]
    result = sockfleet(
        "scan", *words, "--shard", other, *more, code=exit_code_of(listed_hosts, other)
    )
    assert "--group-by" not in result.stderr


def exit_code_of(listed_hosts, shard):
    """Return 4 if the part has h001, which is unreachable, and 0 if it is empty."""
    return (
        4
        if sockfleet("scan", listed_hosts, "-l", "h001", "--shard", shard, "--list-hosts").stdout
        else 0
    )


@pytest.mark.parametrize("value", ["0/2", "3/2", "1", "a/b", "1/2/3"])
@pytest.mark.parametrize("command", ["scan", "check"])
def test_an_invalid_shard_is_refused(listed_hosts, command, value):
    result = sockfleet(command, listed_hosts, "--shard", value, code=2 if command == "scan" else 3)
    assert "expected I/N" in result.stderr + result.stdout


def test_shard_is_refused_with_a_saved_scan(tmp_path):
    result = sockfleet("check", "--from", tmp_path / "scan.json", "--shard", "1/2", code=3)
    assert "--shard selects hosts to ask" in result.stdout


def test_an_invalid_shard_in_the_configuration_is_a_fault(tmp_path):
    file = tmp_path / "sockfleet.toml"
    file.write_text('[scan]\nshard = "3/2"\n')
    result = sockfleet("config", "--check", "--config", file, code=2)
    assert "scan.shard" in result.stdout + result.stderr
