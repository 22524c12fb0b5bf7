"""The methods of sampling a host over its open connection, and which of them fit a host."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from ...core.record import record
from ...inventory.models import Probe
from ..outcome import HostReading
from ..probe.forced_probe import ForcedProbe
from ..probe.full_probe import FullProbe
from ..probe.script import ProbeOptions
from .shell import probe_end, sample_end, shell_command, with_terminal_end

__all__ = ["REFRESH_S", "SamplingMethod", "SamplingPlan", "methods_of", "sampling_plan"]

REFRESH_S = 60.0
"""How often the full probe runs on each host; with jitter, so not on all hosts at once."""


class SamplingMethod(StrEnum):
    """How a host is sampled; the values are for the log."""

    SFTP = "SFTP"
    SHELL = "a shell that stays"
    COMMAND = "the whole probe each time"


@record
class SamplingPlan:
    """What to sample on all hosts of a fleet."""

    mark: str
    options: ProbeOptions
    probe: FullProbe
    """The full probe, with this mark."""
    as_root: bool = False
    refresh_s: float = REFRESH_S
    forced: ForcedProbe = field(default_factory=ForcedProbe)
    command: str = ""
    """Starts the shell of `sampling.shell`."""
    sample_ends: tuple[bytes, ...] = ()
    probe_ends: tuple[bytes, ...] = ()


def sampling_plan(
    probe: FullProbe, options: ProbeOptions, mark: str, *, as_root: bool
) -> SamplingPlan:
    """The plan for a fleet with these probe options."""
    return SamplingPlan(
        mark=mark,
        options=options,
        probe=probe,
        as_root=as_root,
        command=shell_command(mark, options),
        sample_ends=with_terminal_end(sample_end(mark)),
        probe_ends=with_terminal_end(probe_end(mark)),
    )


def methods_of(reading: HostReading, plan: SamplingPlan) -> tuple[SamplingMethod, ...]:
    """The methods that may work for the host of this reading, the cheapest first."""
    if plan.as_root or plan.options.processes or reading.host.probe is Probe.FORCED:
        return (SamplingMethod.COMMAND,)
    if reading.namespaces is None or not reading.namespaces.seen:
        return (SamplingMethod.SFTP, SamplingMethod.SHELL, SamplingMethod.COMMAND)
    return (SamplingMethod.SHELL, SamplingMethod.COMMAND)
