"""The simulator's errors, raised before a fleet runs."""

from __future__ import annotations

from ..core.errors import SockfleetError, UsageError

__all__ = ["ScenarioError", "SimulatorError"]


class ScenarioError(UsageError):
    """An invalid scenario; ``where`` is the file with the path of keys in it."""

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}")


class SimulatorError(SockfleetError):
    """The fleet cannot start on this machine: ports, addresses or descriptors are missing."""
