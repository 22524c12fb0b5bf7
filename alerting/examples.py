"""Run the examples of rules: made scans go through the judge and the states, as real ones do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..aggregator.diagnosis import diagnose
from ..aggregator.fleet import FleetSummary, ScanInfo, summarize_fleet
from ..aggregator.host import FailureReason, HostSummary, Status
from ..aggregator.host_numbers import Number
from ..aggregator.numbers import TCP_NUMBERS, TcpNumbers
from ..aggregator.thresholds import Thresholds
from ..collector.probe.kernel import Kernel
from ..collector.probe.scope import Scope
from .judge.judge import judge_scan
from .judge.observation import Doubt, Observation, Reading, observe
from .judge.past import NoPast
from .notification import Subject
from .rules.model import Each, Example, Rule, RulesFile
from .states.machine import Course, Timing, Transition, Verdict, step

__all__ = ["find_example_faults"]

_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
_PEERS = 4
"""Hosts of the same group that stay as the host of the example began."""
_SUBJECTS = {Each.HOST: "example", Each.GROUP: "group:examples", Each.FLEET: "fleet:all"}
_KERNEL = Kernel(
    release="6.1.0",
    boot_id="example",
    page_size=4096,
    tcp_mem=(100_000, 150_000, 200_000),
    tcp_max_orphans=65_536,
)


def find_example_faults(rules: RulesFile) -> Iterator[str]:
    """Yield a line for each example that does not do what it says."""
    for rule in rules.rules:
        for number, example in enumerate(rule.examples, 1):
            for problem in _run(rule, example):
                which = "example" if len(rule.examples) == 1 else f"example {number}"
                yield f"{rules.path}:{example.line}: rule {rule.name}: {which}: {problem}"


def _run(rule: Rule, example: Example) -> Iterator[str]:
    course, fired, resolved = Course(), None, None
    timing = Timing(hold=rule.hold, clear_after=rule.clear_after)
    doubts: list[str] = []
    for number, observation in enumerate(_observe(rule, example), 1):
        seen = Verdict(
            severity=observation.severity,
            is_clear=observation.is_clear,
            is_known=observation.doubt is None,
        )
        if observation.reason is not None:
            doubts.append(f"scan {number}: {observation.reason}")
        at_ms = round((_BEGIN + example.every * number).timestamp() * 1000)
        after = step(course, seen, timing, at_ms)
        course = after.course
        if Transition.FIRED in after.transitions and fired is None:
            fired = number
        if Transition.RESOLVED in after.transitions and resolved is None:
            resolved = number
    if fired != example.fires_at:
        why = f" ({doubts[-1]})" if doubts and fired is None else ""
        yield f"it {_say('fires', fired)}, and must {_must('fire', example.fires_at)}{why}"
    elif example.resolves_at is not None and resolved != example.resolves_at:
        must = _must("resolve", example.resolves_at)
        yield f"it {_say('resolves', resolved)}, and must {must}"


def _say(verb: str, scan: int | None) -> str:
    return f"never {verb}" if scan is None else f"{verb} at scan {scan}"


def _must(verb: str, scan: int | None) -> str:
    return f"never {verb}" if scan is None else f"{verb} at scan {scan}"


def _observe(rule: Rule, example: Example) -> Iterator[Observation]:
    """What the rule sees of the host of the example, scan by scan."""
    if all(one.measure in example.numbers for one in rule.when):
        yield from _observe_given(rule, example)
        return
    scans = list(_make_scans(example))
    for place, scan in enumerate(scans):
        past = _MadePast(scans[:place], example, place)
        everywhere = replace(rule, where=None)
        judged = judge_scan([everywhere], scan, past)
        observation = judged.observations[everywhere.key].get(_SUBJECTS.get(rule.each, ""))
        if observation is not None:
            yield observation


def _observe_given(rule: Rule, example: Example) -> Iterator[Observation]:
    """The numbers of the conditions themselves."""
    for values in zip(*(example.numbers[one.measure] for one in rule.when), strict=True):
        readings = [
            Reading(value=value)
            if value is not None
            else Reading(doubt=Doubt.UNREAD, reason="it was not read")
            for value in values
        ]
        yield observe(
            rule, Subject(kind=str(rule.each), name="example", host="example"), readings, {}
        )


def _make_scans(example: Example) -> Iterator[FleetSummary]:
    counters = {name: values for name, values in example.numbers.items() if name in TCP_NUMBERS}
    length = len(next(iter(example.numbers.values())))
    first = {
        name: next((value for value in values if value is not None), 0)
        for name, values in counters.items()
    }
    for place in range(length):
        at = _BEGIN + example.every * (place + 1)
        own = {name: values[place] for name, values in counters.items()}
        hosts = [_host("example", own)]
        hosts += [_host(f"peer{number}", first) for number in range(_PEERS)]
        info = ScanInfo(
            id=f"{place:032x}",
            started_at=at,
            finished_at=at + timedelta(seconds=1),
            duration_s=1.0,
            complete=True,
            inventory=("example",),
        )
        yield summarize_fleet(hosts, info)


def _host(name: str, numbers: Mapping[str, float | None]) -> HostSummary:
    if None in numbers.values():
        return HostSummary(
            name=name,
            port=22,
            groups=("examples",),
            status=Status.FAILED,
            attempts=1,
            elapsed_s=1.0,
            error=FailureReason(category="tcp_timeout", phase="connect", message="no answer"),
        )
    given = {key: round(value) for key, value in numbers.items() if value is not None}
    # A host of which only tcp_close is given has no other sockets.
    tcp = TcpNumbers(**{"alloc": given.get("tcp_close"), **given})
    return HostSummary(
        name=name,
        port=22,
        groups=("examples",),
        status=Status.OK,
        attempts=1,
        elapsed_s=0.1,
        tcp=tcp,
        scope=Scope.ALL_NAMESPACES,
        kernel=_KERNEL,
        diagnosis=diagnose(tcp, _KERNEL, is_bound=False, thresholds=Thresholds()),
    )


class _MadePast(NoPast):
    """The made scans before one."""

    def __init__(self, earlier: list[FleetSummary], example: Example, place: int) -> None:
        self._earlier = earlier
        self._example = example
        self._place = place

    def earlier_scans(self, now: FleetSummary, over: timedelta | None) -> Iterable[FleetSummary]:
        """The scans before, the one whose age is nearest first."""
        began = now.scan.started_at
        if over is None:
            return reversed(self._earlier)
        wanted = began - over
        near = [scan for scan in self._earlier if abs(scan.scan.started_at - wanted) <= over / 4]
        return sorted(near, key=lambda scan: abs(scan.scan.started_at - wanted))

    def stored_number(
        self, key: str, now: FleetSummary, over: timedelta | None
    ) -> Mapping[str, Number]:
        """The number that the example gives; unread_scans follows from its gaps."""
        del over
        if key == "unread_scans":
            return {host.name: self._count_unread(now, host) for host in now.hosts}
        given = self._example.numbers.get(key)
        value = None if given is None else given[self._place]
        return {} if value is None else {"example": value}

    def _count_unread(self, now: FleetSummary, host: HostSummary) -> int:
        count = 0
        for scan in (now, *reversed(self._earlier)):
            if next(each for each in scan.hosts if each.name == host.name).tcp is not None:
                break
            count += 1
        return count
