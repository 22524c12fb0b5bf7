"""Which hosts have findings, and so come first."""

from __future__ import annotations

from collections.abc import Iterable

from ...aggregator.diagnosis import Severity
from ...aggregator.host import HostSummary

__all__ = ["by_findings", "has_finding"]


def has_finding(host: HostSummary) -> bool:
    """Whether the host's diagnosis is anything but usual."""
    return bool(host.diagnosis) and host.diagnosis[0].severity is not Severity.OK


def by_findings(hosts: Iterable[HostSummary]) -> list[HostSummary]:
    """Return the hosts with findings, then the others, each in the order given."""
    return sorted(hosts, key=lambda host: not has_finding(host))
