"""How many CPUs this process may use: its affinity and the quotas of its control groups."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

__all__ = ["usable_cpus"]

_CGROUPS = Path("/sys/fs/cgroup")


def usable_cpus() -> int:
    """The number of CPUs that this process may use, at least 1.

    Limited by its affinity and by cpu.max of its cgroup v2 and all groups above it
    (Documentation/admin-guide/cgroup-v2.rst of the kernel).
    """
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min(count, *_read_quotas(Path("/proc/self/cgroup"), _CGROUPS), count))


def _read_quotas(own: Path, root: Path) -> list[int]:
    """The quotas of the process's group and all above it, in CPUs, rounded up."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    path = next((line[3:] for line in lines if line.startswith("0::/")), "/")
    # In a container the mounted root is the container's own group.
    groups = [PurePosixPath(path), *PurePosixPath(path).parents]
    found = (_read_quota(root / str(group).lstrip("/") / "cpu.max") for group in groups)
    return [quota for quota in found if quota is not None]


def _read_quota(file: Path) -> int | None:
    """Read ``MAX PERIOD`` (microseconds); None for ``max`` or a missing file."""
    try:
        most, period = file.read_text(encoding="ascii").split()
        return max(1, -(-int(most) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return None
