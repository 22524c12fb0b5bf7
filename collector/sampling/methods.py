"""What the hosts of a warm fleet are sampled for, and by what each can be."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from ...core.record import record
from ...inventory.models import Probe
from ..outcome import HostReading
from ..probe.forced import ForcedProbe
from ..probe.full import FullProbe
from ..probe.script import ProbeOptions
from .shell import probe_end, sample_end, shell_command

__all__ = ["REFRESH_S", "SamplingMethod", "SamplingPlan", "methods_of", "sampling_plan"]

REFRESH_S = 60.0
"""The whole probe runs so often on each host, or a little sooner or later, not on all at once."""


class SamplingMethod(StrEnum):
    """By what a host is sampled."""

    SFTP = "SFTP"
    SHELL = "a shell that stays"
    COMMAND = "the whole probe each time"


@record
class SamplingPlan:
    """What all hosts of a fleet are sampled for."""

    mark: str
    options: ProbeOptions
    probe: FullProbe
    """The whole probe, with that mark."""
    as_root: bool = False
    refresh_s: float = REFRESH_S
    forced: ForcedProbe = field(default_factory=ForcedProbe)
    command: str = ""
    sample_end: bytes = b""
    probe_end: bytes = b""


def sampling_plan(
    probe: FullProbe, options: ProbeOptions, mark: str, *, as_root: bool
) -> SamplingPlan:
    """The plan for a fleet that is asked with these options."""
    return SamplingPlan(
        mark=mark,
        options=options,
        probe=probe,
        as_root=as_root,
        command=shell_command(mark, options),
        sample_end=sample_end(mark),
        probe_end=probe_end(mark),
    )


def methods_of(reading: HostReading, plan: SamplingPlan) -> tuple[SamplingMethod, ...]:
    """The ways that may do for the host of this reading, the cheapest first."""
    if plan.as_root or plan.options.processes or reading.host.probe is Probe.FORCED:
        return (SamplingMethod.COMMAND,)
    if reading.namespaces is None:
        return (SamplingMethod.SFTP, SamplingMethod.SHELL, SamplingMethod.COMMAND)
    return (SamplingMethod.SHELL, SamplingMethod.COMMAND)
