"""``scan --dask``: a real scheduler, workers in processes of their own, a simulated fleet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack

import psutil
import pytest
import yaml

from sockfleet.simulator.lean.process import LeanFleetProcess
from tests.support.cli.command_process import SOCKFLEET
from tests.support.fleet.dask_cluster import DaskCluster

HOSTS = 60


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Hosts with a round trip of 20 ms, so that a test can act in the middle of a scan."""
    with LeanFleetProcess(tmp_path_factory.mktemp("fleet"), hosts=HOSTS, rtt_ms=20) as process:
        yield process


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers without the fleet's host keys."""
    with DaskCluster(tmp_path_factory.mktemp("dask")) as cluster:
        cluster.worker(name="one")
        cluster.worker(name="two")
        yield cluster


def words(fleet, *more):
    options = ["--known-hosts", fleet.known_hosts, *more]
    return [*SOCKFLEET, "scan", *map(str, [fleet.inventory, *options])]


def scan(fleet, *more, **options):
    options = {"capture_output": True, "check": False, "timeout": 60} | options
    return subprocess.run(words(fleet, *more), **options)


def numbers(document):
    return {
        host["name"]: (host["status"], host.get("tcp"), host["attempts"])
        for host in document["hosts"]
    }


def errors(document):
    return {host["name"]: host["error"] for host in document["hosts"] if "error" in host}


def write_inventory(fleet, path, **groups):
    """Write an inventory of the fleet with these groups: their hosts and their variables."""
    inventory = yaml.safe_load(fleet.inventory.read_text())
    for name, (hosts, variables) in groups.items():
        inventory["all"]["children"][name] = {"hosts": dict.fromkeys(hosts), "vars": variables}
    path.write_text(yaml.safe_dump(inventory))
    return path


def test_a_scan_by_dask_gives_the_numbers_of_a_local_scan(fleet, cluster):
    local = scan(fleet, "-f", "json")
    by_dask = scan(fleet, "-f", "json", "--dask", cluster.address)
    assert (local.returncode, by_dask.returncode) == (0, 0), by_dask.stderr
    assert by_dask.stderr == b""
    document = json.loads(by_dask.stdout)
    assert numbers(document) == numbers(json.loads(local.stdout))
    assert document["scan"]["complete"] is True


def test_check_may_use_the_cluster(fleet, cluster):
    command = [*SOCKFLEET, "check", fleet.inventory, "--known-hosts", fleet.known_hosts]
    command += ["--critical", "tcp_close=1000000", "--dask", cluster.address]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{HOSTS} of {HOSTS} hosts read" in result.stdout


def test_a_regions_hosts_are_read_by_its_own_workers(fleet, tmp_path):
    """Only the worker of eu has the known_hosts file, so only hosts of eu are read."""
    names = [host.name for host in fleet.hosts]
    inventory = write_inventory(
        fleet,
        tmp_path / "inventory.yml",
        eu=(names[:20], {"sockfleet_region": "eu"}),
        us=(names[20:40], {"sockfleet_region": "us"}),
        ap=(names[40:], {"sockfleet_region": "ap"}),
    )
    (tmp_path / "eu/.ssh").mkdir(parents=True)
    (tmp_path / "eu/.ssh/known_hosts").write_bytes(fleet.known_hosts.read_bytes())
    with DaskCluster(tmp_path / "dask") as cluster:
        for region in ("eu", "us"):
            home = {"HOME": str(tmp_path / region)}
            cluster.worker("--resources", f"{region}=1", name=region, env=home)
        command = [*SOCKFLEET, "scan", inventory, "--dask", cluster.address, "-f", "json"]
        result = subprocess.run(
            [*command, "--connect-timeout", "2"], capture_output=True, check=False, timeout=60
        )
    assert result.returncode == 3, result.stderr
    document = json.loads(result.stdout)
    failed = errors(document)
    assert {host["name"] for host in document["hosts"]} == set(names)
    assert not failed.keys() & set(names[:20])
    assert {failed[name]["category"] for name in names[20:40]} == {"hostkey_unknown"}
    assert {failed[name]["category"] for name in names[40:]} == {"not_attempted"}
    message = failed[names[-1]]["message"]
    assert message == (
        'no Dask worker offers the region ap: start one there with dask worker --resources "ap=1"'
    )
    assert document["scan"]["complete"] is True


def start_scan(fleet, address, *more, stack):
    """Start a scan of three hosts at a time; return the process and its first line."""
    process = stack.enter_context(
        subprocess.Popen(
            words(fleet, "--dask", address, "-f", "ndjson", "-c", "3", *more),
            bufsize=0,  # otherwise `communicate` misses what `readline` has buffered
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    )
    stack.callback(process.kill)
    return process, process.stdout.readline()


def test_a_killed_worker_loses_no_host(fleet, tmp_path):
    with ExitStack() as stack:
        cluster = stack.enter_context(DaskCluster(tmp_path / "dask"))
        first = cluster.worker(name="first")
        process, line = start_scan(fleet, cluster.address, stack=stack)
        cluster.worker(name="second")
        first.kill()
        rest, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    lines = [json.loads(text) for text in (line + rest).splitlines()]
    assert lines[-1]["fleet"]["hosts"] == {"total": HOSTS, "ok": HOSTS, "failed": 0}
    named = [host["name"] for host in lines[:-1]]
    assert sorted(named) == sorted(host.name for host in fleet.hosts)  # each once
    assert stderr == b""


def test_a_killed_scheduler_leaves_a_partial_result(fleet, tmp_path):
    with ExitStack() as stack:
        cluster = stack.enter_context(DaskCluster(tmp_path / "dask"))
        cluster.worker()
        result = tmp_path / "scan.json"
        process, line = start_scan(fleet, cluster.address, "-o", result, stack=stack)
        cluster.scheduler.kill()
        rest, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    expected = f"error: the connection to the Dask scheduler at {cluster.address} was lost"
    assert expected in stderr.decode()
    assert stderr.count(b"\n") == 1, stderr
    lines = [json.loads(text) for text in (line + rest).splitlines()]
    document = json.loads(result.read_bytes())
    assert document["scan"]["complete"] is False
    assert sorted(host["name"] for host in document["hosts"]) == sorted(
        host["name"] for host in lines[:-1]
    )
    assert 0 < document["fleet"]["hosts"]["ok"] < HOSTS
    assert document["fleet"]["failures"].keys() == {"not_attempted"}


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_the_workers_and_prints_the_partial_result(fleet, cluster, number, code):
    with ExitStack() as stack:
        process, line = start_scan(fleet, cluster.address, stack=stack)
        process.send_signal(number)
        rest, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    lines = [json.loads(text) for text in (line + rest).splitlines()]
    assert len({host["name"] for host in lines[:-1]}) == HOSTS
    failures = lines[-1]["fleet"]["failures"]
    assert failures.keys() == {"not_attempted"}
    # The workers are idle again: a new scan does not wait for the old one's hosts.
    assert scan(fleet, "--dask", cluster.address).returncode == 0


def test_the_deadline_stops_the_workers(fleet, cluster):
    options = ["-c", "1", "--deadline", "3", "-f", "json"]
    result = scan(fleet, "--dask", cluster.address, *options)
    assert result.returncode in {3, 4}, result.stderr
    document = json.loads(result.stdout)
    assert document["scan"]["complete"] is False
    assert document["fleet"]["failures"].keys() <= {"deadline", "not_attempted"}
    assert document["fleet"]["hosts"]["total"] == HOSTS


def test_local_workers_end_with_the_scan(fleet):
    this_process = psutil.Process()
    before = set(this_process.children(recursive=True))
    result = scan(fleet, "--dask", "local", "-f", "json")
    assert result.returncode == 0, result.stderr
    assert result.stderr == b""
    assert json.loads(result.stdout)["fleet"]["hosts"]["ok"] == HOSTS
    assert set(this_process.children(recursive=True)) <= before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_local_workers_do_not_outlive_a_killed_scan(fleet, number):
    with ExitStack() as stack:
        process, _ = start_scan(fleet, "local", stack=stack)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 1
        process.send_signal(number)
        process.communicate(timeout=60)
        _, alive = psutil.wait_procs(children, timeout=60)
        assert alive == []
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)


def test_an_interrupt_to_the_process_group_ends_the_scan_cleanly(fleet):
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                words(fleet, "--dask", "local", "-f", "ndjson", "-c", "1"),
                bufsize=0,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        )
        stack.callback(process.kill)
        line = process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        rest, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr == b""
    lines = [json.loads(text) for text in (line + rest).splitlines()]
    assert len({host["name"] for host in lines[:-1]}) == HOSTS
    assert lines[-1]["fleet"]["failures"].keys() == {"not_attempted"}


def test_passwords_that_are_not_sent_are_reported(fleet, cluster):
    environment = {**os.environ, "SOCKFLEET_PASSWORD": "correct-horse-42"}
    result = scan(fleet, "--dask", cluster.address, env=environment)
    assert result.returncode == 0
    expected = (
        f"the passwords of {HOSTS} hosts are not sent to the Dask workers, which use their own"
    )
    assert expected in result.stderr.decode()
    assert b"correct-horse-42" not in result.stdout + result.stderr


def test_hosts_with_a_local_connection_are_read_by_the_scanning_machine(fleet, cluster, tmp_path):
    inventory = tmp_path / "inventory.yml"
    inventory.write_text("all: {hosts: {here: {ansible_connection: local}}}\n")
    connections = fleet.counts()
    command = [*SOCKFLEET, "scan", inventory, "--dask", cluster.address, "-f", "json"]
    result = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["hosts"][0]["status"] == "ok"
    assert fleet.counts() == connections


def test_an_unreachable_scheduler_is_an_error_within_the_connect_timeout(fleet):
    result = scan(fleet, "--dask", "tcp://127.0.0.1:1", "--connect-timeout", "1")
    assert result.returncode == 1
    assert result.stdout == b""
    assert b"error: no Dask scheduler answers at tcp://127.0.0.1:1 within 1 s" in result.stderr


def test_a_scheduler_without_workers_fails_every_host(fleet, tmp_path):
    with DaskCluster(tmp_path / "dask") as cluster:
        options = ["--dask", cluster.address, "--connect-timeout", "1", "-f", "json"]
        result = scan(fleet, *options)
    assert result.returncode == 4
    document = json.loads(result.stdout)
    assert document["fleet"]["failures"] == {"not_attempted": HOSTS}
    (message,) = {error["message"] for error in errors(document).values()}
    assert message == "the Dask scheduler has no worker: start one with dask worker"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--dask", "scheduler"], "expected local, tcp://HOST:PORT or tls://HOST:PORT"),
        (["--dask", "tcp://"], "expected local, tcp://HOST:PORT or tls://HOST:PORT"),
        (["--dask", "http://h:1"], "expected local, tcp://HOST:PORT or tls://HOST:PORT"),
        (["--dask", "local", "--workers", "2"], "--dask and --workers exclude each other"),
        (["--dask-ship-secrets"], "--dask-ship-secrets is for --dask ADDRESS"),
        (
            ["--dask", "tcp://127.0.0.1:1", "--dask-ship-secrets"],
            "secrets go to tls:// addresses only, and not to tcp://127.0.0.1:1",
        ),
    ],
)
def test_invalid_options_are_refused(fleet, options, expected):
    result = scan(fleet, *options)
    assert result.returncode == 2
    assert expected in result.stderr.decode()
    assert result.stdout == b""


def test_a_missing_library_is_named(fleet):
    script = (
        "import sys; sys.modules['distributed'] = None; from sockfleet.cli.main import main; "
        "sys.argv[0] = 'sockfleet'; main()"
    )
    command = [sys.executable, "-c", script, "scan", str(fleet.inventory), "--dask", "local"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 2
    assert "pip install 'sockfleet[dask]'" in result.stderr
