"""Run a program whose output is an inventory: its time limited, nothing left behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ...core.record import record
from ..errors import InventoryError

__all__ = ["TIME_LIMIT_S", "ChildOutput", "one_line", "run_child"]

TIME_LIMIT_S = 120.0
"""For one run of an inventory's program; those that ask a cloud take many seconds."""


@record
class ChildOutput:
    """What the program printed, and how it ended."""

    stdout: bytes
    stderr: str
    ending: str | None
    """None for exit status 0; else how it ended, in words."""


def run_child(
    words: Sequence[str],
    where: str,
    *,
    environment: Mapping[str, str] | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> ChildOutput:
    """Run a program to its end, without a shell and with an empty standard input.

    Raises InventoryError when it cannot be started or is not done in time (it and its own children
    are killed then), and OSError with ENOEXEC for a file that is no program at all.
    """
    try:
        process = subprocess.Popen(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if environment is None else {**os.environ, **environment},
            start_new_session=True,  # so that the whole group can be killed
        )
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            raise
        raise InventoryError(where, f"cannot run {words[0]}: {error.strerror}") from error
    with process:
        try:
            stdout, stderr = process.communicate(timeout=time_limit_s)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise InventoryError(
                    where, f"{words[0]} was not done in {time_limit_s:g} s and was stopped"
                ) from error
            raise
    return ChildOutput(
        stdout=stdout,
        stderr=stderr.decode("utf-8", "replace"),
        ending=_ending(process.returncode),
    )


def one_line(text: str, *, last: bool = False, limit: int = 400) -> str:
    """What a program said on stderr as one harmless line: its beginning, or its end."""
    safe = "".join(one if one.isprintable() else " " for one in text)
    line = " ".join(safe.split()) or "nothing"
    if len(line) <= limit:
        return line
    return f"… {line[-limit:]}" if last else f"{line[:limit]} …"


def _ending(status: int) -> str | None:
    if status == 0:
        return None
    return f"ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
