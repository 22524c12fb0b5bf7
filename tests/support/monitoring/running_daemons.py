"""Programs of others that run for a test on loopback, and end with it."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_STOP_S = 30


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str], *, ready: str, environment: dict[str, str] | None = None
) -> Iterator[None]:
    """The program from the line on its stderr that has ``ready`` in it, to the end of the block."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
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
        rest.start()  # a full pipe would stop it
        yield
    finally:
        _stop(process)
        if rest.ident is not None:
            rest.join()
        process.stderr.close()


@contextmanager
def logged(
    command: list[str], log: Path, *, environment: dict[str, str] | None = None
) -> Iterator[None]:
    """The program from its start to the end of the block; what it prints goes to ``log``."""
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
