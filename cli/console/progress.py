"""The progress bar on stderr: only at a terminal, never in the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from ...aggregator.host import HostSummary, Status
from ...core.record import record

__all__ = ["ProgressBar", "progress_bar"]

_EVERY_S = 0.125


def _nothing(_host: HostSummary) -> None:
    """Where no bar is shown."""


@record
class ProgressBar:
    """A bar that is drawn, or none: then nothing happens."""

    advance: Callable[[HostSummary], None] = _nothing
    """To be called with each host that is done."""
    erased: Callable[[], AbstractContextManager[object]] = nullcontext
    """Within its context a message can be written in the place of the bar."""


@contextmanager
def progress_bar(total: int, *, wanted: bool) -> Iterator[ProgressBar]:
    """Draw a bar until the context ends, where it is wanted."""
    if not wanted:
        yield ProgressBar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    console = Console(stderr=True)
    failed = 0
    with Progress(
        TextColumn("scanning"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}"),
        TextColumn("{task.fields[rate]}"),
        TimeLeft(compact=True),
        console=console,
        transient=True,
        auto_refresh=False,  # that would be a thread, beside which no worker can be forked
    ) as bar:
        task = bar.add_task("", total=total, failed="", rate="")
        drawn = time.monotonic()

        def done(host: HostSummary) -> None:
            nonlocal failed, drawn
            if host.status is Status.FAILED:
                failed += 1
                bar.update(task, failed=f"[red]{failed} failed")
            bar.advance(task)
            speed = bar.tasks[0].speed
            if speed:
                bar.update(task, rate=f"{speed:.0f}/s")
            now = time.monotonic()
            if now - drawn >= _EVERY_S:
                drawn = now
                bar.refresh()

        @contextmanager
        def erased() -> Iterator[None]:
            bar.stop()  # it is transient: that erases it
            yield
            bar.start()

        yield ProgressBar(advance=done, erased=erased)
