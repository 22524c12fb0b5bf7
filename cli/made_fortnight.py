"""A made fortnight of scans that ends in a real one, for the report of the demo."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from ..aggregator.fleet import FleetSummary, summarize_fleet
from ..aggregator.host import HostSummary

__all__ = ["made_fortnight"]

_HOURS = 14 * 24
_LEAKING = 1000
"""A host with as many closed sockets leaked them."""
_BEGINS_H = (70, 150, 230, 400)
"""How many hours ago leaks began; the last one before the fortnight."""
_FAILED_H = 3
"""For how long hosts that the real scan did not read have failed."""


def made_fortnight(last: FleetSummary) -> Iterator[FleetSummary]:
    """Yield an hourly scan of the fortnight before ``last``, the oldest first.

    Hosts with thousands of closed sockets come to them by a leak, the first of the others leaks
    between restarts, and the rest has its daily ups and downs. The same for the same scan.
    """
    read = sorted((host for host in last.hosts if host.tcp is not None), key=lambda host: host.name)
    courses = {host.name: course for host, course in zip(read, _courses(read), strict=True)}
    failed = [host for host in last.hosts if host.tcp is None]
    for hours_ago in range(_HOURS, 0, -1):
        hosts = [_with(host, courses[host.name][-1 - hours_ago]) for host in read]
        for number, host in enumerate(failed):
            if hours_ago <= _FAILED_H + 40 * number or not read:
                hosts.append(host)
            else:
                like = hosts[len(read) - 1 - number % len(read)]
                hosts.append(replace(like, name=host.name, groups=host.groups))
        began = last.scan.started_at - timedelta(hours=hours_ago)
        scan = replace(
            last.scan,
            id=f"made-{_HOURS - hours_ago:04d}",
            started_at=began,
            finished_at=began + timedelta(seconds=last.scan.duration_s),
        )
        yield summarize_fleet(hosts, scan)


def _courses(hosts: Sequence[HostSummary]) -> Iterator[list[int]]:
    """Yield the numbers of each host, one for each hour, the last one now."""
    leaks = sawteeth = 0
    for host in hosts:
        now = (host.tcp and host.tcp.tcp_close) or 0
        random = Random(host.name)  # noqa: S311 (no secret: made-up numbers, the same in each run)
        if now >= _LEAKING:
            yield _leak(now, _BEGINS_H[leaks % len(_BEGINS_H)], random)
            leaks += 1
        elif not sawteeth:
            yield [round(now + 14 * ((hour + 9) % 24) * (hour < _HOURS)) for hour in _ages()]
            sawteeth += 1
        else:
            yield _habit(now, random)


def _ages() -> range:
    return range(_HOURS + 1)


def _leak(now: int, begin_h: int, random: Random) -> list[int]:
    base = min(now / 3, 40.0)
    per_hour = (now - base) / begin_h
    numbers = [
        base + per_hour * max(0, hour - (_HOURS - begin_h)) + random.gauss(0, 2) for hour in _ages()
    ]
    return [*(max(0, round(number)) for number in numbers[:-1]), now]


def _habit(now: int, random: Random) -> list[int]:
    """Sockets that are born and die, more of them by day."""
    level, numbers = 0.0, []
    for hour in _ages():
        level = 0.8 * level + random.gauss(0, 0.2 * math.sqrt(now + 1))
        day = 0.25 * now * math.sin(2 * math.pi * (hour - _HOURS) / 24)
        numbers.append(max(0, round(now + day + level)))
    return [*numbers[:-1], now]


def _with(host: HostSummary, tcp_close: int) -> HostSummary:
    """The host with another number of closed sockets, and without what only the real scan saw."""
    tcp = host.tcp
    if tcp is None or tcp.tcp_close is None:
        return host
    more = tcp_close - tcp.tcp_close
    numbers = replace(
        tcp,
        tcp_close=tcp_close,
        closed=None if tcp.closed is None else tcp.closed + more,
        alloc=None if tcp.alloc is None else tcp.alloc + more,
    )
    return replace(host, tcp=numbers, namespaces=None, processes=None)
