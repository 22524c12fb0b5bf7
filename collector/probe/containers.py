"""Find the container or the unit of a process by the paths of its control groups.

Formats: cgroups(7) for the file; the names that the runtimes give their groups, with systemd's
driver (``docker-ID.scope``) and with cgroupfs (``/docker/ID``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from ...core.record import record
from ...core.text import clean

__all__ = ["Container", "container_of", "unit_of"]


@record
class Container:
    """A container as its cgroup path names it: by name or by id, as its runtime does."""

    runtime: str
    """docker, containerd, cri-o, podman, systemd-nspawn, lxc or machine (of machinectl); kubernetes
    for an id below kubepods without a runtime's prefix."""
    id: str
    pod_uid: str | None = None
    """The Kubernetes pod; None where it is in none."""


_ID = r"(?P<id>[0-9a-f]{64})"
_SHAPES = (
    ("docker", "/docker", rf"[-/]{_ID}(?:\.scope)?(?:/|$)"),
    ("containerd", "/cri-containerd", rf"[-:]{_ID}(?:\.scope)?(?:/|$)"),
    ("containerd", ":cri-containerd:", rf"{_ID}(?:/|$)"),
    ("cri-o", "/crio-", rf"(?:conmon-)?{_ID}(?:\.scope)?(?:/|$)"),
    ("podman", "/libpod-", rf"(?:conmon-|payload-)?{_ID}(?:\.scope)?(?:/|$)"),
    ("containerd", "/nerdctl", rf"[-/]{_ID}(?:\.scope)?(?:/|$)"),
    ("kubernetes", "/kubepods", rf".*/{_ID}(?:/|$)"),
    ("lxc", "/lxc", r"(?:\.payload)?[./](?P<id>[A-Za-z0-9][A-Za-z0-9_.-]*?)(?:/|$)"),
    ("systemd-nspawn", "/systemd-nspawn@", r"(?P<id>[^/]+)\.service(?:/|$)"),
    ("machine", "/machine-", r"(?P<id>[^/]+)\.scope(?:/|$)"),
)
"""The runtime, how its names begin, and a pattern for the rest, compiled where one begins so."""
# The innermost service or scope (systemd.service(5), systemd.scope(5)).
_UNIT = r"/(?P<unit>[^/]+\.(?:service|scope))(?=/|$)"
# Sessions of logind, transient units of systemd-run and the scope of systemd itself: the next one
# of the same work has another name, or it is no work of its own.
_PASSING = r"session-[^/]*\.scope|run-[^/]*|init\.scope|user@[0-9]+\.service"
# kubepods-burstable-pod1234_5678.slice (systemd, "_" for "-") or /kubepods/burstable/pod1234-5678
_POD = (
    r"pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?:/|$)"
)


def container_of(cgroup_lines: Iterable[str]) -> Container | None:
    """The container that these lines of /proc/PID/cgroup name; None for a process of the host.

    Of nested containers (docker in LXC) it is the innermost. systemd's escapes (``\\x2d``) in its
    name are decoded.
    """
    for line in cgroup_lines:
        container = _find_container(line.split(":", 2)[-1])
        if container is not None:
            return container
    return None


@lru_cache(maxsize=1024)
def _find_container(path: str) -> Container | None:
    found = [
        (match.start(), runtime, match["id"])
        for runtime, beginning, rest in _SHAPES
        if beginning in path
        for match in re.finditer(beginning + rest, path)
    ]
    if not found:
        return None
    innermost = max(start for start, _, _ in found)
    # Of several that match at the same position, the first in _SHAPES is the more specific.
    _, runtime, identity = next(entry for entry in found if entry[0] == innermost)
    pod = re.search(_POD, path)
    return Container(
        runtime=runtime,
        id=_unescape(identity),
        pod_uid=None if pod is None else _with_dashes(pod["uid"]),
    )


def unit_of(cgroup_lines: Iterable[str]) -> str | None:
    """The service or scope of systemd that these lines of /proc/PID/cgroup name, by its full name.

    None outside of a unit, and in one whose name does not last, such as that of a session.
    """
    for line in cgroup_lines:
        unit = _find_unit(line.split(":", 2)[-1])
        if unit is not None:
            return unit
    return None


@lru_cache(maxsize=1024)
def _find_unit(path: str) -> str | None:
    units: list[str] = re.findall(_UNIT, path)
    lasting = [unit for unit in units if not re.fullmatch(_PASSING, unit)]
    if not lasting or lasting[-1] != units[-1]:
        return None
    return _unescape(lasting[-1])


def _unescape(name: str) -> str:
    """Decode systemd's byte escapes, then clean: a container's name can contain any byte."""
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), name.encode())
    return clean(raw) or name


def _with_dashes(uid: str) -> str:
    return uid.replace("_", "-")
