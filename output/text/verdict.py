"""The last sentence of a table: who holds how many closed sockets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import itemgetter

from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ...collector.probe.processes import Process
from .abbreviation import abbreviate
from .findings import has_finding
from .next_command import HELD
from .style import TextStyle

__all__ = ["verdict"]

_MOST_NAMED = 3
_LONGEST_NAME = 32
_LEAST_SHARE = 20
"""Who holds less than this part of what the first one holds is not worth a word."""


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
    subject = "no host that was read" if summary.fleet.hosts.failed else "no host"
    more = f"more than {_sockets(most, style)}" if most > 0 else "a closed socket"
    return f"Nothing unusual: {subject} holds {more}."


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
    by_host = [(_short(host.name, style), (host.tcp and host.tcp.tcp_close) or 0) for host in held]
    by_process = [
        (_process_name(process, host, style, summary), process.tcp_close)
        for host in held
        for process in host.processes or ()
    ]
    # Without root most processes may be unseen: the few that are seen hold nothing to speak of.
    are_seen = 2 * _sum(by_process) >= _sum(by_host) > 0
    holders = sorted(by_process if are_seen else by_host, key=itemgetter(1), reverse=True)
    most = holders[0][1]
    holders = [holder for holder in holders if _LEAST_SHARE * holder[1] >= most]
    first, rest = holders[:_MOST_NAMED], holders[_MOST_NAMED:]
    # A bound is no count: sockets of namespaces that were not read are in it.
    up_to = "up to " if any(host.is_bound for host in held) else ""
    parts = [f"{name} {style.number(count)}" for name, count in first]
    parts[0] = f"{first[0][0]} holds {up_to}{_sockets(most, style)}"
    named = _sum(holders)
    if rest:
        kind = "process" if are_seen else "host"
        plural = "" if len(rest) == 1 else "es" if are_seen else "s"
        parts.append(f"{len(rest)} more {kind}{plural} {style.number(_sum(rest))}")
    text = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    if summary.fleet.hosts.ok < 2 or total <= 0 or named > total:
        return text
    share = f"{100 * named // total} %" if named < total else "all"
    return f"{text}: {share} of the fleet's {style.number(total)}"


def _process_name(
    process: Process, host: HostSummary, style: TextStyle, summary: FleetSummary
) -> str:
    name = f"{process.command or 'a process'} (pid {process.pid})"
    is_only = summary.fleet.hosts.total == 1
    return name if is_only else f"{name} on {_short(host.name, style)}"


def _short(name: str, style: TextStyle) -> str:
    return style.shorten_middle(name, _LONGEST_NAME) if style.options.is_terminal else name


def _sum(holders: Sequence[tuple[str, int]]) -> int:
    return sum(count for _, count in holders)


def _sockets(count: int, style: TextStyle) -> str:
    return f"{style.number(count)} closed socket{'' if count == 1 else 's'}"
