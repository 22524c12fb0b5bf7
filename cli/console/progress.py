"""The progress bar on stderr: only at a terminal, never in the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...aggregator.host import HostSummary, Status

__all__ = ["progress_bar"]

_EVERY_S = 0.125


@contextmanager
def progress_bar(total: int, *, wanted: bool) -> Iterator[Callable[[HostSummary], None]]:
    """A function to call with each host that is done; it does nothing where no bar is shown."""
    if not wanted:
        yield _nothing
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

        yield done


def _nothing(_host: HostSummary) -> None:
    """Where no bar is shown."""
