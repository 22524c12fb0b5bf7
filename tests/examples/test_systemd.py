"""examples/systemd: systemd accepts the units, and a scan works within their limits."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.machine.example_machine import EXAMPLES, ExampleMachine

UNITS = EXAMPLES / "systemd"
SERVICE = (UNITS / "sockfleet.service").read_text()
UNIT_NAMES = sorted(path.name for end in ("service", "timer") for path in UNITS.glob(f"*.{end}"))
EXPOSURE_TENTHS = 15


def settings(name: str) -> list[str]:
    """The values of a directive of the service, in order."""
    return re.findall(rf"^{name}=(.*)$", SERVICE, re.MULTILINE)


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


@pytest.fixture
def installed(machine, tmp_path):
    """The units in one folder, and the command at the path that they name."""
    for name in UNIT_NAMES:
        (tmp_path / name).write_text(machine.placed(f"systemd/{name}"))
    return tmp_path


def test_systemd_accepts_the_units(installed):
    done = analyze("verify", "--man=no", *(installed / name for name in UNIT_NAMES))
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_reports_a_wrong_unit(installed):
    service = installed / "sockfleet.service"
    service.write_text(service.read_text().replace("ProtectHome=yes", "ProtectHouse=yes"))
    assert "ProtectHouse" in analyze("verify", "--man=no", service).stderr


@pytest.mark.parametrize("name", [name for name in UNIT_NAMES if name.endswith(".service")])
def test_the_service_is_exposed_to_little(name):
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE_TENTHS}", UNITS / name)
    assert done.returncode == 0, done.stdout


def test_the_timer_runs_as_often_as_cron_would():
    timer = (UNITS / "sockfleet.timer").read_text()
    (calendar,) = re.findall(r"^OnCalendar=(.*)$", timer, re.MULTILINE)
    assert "Normalized form: *-*-* *:00/5:00" in analyze("calendar", calendar).stdout
    weekly = (UNITS / "sockfleet-report.timer").read_text()
    (calendar,) = re.findall(r"^OnCalendar=(.*)$", weekly, re.MULTILINE)
    assert "Normalized form: Mon *-*-* 07:00:00" in analyze("calendar", calendar).stdout
    assert (EXAMPLES / "cron/sockfleet").read_text().count("\n*/5 * * * * ") == 1


def scanned(machine: ExampleMachine, *before: str) -> subprocess.CompletedProcess[str]:
    (command,) = settings("ExecStart")
    words = shlex.split(command.replace("/usr/local/bin", str(machine.command.parent)))
    return subprocess.run(
        [*before, *words],
        cwd="/",
        env=machine.environment,
        capture_output=True,
        text=True,
        check=False,
        umask=int(settings("UMask")[0], 8),
    )


def test_a_scan_as_the_service_runs_it(machine):
    done = scanned(machine)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.scan()["fleet"]["hosts"]["ok"] == 2
    assert (machine.state / "sockfleet.prom").stat().st_mode & 0o777 == 0o644


def test_hosts_that_fail_and_a_run_by_hand_do_not_fail_the_service(machine):
    (codes,) = settings("SuccessExitStatus")
    machine.hosts["gone"] = {"ansible_host": "127.0.0.1", "ansible_port": 1}
    machine.write_inventory()
    assert str(scanned(machine).returncode) in codes.split()
    lock = f"flock {shlex.quote(str(machine.state / 'lock'))}"
    assert scanned(machine, *shlex.split(lock)).returncode == 75
    assert "75" in codes.split()


def test_the_scan_ends_before_systemd_ends_it(machine):
    (limit,) = settings("TimeoutStartSec")
    assert "deadline = 240\n" in machine.placed("sockfleet.toml")
    assert int(limit) > 240


def allowed(*names: str) -> set[str]:
    """The system calls of systemd's groups."""
    calls = set[str]()
    for name in names:
        if name.startswith("@"):
            listed = analyze("syscall-filter", name).stdout.splitlines()
            words = (line.strip() for line in listed[1:])
            calls |= allowed(*(word for word in words if word and not word.startswith("#")))
        else:
            calls.add(name)
    return calls


@pytest.fixture
def traced(machine, tmp_path):
    """The scan's system calls, with those of its threads and children."""
    assert shutil.which("strace"), "strace is missing: apt-get install strace"
    # Root gives a lock that it makes to the owner of its folder; the service runs as that user.
    (machine.state / "lock").touch()
    trace = tmp_path / "trace"
    done = scanned(machine, "strace", "-f", "-qq", "-o", str(trace))
    assert (done.returncode, done.stderr) == (0, "")
    return trace.read_text()


def test_the_service_allows_every_system_call_of_the_scan(traced):
    """Compares the limits of the service with the trace of an unrestricted scan."""
    permitted, refused = settings("SystemCallFilter")
    may = allowed(*permitted.split()) - allowed(*refused.removeprefix("~").split())
    may |= allowed("@default")  # always permitted: systemd.exec(5)
    used = set(re.findall(r"^\d+ +(\w+)\(", traced, re.MULTILINE))
    assert {"connect", "execve", "flock", "rename"} <= used
    # SQLite calls fchown for root alone (robustFchown() of its os_unix.c), and the service is not.
    assert used - may - {"fchown"} == set()
    families = set(re.findall(r"\bsocket(?:pair)?\((AF_\w+)", traced))
    assert families <= set(settings("RestrictAddressFamilies")[0].split())
    # MemoryDenyWriteExecute, as systemd.exec(5) describes it.
    assert not re.search(r"\bmmap\([^)]*PROT_WRITE\|PROT_EXEC", traced)
    assert not re.search(r"\b(?:pkey_)?mprotect\([^)]*PROT_EXEC", traced)
    assert not re.search(r"\bpersonality\((?!0xffffffff)", traced)
