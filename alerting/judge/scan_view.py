"""One scan with all that rules compare it with, each computed once for all rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property

from ...aggregator.change import Since
from ...aggregator.comparison import Comparison
from ...aggregator.errors import ComparisonError
from ...aggregator.fleet import FleetSummary, assemble
from ...aggregator.group_median import times_of_median
from ...aggregator.host import HostSummary
from ...aggregator.host_numbers import HOST_NUMBERS, Number
from ...aggregator.numbers import TCP_NUMBERS
from ...core.errors import UsageError
from ...core.record import record
from ...history.host_selection import select_hosts
from ..notification import Subject
from .past import Past

__all__ = ["Compared", "MatchedHosts", "ScanView"]

_RETRIED = (Since.NEW, Since.RECOVERED)
"""An earlier scan that did not read the host: the next one may have."""


class Compared:
    """A scan with its changes since one of an age; ``refusal`` says why it has none."""

    def __init__(self, now: FleetSummary, earlier: Iterable[FleetSummary]) -> None:
        self.summary = now
        self.refusal: str | None = None
        self.earlier: FleetSummary | None = None
        """The scan that it is compared with, of most hosts."""
        self._comparison: Comparison | None = None
        names = {host.name for host in now.hosts}
        hosts = {host.name: host for host in now.hosts}
        for scan in earlier:
            try:
                comparison = Comparison(scan, started_at=now.scan.started_at, names=names)
            except ComparisonError as error:
                self.refusal = self.refusal or str(error)
                continue
            if self._comparison is None:
                self._comparison, self.earlier = comparison, scan
            left = [host for host in hosts.values() if _is_retried(host)]
            hosts.update((host.name, comparison.compare_host(host)) for host in left)
            if not any(_is_retried(hosts[host.name]) for host in left):
                break
        if self._comparison is not None:
            self.refusal = None
            changed = replace(now, hosts=tuple(hosts[host.name] for host in now.hosts))
            self.summary = self._comparison.compare_fleet(changed)

    @cached_property
    def hosts(self) -> Mapping[str, HostSummary]:
        """The hosts by name, each with its change."""
        return {host.name: host for host in self.summary.hosts}

    @cached_property
    def earlier_hosts(self) -> Mapping[str, HostSummary]:
        """The hosts of the scan that it is compared with, by name."""
        return {host.name: host for host in (() if self.earlier is None else self.earlier.hosts)}

    def part(self, names: Collection[str]) -> FleetSummary:
        """These hosts alone, summed up."""
        chosen = [host for host in self.summary.hosts if host.name in names]
        part = assemble(chosen, self.summary.scan, ())
        return part if self._comparison is None else self._comparison.compare_fleet(part)


def _is_retried(host: HostSummary) -> bool:
    return host.change is None or host.change.status in _RETRIED


@record
class MatchedHosts:
    """What a pattern selects of a scan."""

    names: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    """Of each part that matches nothing."""


class ScanView:
    """A scan and its past."""

    def __init__(self, summary: FleetSummary, past: Past) -> None:
        self.summary = summary
        self._past = past
        self._compared: dict[tuple[timedelta | None, bool], Compared] = {}
        self._plain: dict[bool, Compared] = {}
        self._stored: dict[tuple[str, timedelta | None], Mapping[str, Number]] = {}
        self._medians: dict[tuple[str, timedelta | None], Mapping[str, float]] = {}
        self._matched: dict[str | None, MatchedHosts] = {}
        self.notes: dict[str, None] = {}
        """What the user should know, each once, in order."""

    @cached_property
    def hosts(self) -> Mapping[str, HostSummary]:
        """The hosts of the scan by name."""
        return {host.name: host for host in self.summary.hosts}

    @cached_property
    def subjects(self) -> Mapping[str, Subject]:
        """Each host as the subject of rules, by name."""
        return {name: Subject(kind="host", name=name, host=name) for name in self.hosts}

    @cached_property
    def counters(self) -> Mapping[str, Mapping[str, float | None]]:
        """The plain TCP numbers of each host, by its name."""
        return {
            host.name: {name: HOST_NUMBERS[name](host) for name in TCP_NUMBERS}
            for host in self.summary.hosts
        }

    @cached_property
    def carried(self) -> FleetSummary:
        """The scan with the last reading of each host that it did not read.

        A host that was not read has not lost its sockets: without them the sum of a group would
        fall, and an alert of it would be over.
        """
        last = self._past.last_readings(self.summary)
        hosts = [last.get(host.name, host) for host in self.summary.hosts]
        return assemble(hosts, self.summary.scan, ())

    def compared(self, over: timedelta | None, *, carried: bool = False) -> Compared:
        """The scan with its changes since one of about that age."""
        key = over, carried
        if key not in self._compared:
            earlier = self._past.earlier_scans(self.summary, over)
            now = self.carried if carried else self.summary
            self._compared[key] = Compared(now, earlier)
        return self._compared[key]

    def plain(self, *, carried: bool) -> Compared:
        """The scan without a comparison."""
        if carried not in self._plain:
            self._plain[carried] = Compared(self.carried if carried else self.summary, ())
        return self._plain[carried]

    def stored(self, key: str, over: timedelta | None) -> Mapping[str, Number]:
        """A number that many scans give, by host."""
        if (key, over) not in self._stored:
            self._stored[key, over] = self._past.stored_number(key, self.summary, over)
        return self._stored[key, over]

    def medians(self, name: str, over: timedelta | None, compared: Compared) -> Mapping[str, float]:
        """How many times the median of its group the number of each host is."""
        if (name, over) not in self._medians:
            self._medians[name, over] = times_of_median(name, compared.summary.hosts)
        return self._medians[name, over]

    def select(self, where: str | None) -> frozenset[str]:
        """The hosts of a rule's pattern; none, with a note, where it matches none."""
        found = self.match(where)
        self.notes.update(dict.fromkeys(found.notes))
        return found.names

    def match(self, where: str | None) -> MatchedHosts:
        """The hosts of a pattern, and what it does not match."""
        if where not in self._matched:
            self._matched[where] = self._match(where)
        return self._matched[where]

    def _match(self, where: str | None) -> MatchedHosts:
        if where is None or not self.hosts:
            return MatchedHosts(names=frozenset(self.hosts))
        try:
            found = select_hosts(self.hosts, where, "the scan")
        except UsageError as error:
            return MatchedHosts(notes=(str(error),))
        return MatchedHosts(names=frozenset(found.hosts), notes=found.notes)
