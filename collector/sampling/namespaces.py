"""A host's namespaces, from the last full probe and a sample of `collector.sampling.shell`."""

from __future__ import annotations

from ...core.record import replace_fields
from ..errors import Category, HostError, Phase
from ..probe.namespaces import Namespace, Namespaces
from .shell import ListedNamespace, ShellSample

__all__ = ["build_namespaces"]


def build_namespaces(
    known: Namespaces, sample: ShellSample, *, unlisted: bool = False, unwatched: bool = False
) -> Namespaces:
    """The known namespaces with the sample's counters, without those that lost their process.

    ``unlisted`` and ``unwatched`` as in `Namespaces`. Raises HostError ``parse`` where one has no
    counter of TCP.
    """
    seen, listed = [], sample.listed
    for namespace in known.seen:
        counters = sample if namespace.is_host else listed.get(namespace.pid)
        if counters is not None:
            seen.append(_update_counters(namespace, counters))
    allocs = [each.sockstat.get("TCP", "alloc") for each in listed.values() if each is not None]
    return Namespaces(  # by name: `replace_fields` takes three times as long
        seen=tuple(seen),
        rest_namespaces=known.rest_namespaces,
        rest_inuse=known.rest_inuse,
        change=None,
        allocs=tuple([alloc for alloc in allocs if alloc is not None]),
        denied=known.denied,
        gone=known.gone + len(known.seen) - len(seen),
        unlisted=unlisted,
        unwatched=unwatched,
        without_process=known.without_process,
        hidden_processes=known.hidden_processes,
        other_pid_namespace=known.other_pid_namespace,
        unknown_pid_namespace=known.unknown_pid_namespace,
        single=known.single,
        unread=known.unread,
    )


def _update_counters(namespace: Namespace, counters: ShellSample | ListedNamespace) -> Namespace:
    tcp = counters.sockstat.lines.get("TCP", {})
    inuse, tw = tcp.get("inuse"), tcp.get("tw")
    if inuse is None:
        text = f"the namespace of process {namespace.pid} has no 'TCP: inuse'"
        raise HostError(Category.PARSE, Phase.PARSE, text)
    inuse6 = None if counters.sockstat6 is None else counters.sockstat6.get("TCP6", "inuse")
    used = counters.sockstat.get("sockets", "used")
    # The file of all protocols is too long for a shell to read. Where the namespace has the same
    # sockets in use as at the last full probe, its sum is taken for the same too: else the
    # diagnosis would change from round to round although nothing changes.
    is_same = (inuse, inuse6, used) == (namespace.inuse, namespace.inuse6, namespace.used)
    if is_same and tw == namespace.tw:
        return namespace
    in_protocols = namespace.in_protocols if is_same else None
    return replace_fields(
        namespace, inuse=inuse, inuse6=inuse6, tw=tw, used=used, in_protocols=in_protocols
    )
