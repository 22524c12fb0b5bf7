"""Run a program whose output is an inventory: its time limited, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from .errors import InventoryError

__all__ = ["TIME_LIMIT_S", "ChildOutput", "run_child"]

TIME_LIMIT_S = 120.0
"""For one run of an inventory's program; those that ask a cloud take many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildOutput:
    """What the program printed."""

    stdout: bytes
    stderr: str


def run_child(
    words: Sequence[str],
    where: str,
    *,
    environment: Mapping[str, str] | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> ChildOutput:
    """Run a program to its end, without a shell and with an empty standard input.

    Raises InventoryError when it exits with another status than 0 or is not done in time (it and
    its own children are killed then), OSError when it cannot be started.
    """
    with subprocess.Popen(
        list(words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None if environment is None else {**os.environ, **environment},
        start_new_session=True,  # so that the whole group can be killed
    ) as process:
        try:
            stdout, stderr_bytes = process.communicate(timeout=time_limit_s)
        except BaseException as error:
            _kill_group(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise InventoryError(
                    where, f"{words[0]} was not done in {time_limit_s:g} s and was stopped"
                ) from error
            raise
    stderr = stderr_bytes.decode("utf-8", "replace")
    if process.returncode:
        said = stderr.strip() or "nothing on stderr"
        raise InventoryError(
            where, f"{words[0]} ended with {_ending(process.returncode)}; it said: {said[-1000:]}"
        )
    return ChildOutput(stdout=stdout, stderr=stderr)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
