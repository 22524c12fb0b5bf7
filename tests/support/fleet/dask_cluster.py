"""A real Dask scheduler and workers on loopback, each in its own process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["DaskCluster", "wait_for_line"]

START_TIMEOUT_S = 60.0
_SCHEDULER = b"Scheduler at:"
_REGISTERED = b"Registered to:"


def wait_for_line(text: bytes, log: Path, process: subprocess.Popen[bytes]) -> bytes:
    """Wait for the first line with this text in the log of the process."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        has_ended = process.poll() is not None
        for line in log.read_bytes().splitlines():
            if text in line:
                return line
        if has_ended or time.monotonic() > deadline:
            raise RuntimeError(f"the process did not start:\n{log.read_text()}")
        time.sleep(0.01)  # the log is the only event


class DaskCluster:
    """A scheduler, as a context manager, and the workers that `worker` starts.

    They listen on 127.0.0.1 and are killed at the end; ``folder`` keeps their output. ``tls`` are
    options for scheduler and workers; a client needs its own.
    """

    def __init__(self, folder: Path, *, tls: Sequence[str] = ()) -> None:
        self._folder = folder
        self._tls = tls
        self._processes: list[subprocess.Popen[bytes]] = []
        self.address = ""
        """The value for ``--dask``; empty before the context is entered."""

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        protocol = ["--protocol", "tls"] if self._tls else []
        self.scheduler, line = self._start(
            "scheduler", _SCHEDULER, "--port", "0", "--no-dashboard", *protocol
        )
        self.address = line.split()[-1].decode()
        return self

    def worker(
        self, *options: str, name: str = "", env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start ``dask worker`` with these options; returns once it is in the cluster."""
        name = name or f"worker{len(self._processes)}"
        words = [self.address, "--no-nanny", "--no-dashboard", "--nthreads", "1", "--name", name]
        words += ["--local-directory", str(self._folder / f"{name}.files")]
        return self._start("worker", _REGISTERED, *words, *options, name=name, env=env)[0]

    def log(self, name: str) -> str:
        """The output of the scheduler, or of the worker of that name."""
        return (self._folder / f"{name}.log").read_text()

    def _start(
        self,
        command: str,
        ready: bytes,
        *words: str,
        name: str = "scheduler",
        env: dict[str, str] | None = None,
    ) -> tuple[subprocess.Popen[bytes], bytes]:
        log = self._folder / f"{name}.log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", f"distributed.cli.dask_{command}"),
                    *("--host", "127.0.0.1", *self._tls, *words),
                ],
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                start_new_session=True,
            )
        self._processes.append(process)
        return process, wait_for_line(ready, log, process)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
