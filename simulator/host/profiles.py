"""Profiles of hosts by their sockets, and the seeded random draw of one host's contents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from random import Random
from uuid import UUID

from ...collector.probe.kernel import Kernel
from .contents import Contents, NamespaceSockets

__all__ = ["PROFILES", "Profile", "Span", "draw", "draw_contents", "replace_spans", "span_names"]

Span = tuple[int, int]
"""The minimum and the maximum, both included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The spans from which the numbers of sockets in a host's own namespace are drawn."""

    established: Span
    listen: Span = (4, 12)
    close_wait: Span = (0, 4)
    """Connections that the peer has closed and the program has not; ``inuse`` counts them."""
    tw: Span = (0, 40)
    tcp_close: Span = (0, 6)
    orphan: Span = (0, 2)
    udp: Span = (2, 14)
    other: Span = (120, 420)
    containers: Span = (0, 0)
    """The number of containers, each with a network namespace."""
    percent_ipv6: Span = (2, 15)
    """Percentage of IPv6 sockets; with a Go or Java server's ``::`` listener nearly all are."""
    percent_buffered: Span = (5, 40)
    """Pages of socket memory for each hundred connections."""


PROFILES: Mapping[str, Profile] = {
    "idle": Profile(established=(1, 6)),
    "web": Profile(
        established=(60, 900), tw=(150, 3_000), tcp_close=(0, 14), orphan=(0, 12), close_wait=(0, 9)
    ),
    "leaking": Profile(
        established=(40, 400), tw=(10, 300), tcp_close=(2_500, 19_000), close_wait=(5, 90)
    ),
    "proxy": Profile(
        established=(2_000, 9_000),
        tw=(11_000, 28_000),
        tcp_close=(4, 40),
        orphan=(20, 350),
        close_wait=(5, 60),
    ),
    "container-host": Profile(
        established=(20, 90), containers=(6, 24), other=(700, 2_400), percent_ipv6=(30, 70)
    ),
    "database": Profile(
        established=(900, 4_500), tw=(2, 60), percent_ipv6=(0, 4), percent_buffered=(60, 180)
    ),
}
"""Profiles by their name in scenarios."""

_IN_A_CONTAINER = Profile(
    established=(4, 220), listen=(1, 4), tw=(0, 90), tcp_close=(0, 3), udp=(0, 2), other=(0, 9)
)

_RELEASES = (
    "4.18.0-553.el8_10.x86_64",
    "5.10.0-33-amd64",
    "5.14.0-503.14.1.el9_5.x86_64",
    "5.15.0-130-generic",
    "6.1.0-28-amd64",
    "6.8.0-51-generic",
    "6.12.9-200.fc41.x86_64",
)
_PAGES_PER_GIB = 2**30 // 4096


def replace_spans(profile: Profile, spans: Mapping[str, Span]) -> Profile:
    """Return the profile with some spans replaced; the names must be fields of `Profile`."""
    return replace(profile, **spans)


def span_names() -> tuple[str, ...]:
    """The names that `replace_spans` accepts."""
    return tuple(field.name for field in fields(Profile))


def draw(random: Random, span: Span) -> int:
    """Draw a number from the span, small ones more often, uniform on a logarithmic scale."""
    least, most = (math.log1p(end) for end in span)
    number = round(math.expm1(random.uniform(least, most)))
    return min(max(number, span[0]), span[1])


def draw_contents(random: Random, profile: Profile, *, ipv6: bool = True) -> Contents:
    """Draw the contents of a host; the same state of ``random`` gives the same host."""
    orphan = draw(random, profile.orphan)
    host = _draw_namespace(random, profile, orphan=orphan, ipv6=ipv6)
    containers = tuple(
        _draw_namespace(random, _IN_A_CONTAINER, orphan=0, ipv6=ipv6)
        for _ in range(draw(random, profile.containers))
    )
    connections = sum(n.established for n in (host, *containers))
    memory_gib = random.choice((8, 16, 32, 64))
    return Contents(
        host=host,
        containers=containers,
        orphan=orphan,
        mem_pages=connections * draw(random, profile.percent_buffered) // 100 + orphan,
        udp_mem_pages=random.randint(0, 2 * host.udp),
        ipv6=ipv6,
        kernel=_draw_kernel(random, memory_gib),
    )


def _draw_namespace(
    random: Random, profile: Profile, *, orphan: int, ipv6: bool
) -> NamespaceSockets:
    established = draw(random, profile.established) + draw(random, profile.close_wait)
    # An orphan is in a state such as FIN_WAIT1 or LAST_ACK, so `inuse` counts it.
    tcp = draw(random, profile.listen) + established + orphan
    udp = draw(random, profile.udp)
    share = draw(random, profile.percent_ipv6) if ipv6 else 0
    inuse6, udp6 = tcp * share // 100, udp * share // 100
    return NamespaceSockets(
        inuse=tcp - inuse6,
        inuse6=inuse6,
        tw=draw(random, profile.tw),
        established=established,
        tcp_close=draw(random, profile.tcp_close),
        udp=udp - udp6,
        udp6=udp6,
        raw6=1 if ipv6 else 0,
        other=draw(random, profile.other),
    )


def _draw_kernel(random: Random, memory_gib: int) -> Kernel:
    # tcp_mem as the kernel sets it at boot (net/ipv4/tcp.c tcp_init_mem: a sixteenth of the free
    # pages is the pressure mark), from about 97 % of the memory.
    pressure = memory_gib * _PAGES_PER_GIB * 97 // 100 // 16
    return Kernel(
        release=random.choice(_RELEASES),
        boot_id=str(UUID(int=random.getrandbits(128), version=4)),
        page_size=4096,
        tcp_mem=(pressure * 3 // 4, pressure, pressure * 3 // 2),
        tcp_max_orphans=memory_gib * 4096,
        file_nr=1500 + memory_gib * 100,
        file_max=2**63 - 1,  # as systemd sets it
    )
