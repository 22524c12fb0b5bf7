"""What can go wrong before a simulated fleet stands."""

from __future__ import annotations

from ..core.errors import SockfleetError, UsageError

__all__ = ["ScenarioError", "SimulatorError"]


class ScenarioError(UsageError):
    """A scenario that says what cannot be; ``where`` is the file and the path of keys in it."""

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}")


class SimulatorError(SockfleetError):
    """The fleet could not be started on this machine: ports, addresses or descriptors."""
