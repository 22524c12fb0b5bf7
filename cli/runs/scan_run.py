"""``sockfleet scan``: run a scan, once or repeated, and deliver what it gives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...aggregator.fleet import FleetSummary, HostCounts
from ...aggregator.host import HostSummary
from ...collector.runtime.signals import StopSignals
from ...core.errors import UsageError
from ...core.exit_codes import Exit, code_for_hosts, code_for_signal
from ...core.record import mutable
from ...output.formats import NextCommands
from ...scan.options import RepeatOptions, ScanOptions
from ...scan.scan import Scan, ScanResult
from ..console import streams, terminal
from ..console.progress import ProgressBar, progress_bar
from .delivery import Delivery
from .terminal_hooks import terminal_hooks

if TYPE_CHECKING:  # a scan that is not saved, or not at a terminal, needs neither
    from ..console.round_screen import RoundScreen
    from .alert_after_scan import ScanAlerter
    from .saving import ScanSaver

__all__ = ["ScanRun", "make_delivery"]


def make_delivery(given: Mapping[str, Any], commands: NextCommands | None = None) -> Delivery:
    """Where the output options of a command send its result.

    ``commands`` is what the next command of a table begins with.
    """
    render = terminal.render_options(
        given["color"],
        top=given["top"],
        show_all=given["show_all"],
        failures=given["failures"],
        commands=commands,
    )
    return Delivery(
        given["output"],
        given["format_name"],
        render,
        mode=given["mode"],
        quiet=given["quiet"],
    )


class ScanRun:
    """A scan whose hosts and summary go to ``delivery``, with a progress bar at a terminal.

    ``saver`` saves each summary after that; None: it is not saved. ``alerter`` judges what is
    saved, and notifies. ``in_place`` allows `repeat` to
    draw on a terminal's second screen. ``store`` is where --against finds scans.
    """

    def __init__(
        self,
        options: ScanOptions,
        delivery: Delivery,
        *,
        quiet: bool,
        saver: ScanSaver | None = None,
        in_place: bool = True,
        store: str | None = None,
        alerter: ScanAlerter | None = None,
    ) -> None:
        self._options = options
        self._delivery = delivery
        self._quiet = quiet
        self._saver = saver
        self._alerter = alerter
        self._in_place = in_place
        self._signals = StopSignals()
        self._advance: Callable[[HostSummary], None] | None = None
        self._bar = ProgressBar()
        self._progress_bar = ExitStack()
        self._hooks = terminal_hooks(
            self._signals,
            quiet=quiet,
            on_host=self._deliver_host,
            around_message=lambda: self._bar.erased(),
            store=store,
        )

    def run(self) -> int:
        """Scan once and deliver; returns the exit code."""
        scan = Scan(self._options, self._hooks)
        scan.prepare()
        try:
            with self._progress(len(scan.selection.hosts)):
                result = scan.run()
        except BrokenPipeError:
            return Exit.OK  # the reader closed the pipe: it has what it wanted
        summary = result.summary
        self._add_trends(summary)
        written = self._delivery.deliver(summary)
        written &= self._save(summary, self._delivery.written_json)
        hosts = summary.fleet.hosts
        if self._delivery.stdout is None and hosts.failed and not hosts.ok:
            streams.warn(f"error: {_none_read(summary)}")  # otherwise cron would mail nothing
        return self._exit_code(result, written=written)

    def repeat(self, repeat: RepeatOptions) -> int:
        """Scan again and again; returns the exit code of all rounds together.

        Raises UsageError for a format that cannot be repeated on standard output.
        """
        from ...scan.repeat import RepeatedScan

        self._require_repeatable()
        screen = self._round_screen(repeat)
        hooks = self._hooks
        if screen is not None:
            hooks = replace(hooks, stoppable=screen.stoppable(self._signals))
        scan = RepeatedScan(self._options, repeat, hooks)
        scan.prepare()
        # Its question comes before the screen on which the rounds are drawn.
        scan.meet_unknown_hosts(self._signals)
        if screen is not None:
            self._advance = screen.count_host
        rounds = _Rounds()

        def deliver(summary: FleetSummary) -> bool:
            if screen is not None and screen.is_left and not summary.scan.complete and rounds.ok:
                return False  # `q` cut it off: the round before it was the last one
            self._add_trends(summary)
            if screen is None:
                self._end_progress()
                written = self._delivery.deliver(
                    summary, before=self._before(summary.scan.round or 1)
                )
            else:
                written = self._delivery.deliver(
                    summary, show=partial(screen.show, trends=self._delivery.render.trends)
                )
            # The next round replaces the files of this one.
            written &= self._save(summary, None)
            rounds.add(summary.fleet.hosts, written=written)
            return self._delivery.is_wanted or self._saver is not None

        try:
            with ExitStack() as first_round:
                hosts = len(scan.selection.hosts)
                first_round.enter_context(
                    self._progress(hosts) if screen is None else screen.open(hosts)
                )
                scan.run(deliver)
        except BrokenPipeError:
            return Exit.OK  # the reader closed the pipe: it has what it wanted
        if self._signals.received:
            return code_for_signal(self._signals.received[0])
        if self._delivery.stdout is None and not rounds.ok:
            streams.warn("error: no host could be read in any round")
        return code_for_hosts(rounds.ok, rounds.failed) if rounds.written else Exit.LOCAL

    def _save(self, summary: FleetSummary, file: Path | None) -> bool:
        """Save a summary and judge it, where that is wanted; whether all of it went well.

        ``file`` holds it as JSON already.
        """
        if self._saver is None:
            return True
        if not self._saver.save(summary, file):
            return False
        return self._alerter is None or self._alerter.run(summary)

    def _add_trends(self, summary: FleetSummary) -> None:
        """Let the table say what the store knows of its hosts, if the scan is saved."""
        if self._saver is not None and self._delivery.shows_table:
            self._delivery.set_trends(self._saver.describe_over_time(summary))

    def _require_repeatable(self) -> None:
        shown = self._delivery.stdout
        if shown is not None and not shown.repeats:
            raise UsageError(
                f"--format {shown.name} cannot be repeated on standard output, where one document "
                f"would follow another; take ndjson, or -o {shown.name}:FILE, which is written "
                "anew in each round"
            )

    def _round_screen(self, repeat: RepeatOptions) -> RoundScreen | None:
        """The screen on which rounds are drawn in place, where standard output has one."""
        shown = self._delivery.stdout
        if shown is None or shown.name != "table" or not self._in_place:
            return None
        from ..console.live_screen import can_draw
        from ..console.round_screen import RoundScreen

        if not can_draw():
            return None
        return RoundScreen(shown, self._delivery.render, interval_s=repeat.interval_s)

    def _progress(self, hosts: int) -> ExitStack:
        """Draw a bar until the context ends, where one helps."""
        wanted = sys.stderr.isatty() and not self._quiet and not self._delivery.is_streamed
        self._progress_bar = ExitStack()
        self._bar = self._progress_bar.enter_context(progress_bar(hosts, wanted=wanted))
        self._progress_bar.callback(self._forget_progress)
        self._advance = self._bar.advance
        return self._progress_bar

    def _end_progress(self) -> None:
        self._progress_bar.close()

    def _forget_progress(self) -> None:
        self._bar = ProgressBar()
        self._advance = None

    def _deliver_host(self, host: HostSummary) -> None:
        self._delivery.host(host)
        if self._advance is not None:
            self._advance(host)

    def _before(self, number: int) -> bytes:
        """The bytes that separate the table of a round from the one before it."""
        shown = self._delivery.stdout
        is_next_table = shown is not None and shown.name == "table" and number > 1
        return b"\n" if is_next_table else b""

    def _exit_code(self, result: ScanResult, *, written: bool) -> int:
        """Where several hold: a signal, then the run, then a write, then the hosts."""
        if self._signals.received:
            return code_for_signal(self._signals.received[0])
        if result.failed is not None:
            return Exit.FAILED
        if not written:
            return Exit.LOCAL
        hosts = result.summary.fleet.hosts
        return code_for_hosts(hosts.ok, hosts.failed)


@mutable
class _Rounds:
    """What all rounds together gave."""

    ok: int = 0
    failed: int = 0
    written: bool = True

    def add(self, hosts: HostCounts, *, written: bool) -> None:
        self.ok += hosts.ok
        self.failed += hosts.failed
        self.written &= written


def _none_read(summary: FleetSummary) -> str:
    why = ", ".join(f"{count} {category}" for category, count in summary.fleet.failures.items())
    return f"no host could be read: {why}"
