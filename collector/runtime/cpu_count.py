"""How many processors this process may really use."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

__all__ = ["usable_cpus"]

_CGROUPS = Path("/sys/fs/cgroup")


def usable_cpus() -> int:
    """The processors it may run on, within the quota of its control groups; at least 1.

    The quota is cpu.max of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst of the kernel), the
    lowest of the group and all above it.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min(count, *_quotas(Path("/proc/self/cgroup"), _CGROUPS), count))


def _quotas(own: Path, root: Path) -> list[int]:
    """The quotas that hold, in whole processors, rounded up."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    path = next((line[3:] for line in lines if line.startswith("0::/")), "/")
    # In a container the root of what is mounted is the container's own group.
    groups = [PurePosixPath(path), *PurePosixPath(path).parents]
    found = (_quota(root / str(group).lstrip("/") / "cpu.max") for group in groups)
    return [quota for quota in found if quota is not None]


def _quota(file: Path) -> int | None:
    """``MAX PERIOD`` in microseconds; None for ``max``, and where there is no such file."""
    try:
        most, period = file.read_text(encoding="ascii").split()
        return max(1, -(-int(most) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return None
