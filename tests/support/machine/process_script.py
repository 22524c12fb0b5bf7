"""Runs of the process script, and children with sockets for it to find."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sockfleet.collector.probe.process_script import PROCESS_SCRIPT
from sockfleet.collector.probe.processes import Process, Processes, parse_processes
from tests.support.machine.namespaces import Holder, holder

__all__ = [
    "KINDS",
    "THREE_SOCKETS",
    "find_process",
    "holder_elsewhere",
    "program_path",
    "python_child",
    "read_processes",
    "run_process_script",
]

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
KINDS = {
    "idle": 17,
    "idle6": 5,
    "bound": 3,
    "reset": 4,
    "listening": 2,
    "listening6": 2,
    "connected": 6,
    "time_wait": 3,
    "udp": 8,
    "mptcp": 4,
}
"""Counts for `holder`, some of each kind."""

THREE_SOCKETS = """
import json, os, socket, sys
held = [socket.socket() for _ in range(3)]
print(json.dumps({"pid": os.getpid()}), flush=True); sys.stdin.read()
"""


def holder_elsewhere(**counts: int) -> AbstractContextManager[Holder]:
    """Run a child in a new network namespace as root, and in this one as another user."""
    return holder(own_namespace=os.geteuid() == 0, **counts)


def program_path(name: str) -> str:
    """Return the path of a program that every user can start."""
    found = shutil.which(name, path=SEARCH_PATH)
    assert found, f"{name} is missing: install its Debian package"
    return found


def run_process_script(
    script: str = PROCESS_SCRIPT,
    *,
    path: str = SEARCH_PATH,
    prefix: Sequence[str] = (),
    shell: Sequence[str] = ("/bin/sh",),
) -> bytes:
    """Run ``prefix``, then the login shell ``shell`` with the script; return its output."""
    words = [*prefix, *shell, "-c", f"exec /bin/sh -c '{script}'"]
    words[0] = program_path(words[0])
    environment = {**os.environ, "PATH": path}
    result = subprocess.run(words, capture_output=True, check=True, cwd="/", env=environment)
    assert result.stderr == b""
    return result.stdout


def read_processes(script: str = PROCESS_SCRIPT, **options: Any) -> Processes:
    """Run the script and parse its output; ``options`` are those of `run_process_script`."""
    processes = parse_processes(run_process_script(script, **options))
    assert processes is not None
    return processes


def find_process(processes: Processes, pid: int) -> Process:
    """Return the only entry of a process."""
    (process,) = [one for one in processes.seen if one.pid == pid]
    return process


@contextmanager
def python_child(
    program: str, *arguments: str, user: int | None = None
) -> Iterator[dict[str, int]]:
    """Run a Python child during the block; yield the line of JSON that it prints first."""
    python = sys.executable if user is None else program_path("python3")
    with subprocess.Popen(
        [python, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd="/",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
