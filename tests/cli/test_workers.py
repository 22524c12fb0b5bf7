"""``--workers``: the same scan by several processes, which always end with it."""

import contextlib
import getpass
import json
import os
import pty
import select
import signal
import subprocess
from pathlib import Path

import pytest

from sockfleet.scan.collect import count_workers
from sockfleet.simulator.lean.process import LeanFleetProcess
from tests.support.cli.command_process import (
    SOCKFLEET,
    children_of,
    read_terminal,
    run_sockfleet,
)
from tests.support.ssh.sshd import Sshd

LONG_TIMEOUTS = ["--connect-timeout", "300", "--timeout", "600"]
# The dead hosts are the last ten: two at the end of the second unit of 16 hosts, eight in the third
# (collector/pacing/partition.py). A worker with two connections that has the second takes no third,
# so that both workers still wait for dead hosts when all others are read.
WAIT_FOR_THE_DEAD = [*LONG_TIMEOUTS, "--concurrency", "4"]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with LeanFleetProcess(tmp_path_factory.mktemp("fleet"), hosts=120, rtt_ms=4.0) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def partly_dead(tmp_path_factory):
    """Ten of forty hosts never answer: with long timeouts, workers wait for them."""
    with LeanFleetProcess(tmp_path_factory.mktemp("dead"), hosts=40, dead_percent=25.0) as fleet:
        yield fleet


def words(fleet, *more, workers=2, command="scan"):
    known = ["--known-hosts", str(fleet.known_hosts)]
    return [command, str(fleet.inventory), *known, "--workers", str(workers), *more]


def sockfleet(fleet, *more, workers=2, command="scan", **options):
    return run_sockfleet(*words(fleet, *more, workers=workers, command=command), **options)


@contextlib.contextmanager
def running_scan(fleet, *more, **options):
    """A scan in its own process group that has read all 30 hosts that answer; yields it and its
    workers' pids."""
    process = subprocess.Popen(
        [*SOCKFLEET, *words(fleet, *WAIT_FOR_THE_DEAD, "-f", "ndjson", *more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )
    try:
        process.lines = [json.loads(process.stdout.readline()) for _ in range(30)]
        yield process, children_of(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextlib.contextmanager
def assert_end(pids):
    """Assert that these processes end within 60 s of the end of the block."""
    watched = [os.pidfd_open(pid) for pid in pids]
    assert watched
    yield
    for each in watched:
        assert select.select([each], [], [], 60)[0], "a worker still runs"
        os.close(each)


def collect_output(process):
    """Return the names of all hosts in the output, its last line, and stderr."""
    rest, errors = process.communicate(timeout=60)
    lines = process.lines + [json.loads(line) for line in rest.splitlines()]
    return sorted(line["name"] for line in lines[:-1]), lines[-1], errors


def all_names(fleet):
    return sorted(host.name for host in fleet.hosts)


@pytest.mark.parametrize("transport", ["asyncssh", "paramiko"])
def test_several_workers_give_the_document_of_one_process(fleet, transport):
    limit = ["--limit", "web"] if transport == "asyncssh" else ["--limit", "web[0:19]"]
    documents = []
    for workers in (1, 3):
        result = sockfleet(fleet, "-f", "json", "--transport", transport, *limit, workers=workers)
        assert (result.returncode, result.stderr) == (0, "")
        document = json.loads(result.stdout)
        for host in document["hosts"]:
            del host["elapsed_s"]
        documents.append(document)
    assert documents[0]["hosts"] == documents[1]["hosts"]
    assert documents[0]["fleet"] == documents[1]["fleet"]


def test_a_killed_worker_is_reported_and_loses_no_host(partly_dead):
    with running_scan(partly_dead) as (process, workers), assert_end(workers):
        os.kill(workers[0], signal.SIGKILL)
        while not set(children_of(process.pid)) - set(workers):  # until a new worker replaces it
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        names, last, errors = collect_output(process)
    assert names == all_names(partly_dead)
    assert last["fleet"]["hosts"] == {"total": 40, "ok": 30, "failed": 10}
    assert f"worker process {workers[0]} was killed by SIGKILL" in errors
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_process_group_ends_the_run_with_every_host_listed(partly_dead, number):
    """Ctrl-C at a terminal and a service manager signal all processes."""
    with running_scan(partly_dead) as (process, workers), assert_end(workers):
        os.killpg(process.pid, number)
        names, last, _ = collect_output(process)
    assert process.returncode == 128 + number
    assert names == all_names(partly_dead)
    assert last["fleet"]["failures"] == {"not_attempted": 10}


def test_a_second_signal_ends_all_processes_at_once(partly_dead):
    with running_scan(partly_dead) as (process, workers), assert_end(workers):
        for worker in workers:  # so that the first signal does not end it
            os.kill(worker, signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        while is_in_mask("SigCgt", process.pid, signal.SIGTERM):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM


def is_in_mask(name, pid, number):
    """Whether a signal is in the mask SigCgt (caught) or SigIgn (ignored) of proc(5)."""
    mask = Path(f"/proc/{pid}/status").read_text().split(f"{name}:")[1].split()[0]
    return bool(int(mask, 16) & 1 << (number - 1))


def test_workers_ignore_what_their_parent_ignores(partly_dead):
    """As with nohup: a proxy command that a worker starts inherits it too."""

    def ignore_hangup():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with running_scan(partly_dead, preexec_fn=ignore_hangup) as (_, workers):
        for worker in workers:
            assert is_in_mask("SigIgn", worker, signal.SIGHUP)
            assert is_in_mask("SigCgt", worker, signal.SIGINT)


def test_workers_end_with_a_killed_parent_and_do_not_hold_its_lock(partly_dead, tmp_path):
    lock = tmp_path / "lock"
    with running_scan(partly_dead, "--lock", str(lock)) as (process, workers), assert_end(workers):
        for worker in workers:
            open_files = [each.readlink() for each in Path(f"/proc/{worker}/fd").iterdir()]
            assert lock not in open_files
        os.kill(workers[0], signal.SIGSTOP)  # a stopped one too
        process.kill()
        process.wait()
    again = sockfleet(partly_dead, "--lock", str(lock), "--connect-timeout", "0.5")
    assert again.returncode == 3, again.stderr


def test_the_deadline_ends_all_workers(partly_dead):
    result = sockfleet(partly_dead, *LONG_TIMEOUTS, "--deadline", "6", "-f", "json")
    document = json.loads(result.stdout)
    assert result.returncode == 3
    assert document["scan"]["complete"] is False
    assert document["fleet"]["failures"] == {"deadline": 10}
    assert document["fleet"]["hosts"]["total"] == 40


def test_a_closed_pipe_ends_the_run_and_its_workers_quietly(partly_dead):
    with running_scan(partly_dead) as (process, workers), assert_end(workers):
        process.stdout.close()
        os.kill(process.pid, signal.SIGTERM)  # then every unfinished host is written as a line
        process.stdout = None
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == ""


def test_workers_add_each_new_host_key_once(fleet, tmp_path):
    new_known_hosts = tmp_path / "known_hosts"
    new_known_hosts.write_text("# kept\n")
    more = ["--known-hosts", str(new_known_hosts), "--host-keys", "accept-new", "-f", "json"]
    command = ["scan", str(fleet.inventory), "--workers", "4", *more]
    result = run_sockfleet(*command)
    assert result.returncode == 0, result.stderr
    assert result.stderr == f"sockfleet: warning: new host keys added to {new_known_hosts}: 120\n"
    lines = new_known_hosts.read_text().splitlines()
    assert lines[0] == "# kept"
    known = fleet.known_hosts.read_text().split()
    assert len(lines) == len(set(lines)) == 121
    assert {line.split()[2] for line in lines[1:]} <= set(known)
    again = run_sockfleet(*command)
    assert (again.returncode, again.stderr) == (0, "")
    assert new_known_hosts.read_text().splitlines() == lines


def test_all_workers_share_one_progress_bar(fleet):
    leader, follower = pty.openpty()
    result = sockfleet(
        fleet, "-f", "csv", capture_output=False, stdout=subprocess.DEVNULL, stderr=follower
    )
    os.close(follower)
    output = read_terminal(leader)
    assert result.returncode == 0
    assert b"120/120" in output
    assert b"one process" not in output


def test_check_accepts_workers(fleet):
    result = sockfleet(fleet, command="check")
    assert "120 of 120 hosts read" in result.stdout


@pytest.mark.parametrize(("bastions", "logins"), [(1, 2), (3, 3)])
def test_a_bastion_belongs_to_one_worker_unless_it_has_most_hosts(
    fleet, tmp_path, bastions, logins
):
    """Each worker that uses a bastion needs its own login there, which is expensive."""
    addresses = [f"127.0.0.{number + 20}" for number in range(bastions)]
    with Sshd(tmp_path / "bastion", addresses=addresses) as server:
        known = tmp_path / "known_hosts"
        known.write_text(fleet.known_hosts.read_text() + server.known_hosts_lines())
        names, lines = all_names(fleet), []
        for number, address in enumerate(addresses):
            jump = f"{getpass.getuser()}@{address}:{server.port}"
            lines += [f"[b{number}]", *names[number::bastions]]
            lines += [f"[b{number}:vars]", f"ansible_ssh_common_args='-J {jump}'"]
        (tmp_path / "jumps.ini").write_text("\n".join([*lines, ""]))
        more = [str(tmp_path / "jumps.ini"), "-i", str(server.client_key), "-f", "json"]
        result = sockfleet(fleet, *more, "--known-hosts", str(known))
        counts = json.loads(result.stdout)["fleet"]["hosts"]
        assert counts == {"total": 120, "ok": 120, "failed": 0}
        assert server.log.read_text().count("Accepted publickey") == logins


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_an_invalid_number_of_workers_is_refused(fleet, value):
    result = sockfleet(fleet, workers=value)
    assert result.returncode == 2
    assert "--workers" in result.stderr


@pytest.mark.parametrize(("value", "code"), [("2", 0), ('"auto"', 0), ("0", 2), ("true", 2)])
def test_the_configuration_may_set_the_number_of_workers(fleet, tmp_path, value, code):
    file = tmp_path / "sockfleet.toml"
    file.write_text(f"[scan]\nworkers = {value}\n")
    known = ["--known-hosts", str(fleet.known_hosts)]
    result = run_sockfleet("scan", fleet.inventory, *known, "--config", file, "-f", "csv")
    assert result.returncode == code, result.stderr
    assert ("scan.workers" in result.stderr) == bool(code)


def test_auto_uses_one_worker_for_few_hosts_and_at_most_one_per_cpu(mocker):
    mocker.patch("sockfleet.collector.runtime.cpu_count.usable_cpus", return_value=64)
    assert count_workers("auto", 999) == 1
    assert count_workers("auto", 1000) == 10
    assert count_workers("auto", 1_000_000) == 64
    assert count_workers(7, 1_000_000) == 7
    assert count_workers(7, 3) == 3
