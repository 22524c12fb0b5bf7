"""Compare a scan's JSON with the true numbers of a simulated fleet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .scenario import SimulatedHost

__all__ = ["find_differences"]

_ALL_NAMESPACES = "all-namespaces"


def find_differences(document: Mapping[str, Any], hosts: Iterable[SimulatedHost]) -> list[str]:
    """Return a message for each difference of a ``sockfleet/scan/v1`` document from the truth.

    It is empty where every host appears once, is read or failed as planned, with the simulator's
    numbers, and the fleet's totals are their sums.
    """
    planned = {host.name: host for host in hosts}
    seen = Counter(host["name"] for host in document["hosts"])
    found = [f"{name}: not in the document" for name in planned if name not in seen]
    found += [f"{name}: {count} times in the document" for name, count in seen.items() if count > 1]
    for host in document["hosts"]:
        if host["name"] in planned:
            found += _compare_host(host, planned[host["name"]])
        else:
            found.append(f"{host['name']}: in the document, and no simulated host")
    found += _compare_fleet(document)
    return found


def _compare_host(host: Mapping[str, Any], planned: SimulatedHost) -> Iterator[str]:
    category = None if planned.fault is None else planned.fault.planned
    if host["status"] == "ok":
        if category is not None:
            yield f"{planned.name}: read, planned was {category}"
            return
        yield from _compare_numbers(
            planned.name, _expected_numbers(planned, host["scope"]), host["tcp"]
        )
        yield from _compare_numbers(
            planned.name,
            {"sockets_used": planned.contents.host.used},
            {"sockets_used": host["sockets_used"]},
        )
        yield from _compare_namespaces(host, planned)
        return
    error = host["error"]
    if error["category"] != category:
        plan = "to be read" if category is None else str(category)
        yield f"{planned.name}: {error['category']}, planned was {plan}: {error['message']}"


def _expected_numbers(planned: SimulatedHost, scope: str) -> dict[str, int | None]:
    contents = planned.contents
    everything = scope == _ALL_NAMESPACES
    return {
        "alloc": contents.alloc,
        "inuse": contents.host.inuse,
        "inuse6": contents.host.inuse6 if contents.ipv6 else None,
        "tw": contents.host.tw,
        "orphan": contents.orphan,
        "mem_pages": contents.mem_pages,
        "closed": contents.closed,
        "tcp_close": contents.tcp_close if everything else contents.tcp_close_bound,
    }


def _compare_namespaces(host: Mapping[str, Any], planned: SimulatedHost) -> Iterator[str]:
    contents = planned.contents
    if "namespaces" not in host:
        if host["scope"] == _ALL_NAMESPACES:
            yield f"{planned.name}: the scope is {_ALL_NAMESPACES}, and there are none"
        return
    truth = Counter(
        (one.inuse, one.inuse6 if contents.ipv6 else None, one.tw, one.used)
        for one in (contents.host, *contents.containers)
    )
    seen = Counter(
        (one["inuse"], one["inuse6"], one["tw"], one["used"]) for one in host["namespaces"]
    )
    for missing in truth - seen:
        yield f"{planned.name}: no namespace with inuse, inuse6, tw, used {missing}"
    for wrong in seen - truth:
        yield f"{planned.name}: a namespace with inuse, inuse6, tw, used {wrong}, which is not so"


def _compare_fleet(document: Mapping[str, Any]) -> Iterator[str]:
    read = [host for host in document["hosts"] if host["status"] == "ok"]
    counts = {"total": len(document["hosts"]), "ok": len(read)}
    counts["failed"] = counts["total"] - counts["ok"]
    yield from _compare_numbers("fleet.hosts", counts, document["fleet"]["hosts"])
    totals = document["fleet"]["totals"]
    for name in totals:
        values = [v for host in read if (v := host["tcp"].get(name)) is not None]
        expected = sum(values) if values else None
        yield from _compare_numbers("fleet.totals", {name: expected}, totals)


def _compare_numbers(
    where: str, truth: Mapping[str, int | None], seen: Mapping[str, int | None]
) -> Iterator[str]:
    for name, value in truth.items():
        if seen.get(name) != value:
            yield f"{where}: {name} {seen.get(name)}, the truth is {value}"
