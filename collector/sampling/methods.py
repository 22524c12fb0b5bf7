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
from .shell import full_end, sample_end, shell_command

__all__ = ["REFRESH_S", "WarmPlan", "WarmWay", "warm_plan", "ways_of"]

REFRESH_S = 60.0
"""The whole probe runs so often on each host, or a little sooner or later, not on all at once."""


class WarmWay(StrEnum):
    """By what a host is sampled."""

    SFTP = "SFTP"
    SHELL = "a shell that stays"
    COMMAND = "the whole probe each time"


@record
class WarmPlan:
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
    full_end: bytes = b""


def warm_plan(probe: FullProbe, options: ProbeOptions, mark: str, *, as_root: bool) -> WarmPlan:
    """The plan for a fleet that is asked with these options."""
    return WarmPlan(
        mark=mark,
        options=options,
        probe=probe,
        as_root=as_root,
        command=shell_command(mark, options),
        sample_end=sample_end(mark),
        full_end=full_end(mark),
    )


def ways_of(reading: HostReading, plan: WarmPlan) -> tuple[WarmWay, ...]:
    """The ways that may do for the host of this reading, the cheapest first."""
    if plan.as_root or plan.options.processes or reading.host.probe is Probe.FORCED:
        return (WarmWay.COMMAND,)
    if reading.namespaces is None:
        return (WarmWay.SFTP, WarmWay.SHELL, WarmWay.COMMAND)
    return (WarmWay.SHELL, WarmWay.COMMAND)
