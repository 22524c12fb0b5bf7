"""What a notification says of an alert: its summary, who holds the sockets, what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary
from ..collector.probe.processes import Process
from ..core.text import clean
from .notification import Holder
from .rules.model import Rule
from .rules.placeholders import Value, fill
from .states.alert_state import AlertState, moment
from .states.machine import Course

__all__ = ["describe_top_holder", "holders_of", "next_command", "summarize"]

_MOST_HOLDERS = 5


def summarize(rule: Rule, state: AlertState, course: Course, scan: FleetSummary) -> str:
    """The rule's summary with its values filled in."""
    subject, groups = state.subject, state.groups
    holder = next(iter(() if state.evidence is None else state.evidence.holders), None)
    values: dict[str, Value] = {
        **state.values,
        "subject": subject.name,
        "host": subject.host,
        "group": subject.name if subject.kind == "group" else next(iter(groups), "no group"),
        "groups": ", ".join(groups) or "no group",
        "rule": rule.name,
        "severity": None if course.severity is None else str(course.severity),
        "since": None if course.began_ms is None else f"{moment(course.began_ms):%Y-%m-%d %H:%MZ}",
        "inventory": ", ".join(scan.scan.inventory),
        "top_holder": None if holder is None else f"{holder.tcp_close:,} held by {_name(holder)}",
        "container": None if holder is None else holder.container,
        "limit": None if holder is None else _limit(holder),
    }
    return fill(rule.summary, values)


def holders_of(processes: Sequence[Process]) -> tuple[Holder, ...]:
    """The processes that hold most closed sockets."""
    return tuple(
        Holder(
            command=one.command or "process",
            pid=one.pid,
            user=one.user,
            tcp_close=one.tcp_close,
            container=None if one.container is None else _container(one),
            open_files=one.open_files,
            open_files_limit=one.open_files_limit,
        )
        for one in processes[:_MOST_HOLDERS]
    )


def describe_top_holder(holders: Sequence[Holder], tcp_close: int | None) -> str:
    """Who holds the sockets, in a sentence."""
    if not holders:
        return "no process was seen that holds closed sockets"
    top = holders[0]
    of = "" if tcp_close is None else f" of {tcp_close:,}"
    text = f"{_name(top)} holds {top.tcp_close:,}{of} closed sockets"
    if top.container is not None:
        text += f", in {top.container}"
    limit = _limit(top)
    return text if limit is None else f"{text}; {limit}"


def next_command(state: AlertState, host: HostSummary | None, scan: FleetSummary) -> str | None:
    """The command to type next: for the holders where they are not known, else for the course."""
    name = state.subject.host
    if name is None:
        return "sockfleet history trend --since 1d"
    if host is None or host.tcp is None:
        return f"sockfleet scan {_inventory(scan)} -l {shlex.quote(name)} -v"
    if state.evidence is None or not state.evidence.holders:
        return f"sockfleet scan {_inventory(scan)} -l {shlex.quote(name)} --processes --become"
    return f"sockfleet history show --host {shlex.quote(name)} --since 2d"


def _inventory(scan: FleetSummary) -> str:
    return " ".join(shlex.quote(source) for source in scan.scan.inventory) or "INVENTORY"


def _name(holder: Holder) -> str:
    user = "" if holder.user is None else f" of {holder.user}"
    return clean(f"{holder.command} ({holder.pid}){user}")


def _container(process: Process) -> str:
    container = process.container
    return "" if container is None else f"{container.runtime} {container.id[:12]}"


def _limit(holder: Holder) -> str | None:
    if holder.open_files is None or holder.open_files_limit is None:
        return None
    left = max(0, holder.open_files_limit - holder.open_files)
    return f"it may open {left:,} more files of {holder.open_files_limit:,}"
