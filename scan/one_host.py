"""One host, read now, for what looks at a single one."""

from __future__ import annotations

from dataclasses import replace

from ..collector.outcome import HostFailure, HostOutcome, HostReading
from ..core.errors import SockfleetError, UsageError
from ..inventory.models import Connection, Host
from .collect import collect
from .engine_settings import engine_settings
from .first_contact import FirstContact
from .hooks import ScanHooks
from .login_hint import add_login_hint
from .options import ScanOptions
from .passphrases import Passphrases
from .selection import select_hosts

__all__ = ["HostNotReadError", "read_one_host", "read_this_machine"]


class HostNotReadError(SockfleetError):
    """The host gave no reading; ``failure`` says why."""

    def __init__(self, failure: HostFailure) -> None:
        super().__init__(f"{failure.host.name}: {failure.category}: {failure.message}")
        self.failure = failure


def read_one_host(name: str, options: ScanOptions, hooks: ScanHooks | None = None) -> HostReading:
    """Read one host of the inventory, or the host of that name where there is no inventory.

    Raises UsageError where ``name`` means no host or several, HostNotReadError where it cannot be
    read.
    """
    hooks = ScanHooks() if hooks is None else hooks
    options = replace(options, inventory=options.inventory or (f"{name},",), limit=name)
    selection = select_hosts(options, prompt=hooks.prompt)
    if len(selection.hosts) != 1:
        raise UsageError(f"--host {name}: {len(selection.hosts)} hosts of that name, expected one")
    hooks.note(selection.notes)
    return _read(selection.hosts[0], options, hooks)


def read_this_machine(options: ScanOptions, hooks: ScanHooks | None = None) -> HostReading:
    """Read this machine, without SSH; raises HostNotReadError."""
    host = Host(name="this machine", address="localhost", connection=Connection.LOCAL)
    return _read(host, options, ScanHooks() if hooks is None else hooks)


def _read(host: Host, options: ScanOptions, hooks: ScanHooks) -> HostReading:
    passphrases = Passphrases(hooks.prompt)
    passphrases.collect([host])
    outcomes: list[HostOutcome] = []
    first = FirstContact(hooks)

    def hold(outcome: HostOutcome) -> None:
        if not first.holds(outcome):
            outcomes.append(outcome)

    settings = engine_settings(options, passphrases)
    ended = collect([host], settings, hold, stoppable=hooks.stoppable)
    while ended.complete and (again := first.decide(settings, outcomes.append)) is not None:
        ended = collect(again.hosts, again.settings, hold, stoppable=hooks.stoppable)
    hooks.note(ended.notes)
    outcomes += first.release()
    (read,) = outcomes
    outcome = add_login_hint(read, options)
    if isinstance(outcome, HostFailure):
        raise HostNotReadError(outcome)
    return outcome
