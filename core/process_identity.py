"""Which process holds something, written so that any process can tell whether it has ended."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["has_ended", "is_running", "this_process"]


def this_process() -> str:
    """This process: the boot, the pid namespace, the pid, and when it was started."""
    pid = os.getpid()
    return f"{_boot()}:{_namespace()}:{pid}:{_started(pid)}"


def has_ended(identity: str) -> bool:
    """Whether that process has ended for sure: one of another machine or container never has."""
    found = _find_here(identity)
    return found is not None and _started(found[0]) != found[1]


def is_running(identity: str) -> bool:
    """Whether that process runs for sure, which only one of this machine and container does."""
    found = _find_here(identity)
    return found is not None and _started(found[0]) == found[1]


def _find_here(identity: str) -> tuple[int, str] | None:
    """The pid and the start of a process of this machine and container; None: of another."""
    boot, _, rest = identity.partition(":")
    namespace, _, rest = rest.partition(":")
    pid, _, started = rest.partition(":")
    if boot != _boot() or namespace != _namespace() or not boot or not pid.isdecimal():
        return None
    return int(pid), started


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)  # noqa: PTH116 (it follows the link)
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Clock ticks from the boot to the start, field 22 of proc(5)'s stat; empty without it."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The command's name, in parentheses, may hold blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
