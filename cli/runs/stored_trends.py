"""What the store says of hosts over time, for commands that show them now."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ...core.errors import SockfleetError

if TYPE_CHECKING:
    from ...aggregator.fleet import FleetSummary
    from ...history.store.database.connection import Store

__all__ = ["MOST_HOSTS", "describe_host", "describe_scan"]

log = logging.getLogger("sockfleet.cli")

WINDOW = timedelta(days=14)
MOST_HOSTS = 20
"""So many hosts take some 0.2 s; ``sockfleet history trend`` looks at all."""
MOST_NAMESPACES = 5


def describe_scan(store: Store, summary: FleetSummary) -> dict[str, str]:
    """Return a sentence for each of the first ranked hosts whose tcp_close has a trend.

    The scan counts, though the store does not have it yet. Raises StoreError.
    """
    from ...history.fleet_trends import read_trends
    from ...output.text.trend_sentences import describe_trend

    ranked = [host.name for host in summary.hosts if host.tcp is not None][:MOST_HOSTS]
    until = summary.scan.started_at
    trends = read_trends(store, "tcp_close", until - WINDOW, until, hosts=ranked, newest=summary)
    of_host = {finding.host: describe_trend(finding) for finding in trends.findings}
    return {name: sentence for name in ranked if (sentence := of_host.get(name)) is not None}


def describe_host(store: str | None, host: str) -> tuple[str, ...]:
    """Return sentences on a host and its containers and units in the last two weeks.

    Empty without a store, or where it cannot be read: what a host shows now does not depend on it.
    """
    from ...history.store.database.location import parse_location

    location = parse_location(store)
    if location.file is not None and not location.file.exists():
        return ()
    from ...history.store.opening import use_store

    try:
        with use_store(location) as opened:
            return tuple(_sentences(opened, host))
    except SockfleetError as error:
        log.info("the store is not used: %s", error)
        return ()


def _sentences(store: Store, host: str) -> Sequence[str]:
    from ...history.fleet_trends import read_namespace_trends, read_trends
    from ...output.text.over_time.trend_table import namespace_names
    from ...output.text.trend_sentences import describe_trend

    now = datetime.now(UTC)
    # The window ends after the scan that this second may have saved.
    since, until = now - WINDOW, now + timedelta(seconds=1)
    found = [
        f"tcp_close {text}"
        for finding in read_trends(store, "tcp_close", since, until, hosts=[host]).findings
        if (text := describe_trend(finding)) is not None
    ]
    trends = read_namespace_trends(store, "tcp_close", since, until, hosts=[host])
    names = namespace_names(trends)
    within = [
        (finding.level or 0.0, f"tcp_close of {names[finding.host]} {text}")
        for finding in trends.findings
        if (text := describe_trend(finding)) is not None
    ]
    within.sort(reverse=True)
    return [*found, *(text for _, text in within[:MOST_NAMESPACES])]
