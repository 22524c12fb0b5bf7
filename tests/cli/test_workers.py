"""``--workers``: the same scan by several processes, which end with it, however it ends."""

import contextlib
import getpass
import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sockfleet.scan.collect import count_workers
from sockfleet.simulator.lean.process import LeanFleetProcess
from tests.support.ssh.sshd import Sshd

SOCKFLEET = [sys.executable, "-m", "sockfleet.cli"]
FOREVER = ["--connect-timeout", "300", "--timeout", "600"]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with LeanFleetProcess(tmp_path_factory.mktemp("fleet"), hosts=120, rtt_ms=4.0) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def half_dead(tmp_path_factory):
    """Ten of its forty hosts never answer: with time enough, workers wait for them for ever."""
    with LeanFleetProcess(tmp_path_factory.mktemp("dead"), hosts=40, dead_percent=25.0) as fleet:
        yield fleet


def words(fleet, *more, workers=2, command="scan"):
    known = ["--known-hosts", str(fleet.known_hosts)]
    return [*SOCKFLEET, command, str(fleet.inventory), *known, "--workers", str(workers), *more]


def sockfleet(fleet, *more, **options):
    which = {name: options.pop(name) for name in ("workers", "command") if name in options}
    options = {"capture_output": True, "text": True, "check": False, "timeout": 60} | options
    return subprocess.run(words(fleet, *more, **which), **options)


@contextlib.contextmanager
def under_way(fleet, *more, **options):
    """A scan in a process group of its own, all that answer read, and its workers' processes."""
    process = subprocess.Popen(
        words(fleet, *FOREVER, "-f", "ndjson", *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )
    try:
        process.lines = [json.loads(process.stdout.readline()) for _ in range(30)]
        yield process, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextlib.contextmanager
def must_end(pids):
    """These processes must have ended soon after the block."""
    watched = [os.pidfd_open(int(pid)) for pid in pids]
    assert watched
    yield
    for each in watched:
        assert select.select([each], [], [], 20)[0], "a worker lives on"
        os.close(each)


def finished(process):
    """The names of all hosts that were told, and the last line."""
    rest, errors = process.communicate(timeout=40)
    lines = process.lines + [json.loads(line) for line in rest.splitlines()]
    return sorted(line["name"] for line in lines[:-1]), lines[-1], errors


def all_names(fleet):
    return sorted(host.name for host in fleet.hosts)


@pytest.mark.parametrize("transport", ["asyncssh", "paramiko"])
def test_the_document_is_that_of_one_process(fleet, transport):
    limit = ["--limit", "web"] if transport == "asyncssh" else ["--limit", "web[0:19]"]
    documents = []
    for workers in (1, 3):
        ran = sockfleet(fleet, "-f", "json", "--transport", transport, *limit, workers=workers)
        assert (ran.returncode, ran.stderr) == (0, "")
        document = json.loads(ran.stdout)
        for host in document["hosts"]:
            del host["elapsed_s"]
        documents.append(document)
    assert documents[0]["hosts"] == documents[1]["hosts"]
    assert documents[0]["fleet"] == documents[1]["fleet"]


def test_a_worker_that_is_killed_is_told_and_costs_no_host(half_dead):
    with under_way(half_dead) as (process, workers), must_end(workers):
        os.kill(int(workers[0]), signal.SIGKILL)
        fresh = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not set(fresh.read_text().split()) - set(workers):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        names, last, errors = finished(process)
    assert names == all_names(half_dead)
    assert last["fleet"]["hosts"] == {"total": 40, "ok": 30, "failed": 10}
    assert f"worker process {workers[0]} was killed by SIGKILL" in errors
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_processes_ends_the_run_with_every_host_told(half_dead, number):
    """As Ctrl-C at a terminal, or a service manager, sends it."""
    with under_way(half_dead) as (process, workers), must_end(workers):
        os.killpg(process.pid, number)
        names, last, _ = finished(process)
    assert process.returncode == 128 + number
    assert names == all_names(half_dead)
    assert last["fleet"]["failures"] == {"not_attempted": 10}


def test_a_second_signal_ends_everything_at_once(half_dead):
    with under_way(half_dead) as (process, workers), must_end(workers):
        for worker in workers:  # so that the first cannot end it
            os.kill(int(worker), signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        status = Path(f"/proc/{process.pid}/status")
        caught = 1 << (signal.SIGTERM - 1)
        while int(status.read_text().split("SigCgt:")[1].split()[0], 16) & caught:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM


def test_workers_end_with_a_parent_that_is_killed_and_hold_no_lock(half_dead, tmp_path):
    lock = tmp_path / "lock"
    with under_way(half_dead, "--lock", str(lock)) as (process, workers), must_end(workers):
        for worker in workers:
            held = [each.readlink() for each in Path(f"/proc/{worker}/fd").iterdir()]
            assert lock not in held
        os.kill(int(workers[0]), signal.SIGSTOP)  # a stopped one too
        process.kill()
        process.wait()
    again = sockfleet(half_dead, "--lock", str(lock), "--connect-timeout", "0.5")
    assert again.returncode == 3, again.stderr


def test_the_deadline_holds(half_dead):
    ran = sockfleet(half_dead, *FOREVER, "--deadline", "3", "-f", "json")
    document = json.loads(ran.stdout)
    assert ran.returncode == 3
    assert document["scan"]["complete"] is False
    assert document["fleet"]["failures"] == {"deadline": 10}
    assert document["fleet"]["hosts"]["total"] == 40


def test_a_closed_pipe_ends_the_run_and_its_workers_quietly(half_dead):
    with under_way(half_dead) as (process, workers), must_end(workers):
        process.stdout.close()
        os.kill(process.pid, signal.SIGTERM)  # every host that is cut off is a line
        process.stdout = None
        _, errors = process.communicate(timeout=40)
    assert process.returncode == 0
    assert errors == ""


def test_new_host_keys_are_learnt_once_each_by_all_workers_together(fleet, tmp_path):
    learnt = tmp_path / "known_hosts"
    learnt.write_text("# kept\n")
    more = ["--known-hosts", str(learnt), "--host-keys", "accept-new", "-f", "json"]
    command = [*SOCKFLEET, "scan", str(fleet.inventory), "--workers", "4", *more]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == f"sockfleet: warning: new host keys added to {learnt}: 120\n"
    lines = learnt.read_text().splitlines()
    assert lines[0] == "# kept"
    known = fleet.known_hosts.read_text().split()
    assert len(lines) == len(set(lines)) == 121
    assert {line.split()[2] for line in lines[1:]} <= set(known)
    again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (again.returncode, again.stderr) == (0, "")
    assert learnt.read_text().splitlines() == lines


def test_the_progress_bar_is_one_and_no_thread_stands_in_the_way(fleet):
    leader, follower = pty.openpty()
    ran = sockfleet(
        fleet, "-f", "csv", capture_output=False, stdout=subprocess.DEVNULL, stderr=follower
    )
    os.close(follower)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal's end
        while chunk := os.read(leader, 65536):
            seen += chunk
    os.close(leader)
    assert ran.returncode == 0
    assert b"120/120" in seen
    assert b"one process" not in seen


def test_check_has_workers_too(fleet):
    ran = sockfleet(fleet, command="check")
    assert "120 of 120 hosts read" in ran.stdout


@pytest.mark.parametrize(("bastions", "logins"), [(1, 2), (3, 3)])
def test_each_bastion_is_one_worker_s_unless_it_has_most_hosts(fleet, tmp_path, bastions, logins):
    """Logins to a bastion are dear, and it shares what it is asked to carry."""
    addresses = [f"127.0.0.{number + 20}" for number in range(bastions)]
    with Sshd(tmp_path / "bastion", addresses=addresses) as server:
        known = tmp_path / "known_hosts"
        known.write_text(fleet.known_hosts.read_text() + server.known_hosts_lines())
        names, ways = all_names(fleet), []
        for number, address in enumerate(addresses):
            way = f"{getpass.getuser()}@{address}:{server.port}"
            ways += [f"[b{number}]", *names[number::bastions]]
            ways += [f"[b{number}:vars]", f"ansible_ssh_common_args='-J {way}'"]
        (tmp_path / "ways.ini").write_text("\n".join([*ways, ""]))
        more = [str(tmp_path / "ways.ini"), "-i", str(server.client_key), "-f", "json"]
        ran = sockfleet(fleet, *more, "--known-hosts", str(known))
        counts = json.loads(ran.stdout)["fleet"]["hosts"]
        assert counts == {"total": 120, "ok": 120, "failed": 0}
        assert server.log.read_text().count("Accepted publickey") == logins


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_what_is_no_number_of_workers_is_refused(fleet, value):
    ran = sockfleet(fleet, workers=value)
    assert ran.returncode == 2
    assert "--workers" in ran.stderr


@pytest.mark.parametrize(("value", "code"), [("2", 0), ('"auto"', 0), ("0", 2), ("true", 2)])
def test_the_configuration_may_say_how_many(fleet, tmp_path, value, code):
    file = tmp_path / "sockfleet.toml"
    file.write_text(f"[scan]\nworkers = {value}\n")
    known = ["--known-hosts", str(fleet.known_hosts)]
    command = [*SOCKFLEET, "scan", str(fleet.inventory), *known, "--config", str(file), "-f", "csv"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == code, ran.stderr
    assert ("scan.workers" in ran.stderr) == bool(code)


def test_auto_is_one_for_few_hosts_and_never_more_than_are_worth_it(mocker):
    mocker.patch("sockfleet.collector.runtime.cpu_count.usable_cpus", return_value=64)
    assert count_workers("auto", 999) == 1
    assert count_workers("auto", 1000) == 10
    assert count_workers("auto", 1_000_000) == 64
    assert count_workers(7, 1_000_000) == 7
    assert count_workers(7, 3) == 3
