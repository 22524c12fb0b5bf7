"""The numbers of one host by name, for levels: what `measures` sums up or ranks.

NUMBER                 tcp_close, closed, orphan, alloc, tw, …
change.NUMBER          its change since an earlier scan
change_percent.NUMBER  the same, of the earlier value
growth.NUMBER          the change per hour
orphan_percent         of tcp_max_orphans
mem_percent, mem_pressure_percent
                       of the last and of the middle value of tcp_mem
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .host import HostSummary
from .numbers import TCP_NUMBERS, TcpNumbers

__all__ = [
    "CHANGES",
    "HOST_NUMBERS",
    "Number",
    "clip_negative",
    "percent",
    "qualify",
    "rests_on_bound",
]

Number = int | float
HostNumber = Callable[[HostSummary], Number | None]

CHANGES = ("change.", "change_percent.", "growth.")
"""The prefixes of numbers that need an earlier scan."""


def percent(part: int | None, whole: int | None) -> float | None:
    """A part in percent; None where either is absent or the whole is 0."""
    return round(100 * part / whole, 2) if part is not None and whole else None


def clip_negative(numbers: TcpNumbers, name: str) -> int | None:
    """The number, with 0 for a negative one: the range of a level begins at 0, and a host's two
    files are not read at one instant (`arithmetic`). The JSON of a scan keeps the negative one."""
    value: int | None = getattr(numbers, name)
    return None if value is None else max(value, 0)


def rests_on_bound(name: str, host: HostSummary) -> bool:
    """Whether the number of this name is an upper bound, or the difference of two."""
    if not name.endswith("tcp_close"):
        return False
    if name.startswith(CHANGES):
        return host.change is not None and host.change.bound
    return host.is_bound


def qualify(name: str, *, is_bound: bool) -> str:
    """The word before a value: ``at most`` for a bound, ``about`` for the difference of two."""
    if not is_bound:
        return ""
    return "about" if name.startswith(CHANGES) else "at most"


def _tcp(name: str) -> HostNumber:
    return lambda host: None if host.tcp is None else clip_negative(host.tcp, name)


def _change(name: str) -> HostNumber:
    return lambda host: None if host.change is None else getattr(host.change, name)


def _change_percent(name: str) -> HostNumber:
    def found(host: HostSummary) -> float | None:
        difference = None if host.change is None else getattr(host.change, name)
        now = None if host.tcp is None else getattr(host.tcp, name)
        if difference is None or now is None:
            return None
        # From nothing, growth has no percentage: count it from one.
        return percent(difference, max(now - difference, 1))

    return found


def _growth(name: str) -> HostNumber:
    return lambda host: None if host.change is None else host.change.rate_per_hour.get(name)


def _orphan_percent(host: HostSummary) -> float | None:
    if host.tcp is None or host.kernel is None:
        return None
    return percent(host.tcp.orphan, host.kernel.tcp_max_orphans)


def _mem_percent(which: int) -> HostNumber:
    def found(host: HostSummary) -> float | None:
        if host.tcp is None or host.kernel is None or host.kernel.tcp_mem is None:
            return None
        return percent(host.tcp.mem_pages, host.kernel.tcp_mem[which])

    return found


_PREFIXES: Mapping[str, Callable[[str], HostNumber]] = {
    "": _tcp,
    "change.": _change,
    "change_percent.": _change_percent,
    "growth.": _growth,
}

HOST_NUMBERS: Mapping[str, HostNumber] = {
    **{prefix + name: of(name) for prefix, of in _PREFIXES.items() for name in TCP_NUMBERS},
    "orphan_percent": _orphan_percent,
    "mem_percent": _mem_percent(2),
    "mem_pressure_percent": _mem_percent(1),
}
"""Each number by its name; a function gives None where the host does not have it."""
