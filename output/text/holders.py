"""The processes that hold closed sockets, of one host or of a fleet, most first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nlargest

from ...aggregator.diagnosis import Severity
from ...aggregator.host import HostSummary
from ...aggregator.processes import Attribution
from ...collector.probe.processes import Process
from .columns import Cell, Column, columns_that_fit, format_lines
from .style import SEVERITY_STYLES, TextStyle

__all__ = ["holder_lines"]

_MOST = 20
_NEAR_LIMIT = 0.9
_OTHER_COLUMNS = 52
_SHORTEST_COMMAND = 16
_SHORT_ID = 12  # as docker and podman show container ids


def holder_lines(
    hosts: Sequence[HostSummary], style: TextStyle, *, most: int | None
) -> Iterator[str]:
    """Yield a title, the processes with the most closed sockets, and remarks on the others.

    Yields nothing without ``--processes``. ``most`` limits the processes; None: 20.
    """
    asked = [host for host in hosts if host.processes is not None]
    if not asked:
        return
    pairs = [(host, process) for host in asked for process in host.processes or ()]
    shown = nlargest(most or _MOST, pairs, key=lambda pair: pair[1].tcp_close)
    if shown:
        yield style.render("Who holds the closed sockets:", "bold")
        columns = columns_that_fit(_columns(shown, style, with_host=len(hosts) > 1), style)
        yield from format_lines(columns, style, rule_before=None)
    for line in _remarks(asked, len(pairs) - len(shown)):
        yield style.wrap(line)


def _columns(
    shown: Sequence[tuple[HostSummary, Process]], style: TextStyle, *, with_host: bool
) -> list[Column]:
    def cells(texts: Iterator[str]) -> list[Cell]:
        return [Cell(text) for text in texts]

    processes = [process for _, process in shown]
    columns = [
        Column(title="HOST", cells=cells(host.name for host, _ in shown), is_text=True),
        Column(title="PID", cells=cells(str(one.pid) for one in processes)),
        Column(title="TCP_CLOSE", cells=cells(_count(one, style) for one in processes)),
        Column(
            title="COMMAND",
            cells=cells(_command(one, style) for one in processes),
            is_text=True,
        ),
        Column(
            title="USER",
            cells=cells(one.user or "" for one in processes),
            is_text=True,
            leave_out=1,
        ),
        Column(title="CONTAINER", cells=cells(map(_container, processes)), is_text=True),
    ]
    if any(one.open_files is not None for one in processes):
        open_files = [_open_files(one, style) for one in processes]
        columns.insert(3, Column(title="OPEN FILES", cells=open_files, leave_out=2))
    named = any(one.container is not None for one in processes)
    return columns[0 if with_host else 1 : None if named else -1]


def _count(process: Process, style: TextStyle) -> str:
    sign = style.convert("≤") if process.bound else ""
    return sign + style.number(process.tcp_close)


def _command(process: Process, style: TextStyle) -> str:
    """The name or the arguments; where lines are few, only as much as one of them has room for."""
    text = process.arguments or process.command or ""
    if style.options.height is None or style.options.width is None:
        return text
    return style.shorten(text, max(style.options.width - _OTHER_COLUMNS, _SHORTEST_COMMAND))


def _open_files(process: Process, style: TextStyle) -> Cell:
    """Return the open descriptors and their limit, red where few are left before EMFILE."""
    if process.open_files is None:
        return Cell()
    limit = process.open_files_limit
    if limit is None:
        return Cell(style.number(process.open_files))
    is_near = process.open_files >= _NEAR_LIMIT * limit
    text = f"{style.number(process.open_files)} of {style.number(limit)}"
    return Cell(text, SEVERITY_STYLES[Severity.WARNING] if is_near else "")


def _container(process: Process) -> str:
    container = process.container
    return "" if container is None else f"{container.runtime} {container.id[:_SHORT_ID]}"


def _is_denied(found: Sequence[Attribution]) -> bool:
    return any(one.denied for one in found)


def _remarks(asked: Sequence[HostSummary], more: int) -> Iterator[str]:
    found = [host.attribution for host in asked if host.attribution is not None]
    more += sum(one.rest_processes for one in found)
    if more:
        yield f"… and {more} more, with fewer."
    rest = sum(host.unattributed or 0 for host in asked)
    if rest > 0:
        why = ": only root sees others' descriptors (--become)" if _is_denied(found) else ""
        yield f"{rest} closed sockets have no visible holder{why}."
    if any(not one.exact for one in found):
        yield (
            "≤ where the host has neither python3, perl, getfattr nor lsof to tell a socket's "
            "protocol: unbound sockets of other protocols may be in it."
        )
    if any(one.partial for one in found):
        yield "Some hosts have more descriptors than could be looked at in time: the list is short."
