"""What the store says of hosts over time, for commands that show them now."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ...core.errors import SockfleetError

__all__ = ["MOST_HOSTS", "describe_over_time"]

log = logging.getLogger("sockfleet.cli")

WINDOW = timedelta(days=14)
MOST_HOSTS = 20
"""So many hosts take some 0.2 s; ``sockfleet history trend`` looks at all."""


def describe_over_time(store: str | None, hosts: Sequence[str]) -> dict[str, str]:
    """Return a sentence for each of ``hosts`` whose tcp_close has a trend in the last two weeks.

    Empty without a store, or where it cannot be read: what a host shows now does not depend on it.
    """
    from ...history.store.location import parse_location

    location = parse_location(store)
    if location.file is not None and not location.file.exists():
        return {}
    from ...history.fleet_trends import read_trends
    from ...history.store.opening import use_store
    from ...output.text.trend_sentences import describe_trend

    now = datetime.now(UTC)
    try:
        with use_store(location) as opened:
            # The window ends after the scan that this second may have saved.
            end = now + timedelta(seconds=1)
            trends = read_trends(opened, "tcp_close", now - WINDOW, end, hosts=hosts)
    except SockfleetError as error:
        log.info("the store is not used: %s", error)
        return {}
    told = {finding.host: describe_trend(finding) for finding in trends.findings}
    return {host: sentence for host, sentence in told.items() if sentence is not None}
