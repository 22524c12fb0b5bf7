"""Outcomes of hosts for the tests of aggregator and output: single ones, and strategies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from sockfleet.aggregator.fleet import ScanInfo
from sockfleet.aggregator.host import HostSummary, summarize_host
from sockfleet.collector.errors import Category, Phase
from sockfleet.collector.outcome import HostFailure, HostOutcome, HostReading
from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.namespaces import Namespace, Namespaces
from sockfleet.collector.probe.processes import Process, Processes
from sockfleet.collector.probe.scope import Scope
from sockfleet.collector.probe.sockstat import Sockstat
from sockfleet.inventory.models import Host

BEGAN = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
BOOT_ID = "3f1cbd6d-6e5b-4c52-8a8e-{:012x}"


def scan(**changes: Any) -> ScanInfo:
    """A scan of 1.234 s."""
    values: dict[str, Any] = {
        "id": "0f6b",
        "started_at": BEGAN,
        "finished_at": BEGAN + timedelta(seconds=1.234),
        "duration_s": 1.234,
        "complete": True,
        "inventory": ("inventory.yml",),
    }
    return ScanInfo(**values | changes)


def reading(
    name: str,
    tcp: dict[str, int] | None = None,
    *,
    tcp6: dict[str, int] | None = None,
    ipv6: bool = True,
    groups: tuple[str, ...] = (),
    variables: dict[str, Any] | None = None,
    kernel: Kernel | None = None,
    scope: Scope = Scope.HOST_NAMESPACE,
    elsewhere: tuple[Namespace, ...] = (),
    in_protocols: int | None = None,
    processes: Processes | None = None,
) -> HostReading:
    """A reading; by default that of the worked example in docs/closed-sockets.md.

    With another ``scope`` it has the host's own namespace, with its sockets ``in_protocols``, and
    those ``elsewhere``.
    """
    worked = {"inuse": 143, "orphan": 1, "tw": 38, "alloc": 247, "mem": 86}
    inuse = (worked if tcp is None else tcp).get("inuse", 0)
    inuse6 = (4 if tcp6 is None else tcp6.get("inuse", 0)) if ipv6 else None
    own = Namespace(
        inode=4026531913,
        is_host=True,
        pid=1,
        inuse=inuse,
        inuse6=inuse6,
        used=400,
        in_protocols=in_protocols,
    )
    namespaces = Namespaces(
        seen=(own, *elsewhere), denied=1 if scope is Scope.VISIBLE_NAMESPACES else 0
    )
    return HostReading(
        host=Host(name=name, address=name, groups=groups, variables=variables or {}),
        address="10.0.0.1",
        attempts=1,
        elapsed_s=0.2136,
        sockstat=Sockstat(lines={"sockets": {"used": 400}, "TCP": worked if tcp is None else tcp}),
        sockstat6=Sockstat(lines={"TCP6": {"inuse": 4} if tcp6 is None else tcp6})
        if ipv6
        else None,
        kernel=kernel or Kernel(release="5.4.0", page_size=4096),
        namespaces=None if scope is Scope.HOST_NAMESPACE else namespaces,
        processes=processes,
    )


def failure(
    name: str,
    category: Category = Category.TCP_TIMEOUT,
    message: str = "no answer from 10.0.0.9:22 in 5 s",
    *,
    groups: tuple[str, ...] = (),
    variables: dict[str, Any] | None = None,
) -> HostFailure:
    """A failed host."""
    return HostFailure(
        host=Host(name=name, address=name, groups=groups, variables=variables or {}),
        address="10.0.0.9",
        attempts=2,
        elapsed_s=10.0,
        category=category,
        phase=Phase.CONNECT,
        message=message,
    )


def summaries(*outcomes: HostOutcome) -> list[HostSummary]:
    """The summary of each outcome."""
    return [summarize_host(outcome) for outcome in outcomes]


counters = st.integers(0, 2**40)
# Cheaper than a pattern: the fleets below took half of the time of the tests that draw them.
names = st.builds(
    "{}{}{}".format,
    st.sampled_from(["web", "db", "cache"]),
    st.integers(0, 999),
    st.sampled_from(["", ".rack1", ".rack2"]),
)
_groups = st.lists(st.sampled_from(["web", "db", "eu", "us"]), unique=True).map(
    lambda found: tuple(sorted(found))
)
_kernels = st.builds(
    Kernel,
    release=st.none() | st.just("6.1.0"),
    boot_id=st.none() | st.integers(0, 3).map(BOOT_ID.format),
    page_size=st.none() | st.sampled_from([4096, 65536]),
    tcp_mem=st.none() | st.tuples(counters, counters, counters),
)
_variables = st.fixed_dictionaries({}, optional={"rack": st.sampled_from(["r1", "r2", 3, None])})


def _some_of(*keys: str) -> st.SearchStrategy[dict[str, int]]:
    """Some of the counters; those not drawn are absent."""
    of_key = dict.fromkeys(keys, counters)
    if "mem" in of_key:
        of_key["mem"] = st.integers(-100, 2**40)  # some kernels print it below 0
    return st.fixed_dictionaries({}, optional=of_key)


_elsewhere = st.lists(
    st.builds(
        Namespace,
        inode=st.integers(4026532000, 4026532999),
        netns=st.none() | st.integers(4026532000, 4026532999),
        pid=st.integers(2, 2**22),
        command=st.none() | st.just("php-fpm"),
        container=st.none() | st.builds(Container, runtime=st.just("docker"), id=st.just("a" * 64)),
        inuse=st.integers(0, 2**20),
        inuse6=st.none() | st.integers(0, 2**20),
        used=st.none() | st.integers(0, 2**20),
        in_protocols=st.none() | st.integers(0, 2**20),
    ),
    max_size=3,
    unique_by=lambda namespace: namespace.inode,
).map(tuple)


_processes = st.builds(
    Processes,
    seen=st.lists(
        st.builds(
            Process,
            pid=st.integers(1, 2**22),
            command=st.none() | st.just("php-fpm"),
            arguments=st.none() | st.just("php-fpm: pool www"),
            user=st.none() | st.just("www-data"),
            namespace=st.none() | st.just(4026531913),
            tcp_close=st.integers(1, 2**20),
            bound=st.booleans(),
            shared=st.integers(0, 3),
        ),
        max_size=3,
        unique_by=lambda process: process.pid,
    ).map(tuple),
    tool=st.none() | st.just("python3"),
    exact=st.booleans(),
    denied=st.integers(0, 9),
    partial=st.booleans(),
    rest_processes=st.integers(0, 9),
    rest_tcp_close=st.integers(0, 99),
)


def outcomes(name: str) -> st.SearchStrategy[HostOutcome]:
    """Any outcome of one host."""
    return st.builds(
        reading,
        st.just(name),
        tcp=_some_of("inuse", "orphan", "tw", "alloc", "mem"),
        tcp6=_some_of("inuse"),
        ipv6=st.booleans(),
        groups=_groups,
        variables=_variables,
        kernel=_kernels,
        scope=st.sampled_from(Scope),
        elsewhere=_elsewhere,
        processes=st.none() | _processes,
    ) | st.builds(
        failure,
        st.just(name),
        st.sampled_from(Category),
        groups=_groups,
        variables=_variables,
    )


def fleets(*, min_size: int = 0) -> st.SearchStrategy[list[HostOutcome]]:
    """Outcomes of hosts with different names."""
    some_names = st.lists(names, unique=True, min_size=min_size, max_size=max(6, min_size))
    return some_names.flatmap(lambda found: st.tuples(*map(outcomes, found)).map(list))
