"""``sockfleet scan``: run a scan, once or repeated, and deliver what it gives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary
from ..collector.runtime.signals import StopSignals
from ..core.errors import UsageError
from ..core.exit_codes import Exit, code_for_hosts, code_for_signal
from ..scan.options import RepeatOptions, ScanOptions
from ..scan.scan import Scan, ScanResult
from . import streams, terminal
from .delivery import Delivery
from .progress import progress_bar
from .terminal_hooks import terminal_hooks

if TYPE_CHECKING:  # a scan that is not saved does not import the store
    from .saving import ScanSaver

__all__ = ["ScanRun", "make_delivery"]

_CLEAR = b"\x1b[H\x1b[2J"


def make_delivery(given: Mapping[str, Any]) -> Delivery:
    """Where the output options of a command send its result."""
    return Delivery(
        given["output"],
        given["format_name"],
        terminal.render_options(given["color"], top=given["top"]),
        mode=given["mode"],
        quiet=given["quiet"],
    )


class ScanRun:
    """A scan whose hosts and summary go to ``delivery``, with a progress bar at a terminal.

    ``saver`` saves each summary after that; None: it is not saved.
    """

    def __init__(
        self,
        options: ScanOptions,
        delivery: Delivery,
        *,
        quiet: bool,
        saver: ScanSaver | None = None,
    ) -> None:
        self._options = options
        self._delivery = delivery
        self._quiet = quiet
        self._saver = saver
        self._signals = StopSignals()
        self._advance: Callable[[HostSummary], None] | None = None
        self._hooks = terminal_hooks(self._signals, quiet=quiet, on_host=self._deliver_host)

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
        written = self._delivery.deliver(summary)
        if self._saver is not None:
            written &= self._saver.save(summary, self._delivery.written_json)
        hosts = summary.fleet.hosts
        if self._delivery.stdout is None and hosts.failed and not hosts.ok:
            streams.warn(f"error: {_none_read(summary)}")  # otherwise cron would mail nothing
        return self._exit_code(result, written=written)

    def repeat(self, repeat: RepeatOptions) -> int:
        """Scan again and again; returns the exit code of all rounds together.

        Raises UsageError for a format that cannot be repeated on standard output.
        """
        from ..scan.repeat import RepeatedScan

        shown = self._delivery.stdout
        if shown is not None and not shown.repeats:
            raise UsageError(
                f"--format {shown.name} cannot be repeated on standard output, where one document "
                f"would follow another; take ndjson, or -o {shown.name}:FILE, which is written "
                "anew in each round"
            )
        scan = RepeatedScan(self._options, repeat, self._hooks)
        scan.prepare()
        ok = failed = 0
        written = True
        try:
            with self._progress(len(scan.selection.hosts)) as first_round:

                def deliver(summary: FleetSummary) -> bool:
                    nonlocal ok, failed, written
                    first_round.close()
                    self._advance = None
                    written &= self._deliver_round(summary)
                    ok += summary.fleet.hosts.ok
                    failed += summary.fleet.hosts.failed
                    return self._delivery.is_wanted or self._saver is not None

                scan.run(deliver)
        except BrokenPipeError:
            return Exit.OK  # the reader closed the pipe: it has what it wanted
        if self._signals.received:
            return code_for_signal(self._signals.received[0])
        if self._delivery.stdout is None and not ok:
            streams.warn("error: no host could be read in any round")
        return code_for_hosts(ok, failed) if written else Exit.LOCAL

    def _progress(self, hosts: int) -> ExitStack:
        """Draw a bar until the context ends, where one helps."""
        wanted = sys.stderr.isatty() and not self._quiet and not self._delivery.is_streamed
        stack = ExitStack()
        self._advance = stack.enter_context(progress_bar(hosts, wanted=wanted))
        return stack

    def _deliver_host(self, host: HostSummary) -> None:
        self._delivery.host(host)
        if self._advance is not None:
            self._advance(host)

    def _deliver_round(self, summary: FleetSummary) -> bool:
        written = self._delivery.deliver(summary, before=self._before(summary.scan.round or 1))
        if self._saver is not None:
            # The next round replaces the files of this one.
            written &= self._saver.save(summary, None)
        return written

    def _before(self, number: int) -> bytes:
        """The bytes that separate the table of a round from the one before it."""
        shown = self._delivery.stdout
        if shown is None or shown.name != "table":
            return b""
        if sys.stdout.isatty():
            return _CLEAR
        return b"\n" if number > 1 else b""

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


def _none_read(summary: FleetSummary) -> str:
    why = ", ".join(f"{count} {category}" for category, count in summary.fleet.failures.items())
    return f"no host could be read: {why}"
