"""The exit codes of every command, and the only place that writes them as numbers.

`sockfleet check` exits with the states of a monitoring plugin instead (`alerting.levels.state`).
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit", "code_for_hosts", "code_for_signal"]


class Exit(IntEnum):
    """The exit codes of a run that no signal stopped; see `code_for_signal` for the others."""

    OK = 0
    FAILED = 1
    """The run itself failed."""
    USAGE = 2
    """An option, the configuration or the inventory is unusable; no host was contacted."""
    SOME_FAILED = 3
    NONE_READ = 4
    LOCAL = 5
    """A local resource ran out, or a result could not be written."""
    WARNING_FIRES = 11
    """``alert --exit-code``: an alert of severity warning fires."""
    CRITICAL_FIRES = 12
    LOCKED = 75
    """Another run holds the lock (EX_TEMPFAIL of sysexits.h)."""


def code_for_hosts(ok: int, failed: int) -> Exit:
    """Return the code of a whole run by how many hosts were read and how many failed."""
    if not failed:
        return Exit.OK
    return Exit.SOME_FAILED if ok else Exit.NONE_READ


def code_for_signal(number: int) -> int:
    """Return the code of a run that signal ``number`` stopped: 128 + N, as shells report it."""
    return 128 + number
