"""The failed hosts: a line for each category with an example, or each host with its message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ...scan.login_hint import remove_login_hint
from .abbreviation import abbreviate
from .style import FAILED, TextStyle

__all__ = ["every_failure", "examples", "failure_counts", "one_line_each", "shows_every_message"]

_DEEPER = " " * 6
_HINT = "--failures shows every host with its message"
_NAMES_SHARE = 3
"""Names take at most this part of a line, the example the rest."""
_SHORTEST_NAMES = 8


def failure_counts(summary: FleetSummary, style: TextStyle) -> str:
    """How many hosts failed, by category: ``2 refused, 1 dns``."""
    failures = summary.fleet.failures.items()
    parts = (f"{style.number(count)} {category}" for category, count in failures)
    return ", ".join(map(style.keep, parts))


def every_failure(summary: FleetSummary, style: TextStyle) -> Iterator[str]:
    """Yield each failed host with its whole message, by category."""
    yield from _title(summary, style)
    for label, hosts in _labels(summary, style):
        yield style.render(label.rstrip(), FAILED)
        for host in hosts:
            yield style.wrap(_describe(host), first="    ", rest=_DEEPER)


def examples(summary: FleetSummary, style: TextStyle) -> Iterator[str]:
    """Yield each category with the names of its hosts, and the whole message of the first."""
    yield from _title(summary, style)
    for label, hosts in _labels(summary, style):
        line = style.wrap(_join(_names(hosts), hosts[0]), first=label, rest=_DEEPER)
        yield line.replace(label, style.render(label, FAILED), 1)


def shows_every_message(summary: FleetSummary) -> bool:
    """Whether `examples` leaves out no message: no host was read, and all failed by the same."""
    if set(summary.fleet.failures.values()) == {1}:
        return True
    messages = {host.error.message for host in summary.hosts if host.error is not None}
    return not summary.fleet.hosts.ok and len(messages) == 1


def one_line_each(summary: FleetSummary, style: TextStyle) -> Iterator[str]:
    """Yield one line for each category: names, and the beginning of the first message."""
    yield from _title(summary, style, hint=f" ({_HINT})")
    for label, hosts in _labels(summary, style):
        room = max((style.options.width or 0) - len(label), 1)
        names = style.shorten(_names(hosts), max(room // _NAMES_SHARE, _SHORTEST_NAMES))
        line = _join(names, hosts[0])
        if style.width(style.convert(line)) > room:
            line = remove_login_hint(line)
        yield style.render(label, FAILED) + style.shorten_at_word(line, room)


def _title(summary: FleetSummary, style: TextStyle, *, hint: str = "") -> Iterator[str]:
    failed = summary.fleet.hosts.failed
    title = f"{style.number(failed)} host{'' if failed == 1 else 's'} failed:"
    fits = len(title) + len(hint) <= (style.options.width or 0)
    yield style.render(title, "bold") + style.render(hint if fits else "", "dim")


def _labels(summary: FleetSummary, style: TextStyle) -> Iterator[tuple[str, Sequence[HostSummary]]]:
    """Yield the beginning of each category's line, and its hosts."""
    failures = summary.fleet.failures
    by_category = _by_category(summary)
    name_width = max(map(len, failures), default=0)
    count_width = len(style.number(max(failures.values(), default=0)))
    for category, hosts in by_category.items():
        if hosts:  # a document that was read back may count a category without hosts
            name = style.convert(category)
            yield f"  {name:<{name_width}}  {style.number(len(hosts)):>{count_width}}  ", hosts


def _by_category(summary: FleetSummary) -> Mapping[str, list[HostSummary]]:
    found: dict[str, list[HostSummary]] = {category: [] for category in summary.fleet.failures}
    for host in summary.hosts:
        if host.error is not None:
            found.setdefault(host.error.category, []).append(host)
    return found


def _names(hosts: Sequence[HostSummary]) -> str:
    return abbreviate(host.name for host in hosts)


def _join(names: str, first: HostSummary) -> str:
    """The names before the message of the first, unless it begins with its only name."""
    message = "" if first.error is None else first.error.message
    return message if message.startswith(f"{names} ") else f"{names}: {message}"


def _describe(host: HostSummary) -> str:
    message = "" if host.error is None else host.error.message
    return message if host.name in message else f"{host.name}: {message}"
