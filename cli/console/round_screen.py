"""``scan --repeat`` at a terminal: each round drawn in place, the last one printed at the end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ...collector.runtime.signals import StopSignals
from ...core.errors import SockfleetError
from ...output.formats import Format, RenderOptions
from ...output.text.style import TextStyle
from ...scan.hooks import Stoppable
from . import streams
from .live_screen import LiveScreen

__all__ = ["RoundScreen"]

_EVERY_S = 0.2


class RoundScreen:
    """Shows the newest round and, in the last line, what goes on; ``q`` calls ``stop``."""

    def __init__(self, table: Format, options: RenderOptions, *, interval_s: float) -> None:
        self._table = table
        self._options = options
        self._hosts = 0
        self._interval_s = interval_s
        self._summary: FleetSummary | None = None
        self._messages: list[str] = []
        self._in_progress = 0
        self._drawn_s = 0.0
        self._rendered: tuple[object, list[bytes]] = (None, [])
        self._screen = LiveScreen(self._draw)
        self.is_left = False
        """Whether ``q`` was pressed."""

    @contextmanager
    def open(self, hosts: int) -> Iterator[None]:
        """Take the terminal; at the end print the last round and the messages held back."""
        self._hosts = hosts
        try:
            with streams.hold(self._messages), self._screen:
                self._screen.update()
                yield
        finally:
            self._print_last()

    def stoppable(self, signals: StopSignals) -> Stoppable:
        """Within the running event loop a signal stops the scan, and so does ``q``."""

        @contextmanager
        def attend(stop: Callable[[str], None]) -> Iterator[None]:
            def on_key(key: str) -> None:
                if key in "qQ":
                    self.is_left = True
                    stop("q")

            with signals(stop), self._screen.attend(on_key):
                yield

        return attend

    def count_host(self, _host: HostSummary) -> None:
        """One more host of the running round was read, or failed."""
        self._in_progress += 1
        now = time.monotonic()
        if now - self._drawn_s >= _EVERY_S:
            self._drawn_s = now
            self._screen.update()

    def show(self, summary: FleetSummary, *, trends: Mapping[str, str]) -> None:
        """Show a finished round, with what hosts do over time.

        Raises BrokenPipeError where the terminal is gone.
        """
        self._in_progress = 0
        self._options = replace(self._options, trends=trends)
        self._summary = summary
        self._screen.update()

    def _draw(self, columns: int, lines: int) -> bytes:
        style = TextStyle(replace(self._options, width=columns))
        status = style.encode(style.render(style.shorten(self._status(), columns), "dim"))
        if self._summary is None:
            return status
        # Kept while a round is in progress: to draw 10,000 hosts takes a tenth of a second.
        wanted = (self._summary.scan.id, self._summary.scan.round, columns, lines)
        if wanted != self._rendered[0]:
            self._rendered = wanted, self._render(self._summary, style, lines - 1)
        return b"\n".join([*self._rendered[1], status])

    def _render(self, summary: FleetSummary, style: TextStyle, room: int) -> list[bytes]:
        """As many lines as there is room for, the last ones empty."""
        options = replace(style.options, height=room, failures=False)
        table = self._table.render(summary, options).rstrip(b"\n").split(b"\n")
        taken = [style.count_lines(line.decode("utf-8", "replace")) for line in table]
        while sum(taken) > room and taken:  # a terminal of a few lines
            taken.pop()
        return [*table[: len(taken)], *[b""] * (room - sum(taken))]

    def _status(self) -> str:
        number = 0 if self._summary is None else self._summary.scan.round or 0
        parts = []
        if self._in_progress or self._summary is None:
            parts.append(f"round {number + 1}: {self._in_progress} of {self._hosts} hosts")
        parts.append(f"every {self._interval_s:g} s")
        parts.append("q ends" if self._screen.has_keyboard else "Ctrl-C ends")
        if self._messages:
            parts.append(self._messages[-1])
        return " · ".join(parts)

    def _print_last(self) -> None:
        if self._summary is None:
            return
        size = shutil.get_terminal_size()
        options = replace(self._options, width=size.columns)
        if options.height is not None:  # the messages are above it, the prompt below
            above = sum(map(TextStyle(options).count_lines, self._messages))
            options = replace(options, height=max(size.lines - 1 - above, size.lines // 2))
        with suppress(SockfleetError, OSError):  # the terminal is gone, and with it the reader
            streams.write(self._table.render(self._summary, options))
