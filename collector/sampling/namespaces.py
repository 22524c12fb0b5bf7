"""A host's namespaces, from the last full probe and a sample of `collector.sampling.shell`."""

from __future__ import annotations

from dataclasses import replace

from ..errors import Category, HostError, Phase
from ..probe.namespaces import Namespace, Namespaces
from .shell import ListedNamespace, ShellSample

__all__ = ["build_namespaces"]


def build_namespaces(known: Namespaces, sample: ShellSample) -> Namespaces:
    """The known namespaces with the sample's counters, without those that lost their process.

    Raises HostError ``parse`` where one has no counter of TCP.
    """
    seen = []
    own = ListedNamespace(sockstat=sample.sockstat, sockstat6=sample.sockstat6)
    for namespace in known.seen:
        counters = own if namespace.is_host else sample.listed.get(namespace.pid)
        if counters is not None:
            seen.append(_update_counters(namespace, counters))
    allocs = (each.sockstat.get("TCP", "alloc") for each in sample.listed.values() if each)
    return replace(
        known,
        seen=tuple(seen),
        change=None,
        allocs=tuple(alloc for alloc in allocs if alloc is not None),
        gone=known.gone + len(known.seen) - len(seen),
    )


def _update_counters(namespace: Namespace, counters: ListedNamespace) -> Namespace:
    inuse = counters.sockstat.get("TCP", "inuse")
    if inuse is None:
        text = f"the namespace of process {namespace.pid} has no 'TCP: inuse'"
        raise HostError(Category.PARSE, Phase.PARSE, text)
    updated = replace(
        namespace,
        inuse=inuse,
        inuse6=None if counters.sockstat6 is None else counters.sockstat6.get("TCP6", "inuse"),
        tw=counters.sockstat.get("TCP", "tw"),
        used=counters.sockstat.get("sockets", "used"),
    )
    # The file of all protocols is too long for a shell to read. Where the namespace has the same
    # sockets in use as at the last full probe, its sum is taken for the same too: else the
    # diagnosis would change from round to round although nothing changes.
    is_same = replace(updated, tw=namespace.tw) == namespace
    return updated if is_same else replace(updated, in_protocols=None)
