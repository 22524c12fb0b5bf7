"""Run a lean fleet in a process of its own, and read its counters."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from ..errors import SimulatorError
from ..fleet.process import SimulatorProcess
from .scenario import lean_scenario

__all__ = ["LeanFleetProcess"]


class LeanFleetProcess(SimulatorProcess):
    """The process of a lean fleet (`lean.fleet.LeanFleet`), which runs within the ``with`` block.

    Without ``scenario_file`` the scenario is the lean fleet's own. ``rtt_ms`` is the simulated
    round-trip time in milliseconds. ``verify``: check the clients' signatures, at additional cost.
    ``dead_percent`` of the hosts do not answer. The constructor raises ScenarioError, entering the
    block SimulatorError.
    """

    def __init__(
        self,
        folder: Path,
        scenario_file: Path | None = None,
        *,
        hosts: int | None = None,
        seed: int | None = None,
        rtt_ms: float = 0.0,
        verify: bool = False,
        dead_percent: float = 0.0,
    ) -> None:
        scenario = lean_scenario(scenario_file, hosts=hosts, seed=seed, dead_percent=dead_percent)
        options = {"scenario": scenario_file, "hosts": hosts, "seed": seed}
        lean = {"lean": True, "rtt": rtt_ms, "dead": dead_percent, "verify": verify}
        super().__init__(scenario, folder, {**options, **lean})

    def counts(self) -> dict[str, int]:
        """Return the present counters (`lean.counts.LeanCounts`), by name.

        Raises SimulatorError where the process has ended.
        """
        return self._send_command("counts")

    def leak(self, sockets: int) -> None:
        """Add ``sockets`` sockets in TCP_CLOSE to each host, also in ``hosts``.

        Raises SimulatorError where the process has ended.
        """
        self._send_command(f"leak {sockets}")
        self.hosts = tuple(host.with_leak(sockets) for host in self.hosts)

    def _send_command(self, command: str) -> dict[str, int]:
        process = self._process
        line = b""
        if process.stdin is not None and process.stdout is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(f"{command}\n".encode())
                process.stdin.flush()
                line = process.stdout.readline()
        if not line:
            raise SimulatorError("the lean fleet has ended")
        counts: dict[str, int] = json.loads(line)
        return counts
