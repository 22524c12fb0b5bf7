"""One run of the collector: its event loop and its signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..collector.descriptors import concurrency_within, raise_descriptor_limit
from ..collector.engine import Engine, EngineSettings
from ..collector.event_loop import run_on_event_loop
from ..collector.reading import HostOutcome
from ..inventory.models import Host

__all__ = ["Ended", "collect"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended."""

    complete: bool
    signal: int | None
    """The signal that ended it; None: it ended by itself, or by its deadline."""
    notes: Sequence[str]
    """What the transports have to tell the user."""


def collect(
    hosts: Sequence[Host], settings: EngineSettings, deliver: Callable[[HostOutcome], None]
) -> Ended:
    """Ask every host; ``deliver`` is told each outcome as it is known.

    SIGINT, SIGTERM and SIGHUP end the run early with an outcome for every host; a second one of
    them kills the process as usual. Raises what ``deliver`` raises, and DescriptorError.
    """
    possible = concurrency_within(raise_descriptor_limit(), settings.concurrency)
    engine = Engine(replace(settings, concurrency=min(possible, len(hosts))))
    signals: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def stop(number: signal.Signals) -> None:
            signals.append(number)
            loop.remove_signal_handler(number)
            engine.stop(number.name)

        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup keeps what it ignores
                loop.add_signal_handler(number, stop, number)
        await engine.run(hosts, deliver)

    run_on_event_loop(main())
    return Ended(
        complete=engine.complete, signal=signals[0] if signals else None, notes=engine.notes
    )
