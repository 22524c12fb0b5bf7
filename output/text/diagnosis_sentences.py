"""Sentences for a host's diagnosis, and for the command to run next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...aggregator.diagnosis import Diagnosis, Word
from ...aggregator.host import HostSummary
from ...aggregator.namespaces import NamespaceSummary

__all__ = ["name_namespace", "next_shows", "sentence"]

_SENTENCES: Mapping[str, str] = {
    Word.MEM_HIGH: "all TCP buffers together take {mem_pages} pages, near the {tcp_mem_high} from "
    "which on the kernel refuses memory (the last number of tcp_mem): connections stall or break.",
    Word.MEM_PRESSURE: "all TCP buffers together take {mem_pages} pages, more than the "
    "{tcp_mem_pressure} from which on the kernel makes buffers smaller (the middle number of "
    "tcp_mem): transfers get slower.",
    Word.ORPHANS: "{orphan} connections are being closed and no process holds them any more; "
    "tcp_max_orphans is {tcp_max_orphans}. From a quarter of it on the kernel may reset such "
    "connections. Peers do not answer any more, or a program closes many at once.",
    Word.CONTAINER_HELD: "at least {elsewhere_min} of the {tcp_close} closed sockets are in other "
    "network namespaces than the host's own, such as those of containers.",
    Word.HELD_CLOSED: "{tcp_close} of {alloc} TCP sockets are closed and still open in a process: "
    "a leak, or a pool of idle sockets. A number that only grows is a leak.",
    Word.TIME_WAIT: "{tw} of the {closed} that `ss -s` calls closed are TIME_WAIT: connections "
    "that ended in order. They go by themselves after a minute, and no process holds them.",
    Word.NORMAL: "nothing unusual in these numbers.",
}
_MORE_TIME_WAIT = (
    "{tw} connections are in TIME_WAIT: they ended in order, go by themselves after a minute, and "
    "no process holds them. `ss -s` calls {closed} closed."
)
_HELD_AT_MOST = (
    "up to {tcp_close} of {alloc} TCP sockets are closed and still open in a process. What other "
    "network namespaces have in use, and was not read, is still in that number."
)
_WHO = (
    "Who holds them: ask again with --processes --become. On the host itself, where most can be "
    "(closed sockets, pid, command):"
)
_NEXT: Mapping[str, str] = {
    Word.MEM_HIGH: "The sockets with the most bytes unread or unsent:",
    Word.MEM_PRESSURE: "The sockets with the most bytes unread or unsent:",
    Word.ORPHANS: "The peers of connections that are being closed, by their number:",
    Word.CONTAINER_HELD: _WHO,
    Word.HELD_CLOSED: _WHO,
    Word.TIME_WAIT: "The peers of those connections, by their number:",
    Word.NORMAL: "Nothing now. Compare under load, or in a day:",
}
_EACH_NAMESPACE = "Whether there are other network namespaces, and whose they are:"


def sentence(diagnosis: Diagnosis, host: HostSummary) -> str:
    """Say what one word means on this host, with the numbers that led to it."""
    known = _SENTENCES.get(diagnosis.word)
    if diagnosis.word == Word.HELD_CLOSED and host.is_bound:
        known = _HELD_AT_MOST
    if diagnosis.word == Word.TIME_WAIT and _exceeds(diagnosis.because, "tw", "closed"):
        known = _MORE_TIME_WAIT
    if known is None:
        words = ", ".join(f"{name} {number}" for name, number in diagnosis.because.items())
    else:
        words = known.format_map(diagnosis.because)
    title = f"{diagnosis.word} ({diagnosis.severity}):"
    return " ".join([title, words, *_suspect(diagnosis, host)])


def _exceeds(numbers: Mapping[str, int], part: str, whole: str) -> bool:
    """Whether a part is more than its whole: counters that contradict each other."""
    return numbers.get(part, 0) > numbers.get(whole, 0)


def next_shows(diagnosis: Diagnosis, host: HostSummary) -> str:
    """Say what the command ``diagnosis.next`` shows."""
    if diagnosis.word == Word.HELD_CLOSED and host.is_bound:
        return _EACH_NAMESPACE
    return _NEXT.get(diagnosis.word, "Look further with:")


def name_namespace(namespace: NamespaceSummary) -> str:
    """Name a namespace by a process and its container: ``pid 7 (php, docker 3f1c…)``."""
    container = namespace.container
    inside = [namespace.command or ""]
    if container is not None:
        inside.append(f"{container.runtime} {container.id[:12]}")
        inside.append(f"pod {container.pod_uid}" if container.pod_uid else "")
    names = ", ".join(filter(None, inside))
    return f"pid {namespace.pid}" + (f" ({names})" if names else "")


def _suspect(diagnosis: Diagnosis, host: HostSummary) -> Iterator[str]:
    inode = diagnosis.because.get("namespace")
    for one in host.namespaces or ():
        if one.inode == inode:
            most = "" if one.tcp_close_max is None else f", at most {one.tcp_close_max}"
            yield f"The one to look at first is that of {name_namespace(one)}{most}."
