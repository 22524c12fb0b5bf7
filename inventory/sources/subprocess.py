"""Run a program that prints an inventory, within a time limit; kill its children on failure."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ...core.record import record
from ...core.text import clean
from ..errors import InventoryError

__all__ = ["TIME_LIMIT_S", "ChildOutput", "run_child", "to_one_line"]

TIME_LIMIT_S = 120.0
"""For one run of a program; programs that query a cloud take many seconds."""


@record
class ChildOutput:
    """The output of a program, and its failure."""

    stdout: bytes
    stderr: str
    failure: str | None
    """The exit status or signal, in words; None for exit status 0."""


def run_child(
    words: Sequence[str],
    where: str,
    *,
    environment: Mapping[str, str] | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> ChildOutput:
    """Run a program to its end, without a shell and with an empty standard input.

    Raises InventoryError where it cannot be started or exceeds its time limit (its whole process
    group is killed then), and OSError with ENOEXEC for a file that is no program.
    """
    try:
        process = subprocess.Popen(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if environment is None else {**os.environ, **environment},
            start_new_session=True,  # a process group of its own, to kill it as a whole
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
        failure=_describe_failure(process.returncode),
    )


def to_one_line(text: str, *, last: bool = False, limit: int = 400) -> str:
    """Return the beginning, or the end, of a program's stderr as one line without controls."""
    line = clean(text, limit=max(len(text), 1)) or "nothing"
    if len(line) <= limit:
        return line
    return f"… {line[-limit:]}" if last else f"{line[:limit]} …"


def _describe_failure(status: int) -> str | None:
    if status == 0:
        return None
    return f"ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
