"""One host, asked now, for the commands that look at a single one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..collector.reading import HostFailure, HostOutcome, HostReading
from ..inventory.errors import SockfleetError, UsageError
from ..output.explanation import OneHost
from . import terminal
from .collecting import collect
from .exit_codes import of_signal
from .prompts import Passphrases
from .scanning import engine_settings, selection

__all__ = ["HostNotReadError", "live_host"]


class HostNotReadError(SockfleetError):
    """The host gave no reading; ``exit_code`` is that of a signal where one ended the attempt."""

    def __init__(self, failure: HostFailure, signal: int | None) -> None:
        super().__init__(f"{failure.host.name}: {failure.category}: {failure.message}")
        if signal is not None:
            self.exit_code = of_signal(signal)


def live_host(name: str, given: Mapping[str, Any]) -> OneHost:
    """Ask one host of the inventory, or the host of that name where there is no inventory.

    ``given`` has the connection and pace options. Raises UsageError where ``name`` means no host
    or several, HostNotReadError where it cannot be read.
    """
    inventory = given["inventory"] or (f"{name},",)
    chosen = selection({**given, "inventory": inventory, "limit": name})
    if len(chosen.hosts) != 1:
        raise UsageError(f"--host {name}: {len(chosen.hosts)} hosts of that name, expected one")
    terminal.notes(chosen.notes, quiet=False)
    passphrases = Passphrases()
    passphrases.collect(chosen.hosts)
    outcomes: list[HostOutcome] = []
    ended = collect(chosen.hosts, engine_settings(given, passphrases), outcomes.append)
    (outcome,) = outcomes
    if isinstance(outcome, HostFailure):
        raise HostNotReadError(outcome, ended.signal)
    return _explained(outcome)


def _explained(reading: HostReading) -> OneHost:
    return OneHost(
        origin=reading.host.name,
        sockstat=reading.sockstat,
        sockstat6=reading.sockstat6,
        is_ipv6_off=True,
        tcp_estab=reading.kernel.tcp_estab,
        page_size=reading.kernel.page_size,
    )
