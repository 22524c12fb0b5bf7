"""The connect timeout, which stands still while the host is not the one that is waited for."""

from __future__ import annotations

from types import TracebackType

from ..runtime.time_limit import TimeLimit
from ..timeouts import timeout_error
from ..transport import Attempt

__all__ = ["ConnectTimeout"]


class ConnectTimeout(TimeLimit):
    """``with`` around a login: bounds it by ``limit_s``, of which ``spent_s`` are gone.

    When the time is used up it raises the HostError of the phase that the attempt is in. It is
    stopped while the user types.
    """

    __slots__ = ("_attempt", "_limit_s")

    def __init__(self, attempt: Attempt, limit_s: float, *, spent_s: float = 0.0) -> None:
        super().__init__(limit_s - spent_s)
        self._attempt = attempt
        self._limit_s = limit_s

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, trace)
        except TimeoutError:
            raise timeout_error(self._attempt, self._limit_s) from None
