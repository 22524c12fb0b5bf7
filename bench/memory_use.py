"""This process's memory, as the kernel tells it."""

from __future__ import annotations

from pathlib import Path

MIB = 1024 * 1024


def memory_bytes(name: str) -> int:
    """VmRSS, or VmHWM, its peak, of this process (proc_pid_status(5)).

    Not getrusage's peak: that holds what the process was before it became this program.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
