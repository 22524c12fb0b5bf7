"""Evidence: a host on which an alert begins is probed alone, for the processes that hold sockets.

It is bounded by a deadline of its own and holds nothing up: a failed probe is reported as such.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary
from ..core.errors import SockfleetError
from ..core.text import clean
from ..scan.hooks import ScanHooks
from ..scan.options import ScanOptions
from .alert_text import describe_top_holder, holders_of
from .states.alert_state import Evidence, ProbeResult

__all__ = ["EvidenceProbe", "evidence_of_scan"]

MOST_HOSTS = 20
"""In a storm the first hosts show what the others have too."""
DEADLINE_S = 20.0


class EvidenceProbe:
    """Probes hosts with the options of a scan, which name the inventory and the login."""

    def __init__(
        self,
        options: ScanOptions,
        hooks: ScanHooks | None = None,
        *,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._options = replace(
            options,
            processes=True,
            namespaces=True,
            against=None,
            shard=None,
            group_by=None,
            dask=None,
            workers=1,
            retries=0,
            sort="tcp_close",
            deadline_s=deadline_s,
            timeout_s=min(options.timeout_s, deadline_s),
        )
        self._hooks = hooks

    def probe(self, hosts: Sequence[str]) -> Mapping[str, ProbeResult]:
        """What the hosts show, or why they show nothing; at most 20 of them."""
        from ..scan.scan import run_scan

        chosen = tuple(dict.fromkeys(hosts))[:MOST_HOSTS]
        if not chosen:
            return {}
        try:
            # Joined by commas, as colons part a name in two.
            options = replace(self._options, limit=",".join(chosen))
            summary = run_scan(options, self._hooks).summary
        except SockfleetError as error:
            text = f"its processes were not probed: {clean(str(error))}"
            return {name: _without(text) for name in chosen}
        return {host.name: _describe(host) for host in summary.hosts}


def evidence_of_scan(summary: FleetSummary, hosts: Sequence[str]) -> Mapping[str, ProbeResult]:
    """What the scan itself shows of the holders, for the hosts whose processes it read."""
    return dict(_of_scan(summary, frozenset(hosts)))


def _of_scan(summary: FleetSummary, hosts: frozenset[str]) -> Iterator[tuple[str, ProbeResult]]:
    for host in summary.hosts:
        if host.name in hosts and host.processes is not None:
            yield host.name, _describe(host)


def _describe(host: HostSummary) -> ProbeResult:
    if host.error is not None:
        why = f"{host.error.category}: {host.error.message}"
        return _without(f"its processes could not be probed: {clean(why)}")
    if host.processes is None:
        return _without("its probe gives no processes")
    holders = holders_of(host.processes)
    text = describe_top_holder(holders, None if host.tcp is None else host.tcp.tcp_close)
    if host.attribution is not None and host.attribution.denied:
        count = host.attribution.denied
        text += f"; the processes of other users ({count}) may not be looked at without --become"
    evidence = Evidence(holders=holders, text=text, at_ms=_now_ms())
    return ProbeResult(evidence=evidence, processes=host.processes)


def _without(text: str) -> ProbeResult:
    return ProbeResult(evidence=Evidence(text=text, at_ms=_now_ms()))


def _now_ms() -> int:
    return round(time.time() * 1000)
