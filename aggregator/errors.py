"""The aggregator's errors."""

from __future__ import annotations

from ..core.errors import SockfleetError, UsageError

__all__ = ["ComparisonError", "DocumentError"]


class DocumentError(UsageError):
    """The input is not a valid document of a scan.

    ``problem`` names the path of keys (``hosts[3].tcp.alloc``), the value there and the expected
    one.
    """

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"not a scan of sockfleet: {problem}")


class ComparisonError(SockfleetError):
    """This scan cannot be compared with the earlier one; the text says why."""
