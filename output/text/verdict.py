"""The last sentence of a table: who holds how many closed sockets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import nlargest

from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ...collector.probe.processes import Process
from .abbreviation import abbreviate
from .findings import has_finding
from .next_command import HELD
from .style import TextStyle

__all__ = ["verdict"]

_MOST_NAMED = 3


def verdict(summary: FleetSummary, style: TextStyle) -> str:
    """Return the sentence; the most severe findings come first."""
    read = [host for host in summary.hosts if host.tcp is not None]
    if not read:
        return "No host could be read." if summary.fleet.hosts.total else ""
    found = [host for host in read if has_finding(host)]
    if not found:
        return _nothing_unusual(read, summary, style)
    clauses = list(_other_words(found))
    held = [host for host in found if host.diagnosis[0].word in HELD]
    if held:
        clauses.append(_who_holds(held, summary, style))
    sentence = "; ".join(clauses)
    return f"{sentence}."


def _nothing_unusual(read: Sequence[HostSummary], summary: FleetSummary, style: TextStyle) -> str:
    most = summary.fleet.distribution["tcp_close"].max
    if most is None:
        return "No host gave the numbers that tell of closed sockets."
    if len(read) == 1:
        return f"Nothing unusual: {read[0].name} holds {_sockets(most, style)}."
    part = " of those that were read" if summary.fleet.hosts.failed else ""
    return f"Nothing unusual: no host{part} holds more than {_sockets(most, style)}."


def _other_words(found: Sequence[HostSummary]) -> Iterator[str]:
    """The words that are not about closed sockets, each with its hosts."""
    by_word = defaultdict[str, list[str]](list)
    for host in found:
        if host.diagnosis[0].word not in HELD:
            by_word[host.diagnosis[0].word].append(host.name)
    for word, names in by_word.items():
        yield f"{word} on {abbreviate(names)}"


def _who_holds(held: Sequence[HostSummary], summary: FleetSummary, style: TextStyle) -> str:
    total = summary.fleet.totals.tcp_close or 0
    processes = [
        (_process_name(process, host, is_only=summary.fleet.hosts.total == 1), process.tcp_close)
        for host in held
        for process in host.processes or ()
    ]
    by_host = [(host.name, 0 if host.tcp is None else host.tcp.tcp_close or 0) for host in held]
    holders = processes or by_host
    first = nlargest(_MOST_NAMED, holders, key=lambda holder: holder[1])
    rest = len(holders) - len(first)
    # A bound is no count: sockets of namespaces that were not read are in it.
    up_to = "up to " if any(host.is_bound for host in held) else ""
    parts = [f"{name} {style.number(count)}" for name, count in first]
    parts[0] = f"{first[0][0]} holds {up_to}{_sockets(first[0][1], style)}"
    named = sum(count for _, count in first)
    if rest:
        others = sum(count for _, count in holders) - named
        kind = "more process" if processes else "more host"
        plural = "es" if processes and rest > 1 else "s" if rest > 1 else ""
        parts.append(f"{rest} {kind}{plural} {style.number(others)}")
        named += others
    text = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    if summary.fleet.hosts.ok < 2 or total <= 0 or named > total:
        return text
    share = f"{100 * named // total} %" if named < total else "all"
    return f"{text}: {share} of the fleet's {style.number(total)}"


def _process_name(process: Process, host: HostSummary, *, is_only: bool) -> str:
    name = f"{process.command or 'a process'} (pid {process.pid})"
    return name if is_only else f"{name} on {host.name}"


def _sockets(count: int, style: TextStyle) -> str:
    return f"{style.number(count)} closed socket{'' if count == 1 else 's'}"
