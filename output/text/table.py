"""The table for people: hosts ranked, totals, how many were read, and why the others were not."""

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
    paint = TextStyle(options)
    parts = [
        "\n".join(_round(summary, paint)),
        "\n".join(host_table(summary, paint)),
        "\n".join(group_table(summary, paint)),
        "\n".join((*_outcome(summary, paint), *change_lines(summary, paint))),
        "\n".join(holder_lines(summary.hosts, paint, most=options.top)),
        "\n".join(_failures(summary, paint)),
        "\n".join(_warnings(summary, paint)),
    ]
    return paint.encoded("\n\n".join(part for part in parts if part) + "\n")


FORMAT = Format(name="table", suffixes=(".txt",), render=_render, repeats=True)


def _round(summary: FleetSummary, paint: TextStyle) -> Iterator[str]:
    if summary.scan.round is not None:
        began = f"{summary.scan.started_at:%Y-%m-%d %H:%M:%S %Z}"
        yield paint.styled(f"Round {summary.scan.round}, {began}", "bold")


def _outcome(summary: FleetSummary, paint: TextStyle) -> Iterator[str]:
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
    yield paint.wrapped(line + ".")
    words = summary.fleet.diagnoses
    if hosts.ok > 1 and words:
        counts = ", ".join(f"{count} {word}" for word, count in words.items())
        yield paint.wrapped(f"Diagnosis of hosts: {counts}.")
    if has_bounds(summary):
        yield paint.wrapped(
            "≤ is an upper bound: sockets in use in other network namespaces (containers) of a "
            "host were not read and count as closed.",
        )


def _failures(summary: FleetSummary, paint: TextStyle) -> Iterator[str]:
    failures = summary.fleet.failures
    if not failures:
        return
    failed = summary.fleet.hosts.failed
    yield paint.styled(f"{count_text(failed, 'host')} failed:", "bold")
    by_category: dict[str, list[HostSummary]] = {category: [] for category in failures}
    for host in summary.hosts:
        if host.error is not None:
            by_category.setdefault(host.error.category, []).append(host)
    name_width = max(map(len, failures))
    count_width = len(str(max(failures.values())))
    for category, hosts in by_category.items():
        if not hosts:
            continue  # a document that was read back may count what none of its hosts has
        label = f"  {paint.text(category):<{name_width}}  {len(hosts):>{count_width}}  "
        names = paint.wrapped(
            abbreviate(host.name for host in hosts), first=label, rest=" " * len(label)
        )
        yield names.replace(label, paint.styled(label, "red"), 1)
        yield paint.wrapped(_first_message(hosts), first=_DEEPER, rest=_DEEPER)


def _first_message(hosts: Sequence[HostSummary]) -> str:
    first = hosts[0]
    message = "" if first.error is None else first.error.message
    return message if first.name in message else f"{first.name}: {message}"


def _warnings(summary: FleetSummary, paint: TextStyle) -> Iterator[str]:
    for line in warning_lines(summary):
        yield paint.wrapped(f"warning: {line}", rest="  ")
