"""examples/cron: the line as cron runs it, and logrotate on what it writes."""

from __future__ import annotations

import getpass
import grp
import os
import shlex
import shutil
import subprocess
from datetime import datetime

import pytest

from sockfleet.simulator.fleet.process import FleetProcess
from tests.support.machine.example_machine import EXAMPLES, ExampleMachine

LINES = (EXAMPLES / "cron/sockfleet").read_text().splitlines()
(JOB,) = [line for line in LINES if line.startswith("*")]
*_, USER, COMMAND = JOB.split(maxsplit=6)

SCENARIO = """
roles:
  web: {{count: 2, profile: web, sockets: {{tcp_close: 100}}}}
  shop: {{profile: web, sockets: {{tcp_close: {leaked}}}}}
"""


def start(machine: ExampleMachine, *, command: str = COMMAND) -> subprocess.Popen[str]:
    """Start the command of the crontab line in the shell that cron uses."""
    return subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=machine.state,
        env=machine.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(machine: ExampleMachine) -> tuple[int, str, str]:
    with start(machine) as job:
        out, err = job.communicate(timeout=60)
    return job.returncode, out, err


def test_cron_accepts_the_line(tmp_path):
    """crontab(1) reads lines without a user; the rest of the line is the same."""
    table = tmp_path / "crontab"
    table.write_text("\n".join([*LINES, ""]).replace(f"* {USER} ", "* "))
    subprocess.run(["crontab", "-n", table], check=True, capture_output=True)
    table.write_text(table.read_text().replace("*/5", "*/x"))
    assert subprocess.run(["crontab", "-n", table], check=False, capture_output=True).returncode


def test_successful_runs_are_silent_and_each_compares_with_the_previous_one(machine):
    assert run(machine) == (0, "", "")
    assert "change" not in machine.scan()["fleet"]
    assert run(machine) == (0, "", "")
    scan = machine.scan()
    assert [host["change"]["status"] for host in scan["hosts"]] == ["compared"] * 2
    assert 'sockfleet_host_up{host="web1"} 1\n' in (machine.state / "sockfleet.prom").read_text()
    for name in ("scan.json", "sockfleet.prom"):  # others read them, as users of their own
        assert (machine.state / name).stat().st_mode & 0o777 == 0o644


def test_a_leak_shows_in_the_next_run_with_its_rate(machine, tmp_path):
    scans = []
    for leaked in (100, 900):
        folder = tmp_path / str(leaked)
        folder.mkdir()
        scenario = folder / "scenario.yml"
        scenario.write_text(SCENARIO.format(leaked=leaked))
        with FleetProcess(folder, scenario) as fleet:
            machine.inventory.write_text(fleet.inventory.read_text())
            (machine.settings / "known_hosts").write_text(fleet.known_hosts.read_text())
            assert run(machine) == (0, "", "")
        scans.append(machine.scan())
    began = [datetime.fromisoformat(scan["scan"]["started_at"]) for scan in scans]
    hours = (began[1] - began[0]).total_seconds() / 3600
    changes = {host["name"]: host["change"] for host in scans[1]["hosts"]}
    assert {name: change["tcp_close"] for name, change in changes.items()} == {
        "shop": 800,
        "web1": 0,
        "web2": 0,
    }
    # started_at is written to the millisecond, and about a second lies between the runs.
    assert changes["shop"]["rate_per_hour"]["tcp_close"] == pytest.approx(800 / hours, rel=0.01)


def test_a_host_that_cannot_be_read_is_in_the_files_and_in_no_mail(machine):
    machine.hosts["gone"] = {"ansible_host": "127.0.0.1", "ansible_port": 1}
    machine.write_inventory()
    assert run(machine) == (3, "", "")
    assert machine.scan()["fleet"]["failures"] == {"refused": 1}


def test_a_fleet_without_a_readable_host_is_mailed(machine):
    machine.hosts = {"gone": {"ansible_host": "127.0.0.1", "ansible_port": 1}}
    machine.write_inventory()
    printed = "sockfleet: error: no host could be read: 1 refused\n"
    assert run(machine) == (4, "", printed)


@pytest.mark.parametrize("name", ["inventory.yml", "known_hosts"])
def test_a_missing_file_is_mailed(machine, name):
    (machine.settings / name).unlink()
    code, out, err = run(machine)
    assert (code, out) == (2 if name == "inventory.yml" else 4, "")
    assert err.startswith("sockfleet: error: ")


def test_of_two_overlapping_runs_one_writes_and_the_other_exits_with_75(machine):
    os.mkfifo(machine.root / "runs")
    os.mkfifo(machine.root / "go")
    machine.inventory.write_text(
        f"#!/bin/sh\necho run >>{machine.root}/ran\necho >{machine.root}/runs\n"
        f"read line <{machine.root}/go\n"
        'echo \'{"web": {"hosts": ["here"]}, "_meta": {"hostvars": {"here":\'\n'
        'echo \'{"ansible_connection": "local"}}}}\'\n'
    )
    machine.inventory.chmod(0o755)
    with start(machine) as first:
        (machine.root / "runs").read_bytes()  # opens when the script does
        code, out, err = run(machine)
        assert (code, out) == (75, "")
        assert "lock: another run holds it" in err
        assert not (machine.state / "scan.json").exists()
        (machine.root / "go").write_text("\n")
        assert first.communicate(timeout=60) == ("", "")
        assert first.returncode == 0
    assert (machine.root / "ran").read_text() == "run\n"
    assert machine.scan()["fleet"]["hosts"] == {"total": 1, "ok": 1, "failed": 0}


def test_check_judges_the_scan_of_cron(machine):
    def check(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [machine.command, "check", *words],
            env=machine.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    code, out = check()
    assert code == 3
    assert "scan.json" in out
    assert run(machine)[0] == 0
    code, out = check()
    assert code == 0
    assert "the scan in" in out
    code, out = check(str(machine.inventory))
    assert code == 0
    assert "the scan in" not in out


def test_the_configuration_has_no_fault(machine):
    done = subprocess.run(
        [machine.command, "config", "--check", "--profile", "cron"],
        env=machine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "deadline = 240  # [profile.cron]" in done.stdout


def test_the_deadline_is_shorter_than_the_interval(machine):
    minutes = int(JOB.split()[0].removeprefix("*/"))
    assert minutes * 60 > 240
    assert "deadline = 240\n" in machine.placed("sockfleet.toml")


@pytest.fixture
def rotation(machine, tmp_path):
    """Run logrotate on the shipped file, as the user of the tests."""
    text = machine.placed("cron/logrotate")
    assert f"su {USER} {USER}\n" in text
    group = grp.getgrgid(os.getegid()).gr_name
    file = tmp_path / "logrotate"
    file.write_text(text.replace(f"su {USER} {USER}", f"su {getpass.getuser()} {group}"))
    file.chmod(0o644)
    program = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "logrotate is missing: apt-get install logrotate"

    def rotate(*words: str) -> str:
        done = subprocess.run(
            [program, "--state", tmp_path / "state", *words, file],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout + done.stderr

    return rotate


def test_logrotate_reads_the_file_without_a_complaint(rotation):
    printed = rotation("--debug")
    assert "error" not in printed
    assert "after 1 days (31 rotations)" in printed


def test_the_copies_that_logrotate_keeps_can_be_compared_with(machine, rotation):
    assert run(machine)[0] == 0
    before = (machine.state / "scan.json").read_bytes()
    rotation("--force")
    (copy,) = machine.state.glob("scan.json-*")
    assert copy.read_bytes() == before == (machine.state / "scan.json").read_bytes()
    command = f"sockfleet scan --profile cron --against {shlex.quote(str(copy))}"
    with start(machine, command=command) as job:
        assert job.communicate(timeout=60) == ("", "")
    assert [host["change"]["status"] for host in machine.scan()["hosts"]] == ["compared"] * 2
