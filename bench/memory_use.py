"""The memory of this process as the kernel counts it."""

from __future__ import annotations

from pathlib import Path

MIB = 1024 * 1024


def memory_bytes(name: str) -> int:
    """Return VmRSS, or the peak VmHWM, of this process (proc_pid_status(5)).

    getrusage's peak also counts the memory of the process before it became this program.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
