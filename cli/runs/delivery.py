"""``--format`` and ``-o`` of the commands that show a summary: checked first, written last."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ...core.errors import SockfleetError
from ...core.exit_codes import Exit
from ...output.atomic_file import replace_whole
from ...output.formats import Format, RenderOptions, load_format
from ...output.text.warnings import warning_lines
from ..console import streams
from ..console.streams import StdoutError
from .output_files import OutputFile, parse_mode, parse_output

__all__ = ["Delivery", "RenderError"]

log = logging.getLogger("sockfleet.cli")


class RenderError(SockfleetError):
    """A format could not show the summary; the other outputs are written."""

    exit_code = Exit.LOCAL


class Delivery:
    """The outputs of one summary. Raises UsageError at once for one that cannot be written."""

    def __init__(
        self,
        output: Sequence[str],
        format_name: str | None,
        render: RenderOptions,
        *,
        mode: str | None = None,
        quiet: bool,
    ) -> None:
        self.render = render
        """The looks of what standard output gets."""
        self._quiet = quiet
        self._mode = parse_mode(mode)
        self._files: list[OutputFile] = [parse_output(text) for text in output]
        self._hosts_are_out = False
        self._stdout_ended = False
        self._whole = True
        self._warned: set[str] = set()
        self.stdout: Format | None = None
        """None: nothing goes to standard output."""
        self.written_json: Path | None = None
        """The file that holds the delivered summary as JSON; None: there is none."""
        if format_name or not self._files:
            self.stdout = load_format(format_name or "table")

    @property
    def is_streamed(self) -> bool:
        """Whether standard output gets a line for each host as it finishes."""
        return self.stdout is not None and self.stdout.host_line is not None

    @property
    def shows_table(self) -> bool:
        """Whether standard output has the table for people, and a reader."""
        return self.stdout is not None and self.stdout.name == "table" and not self._stdout_ended

    @property
    def is_wanted(self) -> bool:
        """Whether an output is still open: a file, or the reader of stdout."""
        return bool(self._files) or not self._stdout_ended

    def set_trends(self, sentences: Mapping[str, str]) -> None:
        """Show these sentences on hosts over time in the next table."""
        self.render = replace(self.render, trends=sentences)

    def host(self, host: HostSummary) -> None:
        """Write the line of a host that has finished, for formats that have one.

        Raises StdoutError or BrokenPipeError where standard output is the only output; otherwise
        the run goes on for the files.
        """
        if self.stdout is None or self.stdout.host_line is None or self._stdout_ended:
            return
        self._hosts_are_out = True
        try:
            streams.write(self.stdout.host_line(host))
        except (StdoutError, BrokenPipeError) as error:
            if not self._files:
                raise
            self._stdout_ended = True
            if isinstance(error, StdoutError):
                streams.warn(f"error: {error}")
                self._whole = False

    def deliver(
        self,
        summary: FleetSummary,
        *,
        before: bytes = b"",
        show: Callable[[FleetSummary], None] | None = None,
    ) -> bool:
        """Write every output, even where another one failed; returns whether all were written.

        ``before`` goes to standard output first; ``show`` takes its place. Where no output can be
        written, standard output gets the table: the scan may have taken long.
        """
        written = sum(self._write_file(file, summary) for file in self._files)
        whole = self._whole and written == len(self._files)
        shown = self.stdout
        if shown is None and not written and summary.scan.round is None:
            shown = load_format("table")
        if self.stdout is None or self.stdout.name != "table":
            new = [text for text in warning_lines(summary) if text not in self._warned]
            self._warned.update(new)
            streams.warn_all(new, quiet=self._quiet)
        if shown is not None and not self._stdout_ended:
            try:
                if show is not None:
                    show(summary)
                else:
                    streams.write(before + self._shown(shown, summary))
            except BrokenPipeError:
                self._stdout_ended = True
                return whole  # the reader closed the pipe: it has what it wanted
            except SockfleetError as error:
                streams.warn(f"error: {error}")
                whole = False
        return whole

    def _write_file(self, file: OutputFile, summary: FleetSummary) -> bool:
        """Replace one file; returns whether it has the result."""
        # A file has no terminal: no width, no colour.
        plain = RenderOptions(top=self.render.top)
        try:
            data = _render(file.format, summary, plain)
            replace_whole(file.path, data, new_mode=file.format.mode, mode=self._mode)
            if file.format.name == "json" and file.path.is_file():
                self.written_json = file.path
        except SockfleetError as error:
            streams.warn(f"error: {error}")
            return False
        return True

    def _shown(self, chosen: Format, summary: FleetSummary) -> bytes:
        if self._hosts_are_out and chosen.end_line is not None:
            return chosen.end_line(summary)
        return _render(chosen, summary, self.render)


def _render(chosen: Format, summary: FleetSummary, options: RenderOptions) -> bytes:
    """Render; raises RenderError where the format fails, which may be a third party's."""
    try:
        return chosen.render(summary, options)
    except SockfleetError:
        raise
    except Exception as error:
        log.debug("the format %s", chosen.name, exc_info=True)
        raise RenderError(
            f"the format {chosen.name} failed: {error or 'without a message'}; -vv shows where"
        ) from error
