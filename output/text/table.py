"""The table for people: ranked hosts, totals, how many were read, and why the others failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ..formats import Format, RenderOptions
from .abbreviation import abbreviate
from .changes import change_lines
from .holders import holder_lines
from .host_table import group_table, has_bounds, host_table
from .style import TextStyle, count_text
from .warnings import warning_lines

__all__ = ["FORMAT"]

_DEEPER = " " * 6


def _render(summary: FleetSummary, options: RenderOptions) -> bytes:
    style = TextStyle(options)
    parts = [
        "\n".join(_round(summary, style)),
        "\n".join(host_table(summary, style)),
        "\n".join(group_table(summary, style)),
        "\n".join((*_outcome(summary, style), *change_lines(summary, style))),
        "\n".join(holder_lines(summary.hosts, style, most=options.top)),
        "\n".join(_failures(summary, style)),
        "\n".join(_warnings(summary, style)),
    ]
    return style.encode("\n\n".join(part for part in parts if part) + "\n")


FORMAT = Format(name="table", suffixes=(".txt",), render=_render, repeats=True)


def _round(summary: FleetSummary, style: TextStyle) -> Iterator[str]:
    if summary.scan.round is not None:
        began = f"{summary.scan.started_at:%Y-%m-%d %H:%M:%S %Z}"
        yield style.render(f"Round {summary.scan.round}, {began}", "bold")


def _outcome(summary: FleetSummary, style: TextStyle) -> Iterator[str]:
    hosts = summary.fleet.hosts
    early = "" if summary.scan.complete else "Ended before every host had its turn: "
    line = f"{early}{hosts.ok} of {count_text(hosts.total, 'host')} read"
    line += f" in {summary.scan.duration_s:.2f} s"
    spread = summary.fleet.distribution["tcp_close"]
    if hosts.ok > 1 and spread.p50 is not None:
        line += (
            f"; tcp_close per host: median {spread.p50}, p90 {spread.p90}, p99 {spread.p99}, "
            f"max {spread.max}"
        )
    yield style.wrap(line + ".")
    words = summary.fleet.diagnoses
    if hosts.ok > 1 and words:
        counts = ", ".join(f"{count} {word}" for word, count in words.items())
        yield style.wrap(f"Diagnosis of hosts: {counts}.")
    if has_bounds(summary):
        yield style.wrap(
            "≤ is an upper bound: sockets in use in other network namespaces (containers) of a "
            "host were not read and count as closed.",
        )


def _failures(summary: FleetSummary, style: TextStyle) -> Iterator[str]:
    failures = summary.fleet.failures
    if not failures:
        return
    failed = summary.fleet.hosts.failed
    yield style.render(f"{count_text(failed, 'host')} failed:", "bold")
    by_category: dict[str, list[HostSummary]] = {category: [] for category in failures}
    for host in summary.hosts:
        if host.error is not None:
            by_category.setdefault(host.error.category, []).append(host)
    name_width = max(map(len, failures))
    count_width = len(str(max(failures.values())))
    for category, hosts in by_category.items():
        if not hosts:
            continue  # a document that was read back may count a category without hosts
        label = f"  {style.convert(category):<{name_width}}  {len(hosts):>{count_width}}  "
        names = style.wrap(
            abbreviate(host.name for host in hosts), first=label, rest=" " * len(label)
        )
        yield names.replace(label, style.render(label, "red"), 1)
        yield style.wrap(_first_message(hosts), first=_DEEPER, rest=_DEEPER)


def _first_message(hosts: Sequence[HostSummary]) -> str:
    first = hosts[0]
    message = "" if first.error is None else first.error.message
    return message if first.name in message else f"{first.name}: {message}"


def _warnings(summary: FleetSummary, style: TextStyle) -> Iterator[str]:
    for line in warning_lines(summary):
        yield style.wrap(f"warning: {line}", rest="  ")
