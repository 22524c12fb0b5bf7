"""Run a simulated fleet in a process of its own, apart from the process of the scan."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import SimulatorError
from ..scenario.scenario import Scenario
from ..scenario.scenario_file import choose_scenario
from .folder import FleetFolder

__all__ = ["FleetProcess", "SimulatorProcess"]

_READY = re.compile(rb"ready [0-9]+ hosts on port ([0-9]+)\n")
_STOP_S = 10.0


class SimulatorProcess(FleetFolder):
    """A process of ``python -m sockfleet.simulator``, which runs within the ``with`` block.

    ``folder`` must exist, and gets the files that `faulty.fleet.Fleet` writes. The process always
    ends with this one, because its standard input is a pipe from here. Entering the block raises
    SimulatorError. ``options`` are those of the command: None omits one, True is a flag.
    """

    def __init__(self, scenario: Scenario, folder: Path, options: Mapping[str, object]) -> None:
        super().__init__(scenario, folder)
        self._command = [sys.executable, "-m", "sockfleet.simulator", str(folder), "--until-eof"]
        for name, value in options.items():
            if value is True:
                self._command.append(f"--{name}")
            elif value is not None and value is not False:
                self._command += [f"--{name}", str(value)]

    def __enter__(self) -> Self:
        # In a session of its own it gets no SIGINT from Ctrl-C, and ends after the scan.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            line = self._process.stdout.readline() if self._process.stdout else b""
            ready = _READY.fullmatch(line)
            if ready is None:
                raise SimulatorError("the simulated fleet did not start; see its error above")
            self.port = int(ready[1])
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        """The id of the process that runs the fleet."""
        return self._process.pid

    def wait(self) -> None:
        """Wait until the process ends, which a signal or an error causes."""
        self._process.wait()

    def _stop(self) -> None:
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            if process.stdout is not None:
                process.stdout.close()


class FleetProcess(SimulatorProcess):
    """The fleet of a scenario file (None: the demo's). The constructor raises ScenarioError."""

    def __init__(
        self,
        folder: Path,
        scenario_file: Path | None = None,
        *,
        hosts: int | None = None,
        seed: int | None = None,
    ) -> None:
        scenario = choose_scenario(scenario_file, hosts=hosts, seed=seed)
        options = {"scenario": scenario_file, "hosts": hosts, "seed": seed}
        super().__init__(scenario, folder, options)
