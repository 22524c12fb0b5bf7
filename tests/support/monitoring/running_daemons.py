"""Monitoring daemons that a test starts on loopback and stops at its end."""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_STOP_S = 30


@contextmanager
def running_daemon(
    command: list[str], *, ready: str, environment: dict[str, str] | None = None
) -> Iterator[int]:
    """Run the program during the block, which begins once ``ready`` is in a line of its stderr.

    Yields its pid. The program also ends if this process is killed.
    """
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *command],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stderr is not None
    seen: deque[str] = deque(maxlen=50)
    rest = threading.Thread(target=seen.extend, args=(process.stderr,))
    try:
        for line in process.stderr:
            seen.append(line)
            if ready in line:
                break
        else:
            raise AssertionError(f"{command[0]} ended before it was ready:\n{''.join(seen)}")
        rest.start()  # a full pipe would block the program
        yield process.pid
    finally:
        _stop(process)
        if rest.ident is not None:
            rest.join()
        process.stderr.close()


@contextmanager
def logged_daemon(
    command: list[str], log: Path, *, environment: dict[str, str] | None = None
) -> Iterator[None]:
    """Run the program during the block, with its output in ``log``."""
    with log.open("wb") as printed:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        yield
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
