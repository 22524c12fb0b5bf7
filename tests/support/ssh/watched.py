"""An attempt that tells when it comes to a phase."""

from __future__ import annotations

import asyncio

from sockfleet.collector.errors import Phase
from sockfleet.collector.transport import Attempt

__all__ = ["Watched"]


class Watched(Attempt):
    """``await attempt.at(Phase.AUTH)`` returns when the attempt is there; make it in a loop."""

    def at(self, phase: Phase) -> asyncio.Future[None]:
        self.__dict__.setdefault("awaited", {})
        return self.__dict__["awaited"].setdefault(phase, asyncio.Future())

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        future = self.__dict__.get("awaited", {}).get(value) if name == "phase" else None
        if future is not None and not future.done():
            future.set_result(None)
