"""A lean fleet in a process of its own, and what it counted."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from ..errors import SimulatorError
from ..fleet.process import SimulatorProcess
from .scenario import lean_scenario

__all__ = ["LeanFleetProcess"]


class LeanFleetProcess(SimulatorProcess):
    """A lean fleet (`lean_fleet.LeanFleet`), answering from entering to leaving.

    Without ``scenario_file`` the scenario is the lean fleet's own. ``rtt_ms``: the round-trip time
    that is played. ``verify``: the clients' signatures are checked, which costs the process half
    as much again. ``dead_percent`` of the hosts answer nothing. Making one raises ScenarioError,
    entering SimulatorError.
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
        """What the fleet has counted up to now (`lean_counts.LeanCounts`), by name.

        Raises SimulatorError where the process has ended.
        """
        return self._told("counts")

    def leak(self, sockets: int) -> None:
        """Let each host hold so many more sockets in TCP_CLOSE; ``hosts`` says so then.

        Raises SimulatorError where the process has ended.
        """
        self._told(f"leak {sockets}")
        self.hosts = tuple(host.leaking(sockets) for host in self.hosts)

    def _told(self, order: str) -> dict[str, int]:
        process = self._process
        line = b""
        if process.stdin is not None and process.stdout is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(f"{order}\n".encode())
                process.stdin.flush()
                line = process.stdout.readline()
        if not line:
            raise SimulatorError("the lean fleet has ended")
        counts: dict[str, int] = json.loads(line)
        return counts
