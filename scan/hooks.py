"""What a scan hands to its caller while it runs, and what it needs from a user.

A scan prints nothing and reads no terminal. The command line puts a progress bar, its messages on
stderr, its prompts and its signal handlers in here; a program may put in what it likes, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import NamedTuple

from ..aggregator.fleet import FleetSummary, ScanInfo
from ..aggregator.host import HostSummary
from ..core.record import record
from ..inventory.models import Secret

__all__ = [
    "FindScan",
    "Message",
    "MessageKind",
    "ScanHooks",
    "Stoppable",
    "UnknownKey",
    "UnknownKeys",
    "ignore",
    "no_store",
    "trust_none",
]

Stoppable = Callable[[Callable[[str], None]], AbstractContextManager[object]]
"""Called with a function that stops the scan; the scan runs within the context that it returns.
The function takes what stopped it (``SIGINT``) and may be called from a signal handler, or in the
thread of the scan."""


FindScan = Callable[[str, ScanInfo], FleetSummary | None]
"""Finds the earlier scan that ``against`` names in a store, for a scan of that selection; None: the
name is that of a file. What it raises is a SockfleetError."""


class MessageKind(StrEnum):
    """How much a message matters."""

    REMARK = "remark"
    """Expected: the first scan has none to compare with."""
    NOTE = "note"
    """The scan did what was asked, with a restriction."""
    WARNING = "warning"
    """Something that was asked for is missing from the result."""
    ERROR = "error"
    """The scan itself failed in its middle; what was read until then is in the result."""


class Message(NamedTuple):
    """One line for the user, complete as it stands."""

    kind: MessageKind
    text: str


@record
class UnknownKey:
    """A host key that no known_hosts file has."""

    kind: str
    """As ssh names it: ``ED25519``."""
    fingerprint: str
    """``SHA256:…``"""
    names: tuple[str, ...]
    """The hosts that showed it: names of the inventory, or ``jump host ADDRESS:PORT``."""


@record
class UnknownKeys:
    """What a scan asks about once: the unknown keys of all hosts, each key once."""

    keys: tuple[UnknownKey, ...]
    hosts: tuple[str, ...]
    """The hosts that could not be read because of them."""
    behind: tuple[str, ...]
    """Those of the hosts that an unknown jump host hides: their own keys were not seen. Where all
    keys are trusted, the first key that each of these hosts shows is trusted too."""
    files: tuple[str, ...]
    """The known_hosts files that the keys are added to."""


def ignore(_value: object) -> None:
    """Do nothing."""


def no_store(_name: str, _scan: ScanInfo) -> None:
    """Have no store: ``against`` names a file."""


def _no_terminal(_question: str) -> None:
    """Have no answer: there is nobody to ask."""


def trust_none(_keys: UnknownKeys) -> Collection[str]:
    """Trust no key: there is nobody to ask."""
    return ()


@record
class ScanHooks:
    """Callables of the caller; by default each does nothing."""

    on_host: Callable[[HostSummary], None] = ignore
    """Called with each host as it finishes, in any order. What it raises ends the scan."""
    on_message: Callable[[Message], None] = ignore
    prompt: Callable[[str], Secret | None] = _no_terminal
    """Asks the user for a password or passphrase; None: there is no answer."""
    confirm_keys: Callable[[UnknownKeys], Collection[str]] = trust_none
    """Asks whether unknown host keys are to be trusted and remembered; returns the fingerprints of
    those that are. Called between two passes over the hosts, when no event loop runs."""
    stoppable: Stoppable = nullcontext
    find_scan: FindScan = no_store

    def note(self, texts: Iterable[str]) -> None:
        """Pass on what a user should know beside the result."""
        for text in texts:
            self.on_message(Message(MessageKind.NOTE, text))
