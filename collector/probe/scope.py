"""Which network namespaces of a host a reading covers, and why not all."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from ...inventory.models import Probe
from .namespaces import Namespaces

__all__ = ["Scope", "lowered_by", "scope_of", "scope_reasons"]


class Scope(StrEnum):
    """Which network namespaces a reading covers; with the lower two ``tcp_close`` is a bound."""

    ALL_NAMESPACES = "all-namespaces"
    """Every process's namespace was read: ``tcp_close`` is exact."""
    VISIBLE_NAMESPACES = "visible-namespaces"
    HOST_NAMESPACE = "host-namespace"


def scope_of(namespaces: Namespaces | None) -> Scope:
    """The scope of a reading with these namespaces; None: only the host's own was read."""
    if namespaces is None or namespaces.unread is not None:
        return Scope.HOST_NAMESPACE
    return Scope.VISIBLE_NAMESPACES if lowered_by(namespaces) else Scope.ALL_NAMESPACES


def scope_reasons(namespaces: Namespaces | None, probe: Probe) -> tuple[str, ...]:
    """Why a reading may not cover the whole machine; empty where the user chose less."""
    if probe is Probe.FORCED:
        return ("the key's forced command reads the host's own network namespace alone",)
    return () if namespaces is None else lowered_by(namespaces)


def lowered_by(namespaces: Namespaces) -> tuple[str, ...]:
    """Why these may not be all namespaces of the machine, each reason a complete phrase."""
    if namespaces.unread is not None:
        return (namespaces.unread,)
    return () if namespaces.single else tuple(_find_reasons(namespaces))


def _find_reasons(namespaces: Namespaces) -> Iterator[str]:
    yield from _find_container(namespaces)
    if namespaces.hidden_processes:
        yield "/proc hides other users' processes (hidepid)"
    if namespaces.denied:
        yield f"the namespaces of {namespaces.denied} processes could not be read"
    if namespaces.gone:
        yield f"the processes of {namespaces.gone} namespaces ended meanwhile"
    if namespaces.unlisted:
        yield "a process began in another namespace since the namespaces were listed"
    if namespaces.unwatched:
        yield "more processes began since the namespaces were listed than can be looked at"
    if namespaces.without_process:
        yield (
            f"{namespaces.without_process} namespaces are kept by a mount (ip netns), and may have "
            "processes that are not visible"
        )
    if not any(namespace.is_host for namespace in namespaces.seen):
        yield "the namespace of the probe itself was not among those that were read"


def _find_container(namespaces: Namespaces) -> Iterator[str]:
    if namespaces.unknown_pid_namespace:
        yield "it is not known whether it is a container, whose processes alone can be seen"
    if namespaces.other_pid_namespace:
        yield (
            "it is a container: alloc is the whole machine's, and only the container's own "
            "processes can be seen"
        )
