"""The check results that a monitoring daemon writes to a FIFO, for tests to wait for."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One result of a service's check."""

    service: str
    state: str
    output: str
    perfdata: str = ""


class CheckResults:
    """The lines of a FIFO: service, state, output and perfdata between tabs."""

    def __init__(self, path: Path, log: Callable[[], str]) -> None:
        self.path = path
        self._log = log
        self._rest = b""
        os.mkfifo(path)
        # Opened for both, so that reading does not end while the daemon has it closed.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def close(self) -> None:
        """Close the FIFO."""
        os.close(self._descriptor)

    def wait_for(self, service: str, state: str, *, timeout_s: float = 60) -> CheckResult:
        """Return the service's next result with this state; fail with the log if none comes."""
        deadline = time.monotonic() + timeout_s
        results = []
        while (left_s := deadline - time.monotonic()) > 0:
            for result in self._read(left_s):
                results.append(result)
                if (result.service, result.state) == (service, state):
                    return result
        raise AssertionError(f"no {service} {state}; seen {results}; the log:\n{self._log()}")

    def _read(self, timeout_s: float) -> list[CheckResult]:
        select.select([self._descriptor], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            self._rest += os.read(self._descriptor, 65536)
        *lines, self._rest = self._rest.split(b"\n")
        return [CheckResult(*line.decode().split("\t")) for line in lines]
