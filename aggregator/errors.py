"""The aggregator's errors."""

from __future__ import annotations

from ..core.errors import SockfleetError, UsageError

__all__ = ["ComparisonError", "DocumentError"]


class DocumentError(UsageError):
    """What was given as a scan is not one that can be used.

    ``problem`` names the path of keys (``$.hosts[3].tcp.alloc``), what was found there and what
    was expected.
    """

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"not a scan of sockfleet: {problem}")


class ComparisonError(SockfleetError):
    """An earlier scan with which this one cannot be compared; the text says why."""
