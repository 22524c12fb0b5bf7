"""One host, asked now, for the commands that look at a single one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..aggregator.thresholds import Thresholds
from ..collector.outcome import HostFailure, HostOutcome, HostReading
from ..core.errors import SockfleetError, UsageError
from ..core.exit_codes import code_for_signal
from ..inventory.models import Connection, Host
from ..output.text.explanation import OneHost, one_host
from . import streams
from .collecting import collect
from .prompts import Passphrases
from .scanning import engine_settings, select

__all__ = ["HostNotReadError", "scan_one_host", "scan_this_machine"]


class HostNotReadError(SockfleetError):
    """The host gave no reading; ``exit_code`` is that of a signal where one ended the attempt."""

    def __init__(self, failure: HostFailure, signal: int | None) -> None:
        super().__init__(f"{failure.host.name}: {failure.category}: {failure.message}")
        if signal is not None:
            self.exit_code = code_for_signal(signal)


def scan_one_host(name: str, given: Mapping[str, Any], thresholds: Thresholds) -> OneHost:
    """Ask one host of the inventory, or the host of that name where there is no inventory.

    ``given`` has the connection and pace options. Raises UsageError where ``name`` means no host
    or several, HostNotReadError where it cannot be read.
    """
    inventory = given["inventory"] or (f"{name},",)
    chosen = select({**given, "inventory": inventory, "limit": name})
    if len(chosen.hosts) != 1:
        raise UsageError(f"--host {name}: {len(chosen.hosts)} hosts of that name, expected one")
    streams.warn_all(chosen.notes, quiet=False)
    host = chosen.hosts[0]
    return one_host(_asked(host, given), origin=host.name, thresholds=thresholds)


def scan_this_machine(given: Mapping[str, Any], thresholds: Thresholds) -> OneHost:
    """Ask this machine, without SSH; raises HostNotReadError."""
    host = Host(name="this machine", address="localhost", connection=Connection.LOCAL)
    return one_host(_asked(host, given), origin=host.name, thresholds=thresholds)


def _asked(host: Host, given: Mapping[str, Any]) -> HostReading:
    passphrases = Passphrases()
    passphrases.collect([host])
    outcomes: list[HostOutcome] = []
    ended = collect([host], engine_settings(given, passphrases), outcomes.append)
    streams.warn_all(ended.notes, quiet=False)
    (outcome,) = outcomes
    if isinstance(outcome, HostFailure):
        raise HostNotReadError(outcome, ended.signal)
    return outcome
