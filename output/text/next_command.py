"""The one command to type next after a scan: it works as it is printed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ...aggregator.diagnosis import Severity, Word
from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ...core.lazy_pattern import lazy_pattern
from ..formats import NextCommands
from .findings import has_finding

__all__ = ["HELD", "next_command"]

HELD = frozenset({Word.HELD_CLOSED.value, Word.CONTAINER_HELD.value})
_MOST_NAMES = 5
_SEVERITIES = tuple(Severity)
# Other names could be read as a pattern, a range or a file (inventory/patterns.py).
_PLAIN_NAME = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def next_command(summary: FleetSummary, commands: NextCommands, *, failures: bool) -> str:
    """Return the command, quoted for a shell; empty where there is nothing to look at.

    ``failures`` means that every failure is shown already, with its whole message.
    """
    read = [host for host in summary.hosts if host.tcp is not None]
    found = [host for host in read if has_finding(host)]
    words = _after_a_finding(found, summary, commands) if found else ()
    if not words and summary.fleet.hosts.failed:
        words = _after_failures(summary, commands, is_shown=failures)
    if not words and read:
        words = _explain(read[0], commands) if _is_compared(summary) else _watch(commands)
    return shlex.join(words)


def _after_a_finding(
    found: Sequence[HostSummary], summary: FleetSummary, commands: NextCommands
) -> Sequence[str]:
    """Who holds the sockets: first as the user who logged in, then as root; then whether it grows.

    Sockets in namespaces that were not read, memory and orphans are explained on their own host.
    """
    held = [
        host
        for host in found
        if not host.is_bound and host.diagnosis[0].word in HELD and _is_plain(host)
    ][:_MOST_NAMES]
    worst = min(found, key=lambda host: _SEVERITIES.index(host.diagnosis[0].severity))
    if worst.diagnosis[0].word not in HELD or not held:
        return _explain(worst, commands)
    names = ("-l", ",".join(host.name for host in held))
    if not commands.given & {"processes", "process_args"}:
        return (*commands.scan, *names, "--processes")
    if "become" not in commands.given and any(_lacks_holders(host) for host in held):
        return (*commands.scan, *names, "--become")
    if not _is_compared(summary) and all(host.processes for host in held):
        return (*commands.scan, *names, "--repeat", "0")
    return _explain(worst, commands)


def _lacks_holders(host: HostSummary) -> bool:
    """Whether only root sees the holders of most sockets."""
    denied = 0 if host.attribution is None else host.attribution.denied
    held = 0 if host.tcp is None else host.tcp.tcp_close or 0
    return denied > 0 and 2 * (host.unattributed or 0) > held


def _after_failures(
    summary: FleetSummary, commands: NextCommands, *, is_shown: bool
) -> Sequence[str]:
    failed = [host for host in summary.hosts if host.error is not None]
    if is_shown:
        is_first = not summary.fleet.hosts.ok
        return _of_host(commands.inventory, failed[0]) if is_first else ()
    if len(failed) <= _MOST_NAMES and all(map(_is_plain, failed)):
        names = ",".join(host.name for host in failed)
        return (*commands.scan, "-l", names, "--failures")
    return (*_whole(commands), "--failures")


def _watch(commands: NextCommands) -> Sequence[str]:
    return (*_whole(commands), "--repeat", "0")


def _whole(commands: NextCommands) -> Sequence[str]:
    """The same scan, of the same hosts."""
    return commands.scan if commands.limit is None else (*commands.scan, "-l", commands.limit)


def _explain(host: HostSummary, commands: NextCommands) -> Sequence[str]:
    return _of_host(commands.explain, host)


def _of_host(begin: Sequence[str], host: HostSummary) -> Sequence[str]:
    named = ("--host", host.name)
    # A word that begins with a dash would be taken for an option.
    return (*begin, *(named if host.name[:1] != "-" else ("=".join(named),)))


def _is_compared(summary: FleetSummary) -> bool:
    return summary.fleet.change is not None or summary.scan.round is not None


def _is_plain(host: HostSummary) -> bool:
    return _PLAIN_NAME().fullmatch(host.name) is not None
