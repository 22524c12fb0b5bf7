"""``--format`` and ``-o`` of the commands that show a summary: judged first, written last."""

from __future__ import annotations

from collections.abc import Sequence

from ..aggregator.fleet import FleetSummary
from ..inventory.errors import SockfleetError
from ..output.formats import Format, RenderOptions, load_format
from ..output.warnings import warnings_of
from . import terminal
from .output_files import OutputFile, parse_mode, parse_output
from .whole_files import replace_whole

__all__ = ["Delivery"]


class Delivery:
    """Where one summary goes. Raises UsageError for what cannot be written, before any work."""

    def __init__(
        self,
        output: Sequence[str],
        format_name: str | None,
        render: RenderOptions,
        *,
        mode: str | None = None,
        quiet: bool,
    ) -> None:
        self._render = render
        self._quiet = quiet
        self._mode = parse_mode(mode)
        self._files: list[OutputFile] = [parse_output(text) for text in output]
        self.stdout: Format | None = None
        """None: nothing goes to standard output."""
        if format_name or not self._files:
            self.stdout = load_format(format_name or "table")

    def deliver(self, summary: FleetSummary, *, hosts_are_out: bool = False) -> bool:
        """Write every output, each though another failed; returns whether all were written.

        ``hosts_are_out`` says that the hosts' lines already went to standard output.
        """
        whole = True
        for file in self._files:
            # A file has no terminal: no width, no colour.
            plain = RenderOptions(top=self._render.top)
            try:
                data = file.format.render(summary, plain)
                replace_whole(file.path, data, new_mode=file.format.mode, mode=self._mode)
            except SockfleetError as error:
                terminal.note(f"error: {error}")
                whole = False
        if self.stdout is None or self.stdout.name != "table":
            terminal.notes(warnings_of(summary), quiet=self._quiet)
        if self.stdout is not None:
            try:
                terminal.write(self._shown(self.stdout, summary, hosts_are_out=hosts_are_out))
            except BrokenPipeError:
                return whole  # the reader has what it wanted
            except SockfleetError as error:
                terminal.note(f"error: {error}")
                whole = False
        return whole

    def _shown(self, chosen: Format, summary: FleetSummary, *, hosts_are_out: bool) -> bytes:
        if hosts_are_out and chosen.end_line is not None:
            return chosen.end_line(summary)
        return chosen.render(summary, self._render)
