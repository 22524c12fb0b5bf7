"""What every sink is, and what it answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol, runtime_checkable

from ...core.record import record
from ..notification import Message

__all__ = ["Answer", "Delivered", "Heartbeat", "Ping", "Refused", "Sink", "Unreached"]


@record
class Delivered:
    """The receiver took the message."""

    note: str | None = None
    """What went wrong on the way, for stderr: one of two Alertmanagers did not answer."""


@record
class Unreached:
    """The message did not arrive, and may later: it is tried again."""

    reason: str
    after_s: float | None = None
    """Seconds after which the receiver wants the next try; None where it does not say."""


@record
class Refused:
    """The receiver will never take this message: it is not tried again, and the user is told."""

    reason: str


Answer = Delivered | Unreached | Refused


class Sink(Protocol):
    """One configured receiver. `send` raises nothing for what the network or the receiver does."""

    name: str
    """Its name in the rules file."""
    repeats_all: bool
    """Whether each evaluation sends all that fires (Alertmanager), which then groups, repeats and
    silences by itself; else only events are sent."""
    most_alerts: int
    """Most alerts of one message; what is more goes into further messages."""

    def send(self, message: Message) -> Answer:
        """Send one message within the sink's own time limit; never with a redirect followed."""
        ...


class Ping(StrEnum):
    """What a heartbeat learns of an evaluation; never its findings."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


@runtime_checkable
class Heartbeat(Protocol):
    """A receiver that raises the alarm where no ping arrives: for runs that do not happen.

    It takes no alerts. `ping` raises nothing for what the network or the receiver does.
    """

    name: str
    """Its name in the rules file."""

    def ping(self, ping: Ping) -> Answer:
        """Report the start, the complete end or the failure of an evaluation."""
        ...
