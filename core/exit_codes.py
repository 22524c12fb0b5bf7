"""The exit codes of INTERFACE, and which one counts when several hold."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit", "code_for_hosts", "code_for_signal"]


class Exit(IntEnum):
    """0 to 75; 128 + N for a run that signal N stopped."""

    OK = 0
    FAILED = 1
    USAGE = 2
    SOME_FAILED = 3
    NONE_READ = 4
    LOCAL = 5
    """A local resource or a write."""
    LOCKED = 75
    """Another run holds the lock (EX_TEMPFAIL of sysexits.h)."""


def code_for_hosts(ok: int, failed: int) -> Exit:
    """What the hosts' outcomes alone say."""
    if not failed:
        return Exit.OK
    return Exit.SOME_FAILED if ok else Exit.NONE_READ


def code_for_signal(number: int) -> int:
    """The shell's convention for a process that a signal ended."""
    return 128 + number
