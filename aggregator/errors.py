"""The aggregator's errors."""

from __future__ import annotations

from ..inventory.errors import UsageError

__all__ = ["DocumentError"]


class DocumentError(UsageError):
    """What was given as a scan is not one that can be used.

    ``problem`` names the path of keys (``$.hosts[3].tcp.alloc``), what was found there and what
    was expected.
    """

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"not a scan of sockfleet: {problem}")
