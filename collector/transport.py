"""The seam between the engine and the ways to run one command on a host.

A transport connects, logs in, runs one command and brings back its bytes. It knows nothing of
sockets' numbers, retries, ranking or the fleet. Everything foreign (asyncssh, paramiko, OS errors)
is translated into `HostError` inside the transport and nowhere else.

Third parties register theirs in the entry-point group ``sockfleet.transports``: a callable that
takes `TransportSettings` and returns a `Transport`. Ours register the same way, and are found
without it: to go through the metadata of every installed package takes 15 ms, and more where there
are many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

from ..core.errors import UsageError
from ..core.record import record
from ..inventory.models import Host, HostKeyPolicy, Secret, SshSettings
from .errors import Phase

__all__ = [
    "OUTPUT_LIMIT",
    "Attempt",
    "CommandOutput",
    "Transport",
    "TransportSettings",
    "load_transport",
]

OUTPUT_LIMIT = 256 * 1024
"""Bytes of stdout and stderr together that one host may send before it is cut off."""


@record
class TransportSettings:
    """What holds for every host of a scan, where its own settings do not say otherwise."""

    defaults: SshSettings = field(default_factory=SshSettings)
    """Used where a host's own `SshSettings` field is empty or None, user and identity apart: those
    are already in the host's settings."""
    known_hosts_files: tuple[str, ...] = ()
    """Read in this order; what accept-new learns goes to the first. Empty: ~/.ssh/known_hosts and
    /etc/ssh/ssh_known_hosts, as ssh reads them."""
    host_keys: HostKeyPolicy = HostKeyPolicy.STRICT
    connect_timeout_s: float = 10.0
    """From the first packet (or name query) to the end of the login; waiting for a place among
    our own handshakes is not counted."""
    ask_passphrase: Callable[[str], Secret | None] | None = None
    """Called at most once per encrypted key file, with its path; None: it cannot be asked, or the
    user gave none."""
    ask_password: Callable[[str], Secret | None] | None = None
    """Called at most once per prompt of a server that wants keyboard-interactive answers."""
    bastion_connections: int = 64
    """How many hosts may be connected through one bastion at once."""
    concurrency: int = 2000
    """How many hosts are asked at once: threads for the transports that need one for each."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One try at one host while it goes on.

    The transport keeps ``phase``, ``address`` and ``hop`` up to date *before* each step, so that
    whoever ends the attempt from outside (a timeout, a signal) can say how far it came.
    """

    host: Host
    phase: Phase = Phase.QUEUED
    address: str | None = None
    """The IP address connected to, or tried last; None before the name was resolved, and behind a
    bastion or proxy command, where the far side resolves it."""
    hop: str | None = None
    """The jump host at which ``phase`` holds, as ``address:port``; None: at the host itself."""
    handshake: Callable[[], AbstractAsyncContextManager[None]] = field(default=nullcontext)
    """Entered from the TCP connection to the end of the login: waits for a place among the logins
    that are under way."""


@record
class CommandOutput:
    """What one command printed and how it ended; only a clean end with status 0 can be trusted."""

    stdout: bytes
    stderr: bytes
    exit_status: int


class Transport(Protocol):
    """Runs one command on one host. One instance serves all hosts of a scan, many at once."""

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """Run ``command`` through the login shell of ``attempt.host``.

        Returns only when the far side reported an exit status (any number) and closed its output;
        everything else raises `HostError`, output over `OUTPUT_LIMIT` too. Bounds its own
        connecting and login by the connect timeout; the caller bounds the whole. When cancelled
        it leaves no descriptor, task or thread behind.
        """
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know beside the hosts' outcomes, each complete as it stands."""
        ...

    async def aclose(self) -> None:
        """Close what is kept between hosts: bastion connections, threads, pools."""
        ...


_OWN = {
    "asyncssh": (".asyncssh.transport", "AsyncsshTransport"),
    "local": (".local_transport", "LocalTransport"),
    "paramiko": (".paramiko.transport", "ParamikoTransport"),
}
"""Name, module and class; pyproject.toml registers the same."""


def load_transport(name: str, settings: TransportSettings) -> Transport:
    """The transport registered as ``name``.

    Raises UsageError when none is, listing those that are, or when it cannot be imported; whatever
    the transport's own factory raises passes through (UsageError for settings it cannot honour).
    """
    try:
        factory = _own(name) if name in _OWN else _registered(name)
    except ImportError as error:
        raise UsageError(f"transport {name!r} cannot be loaded: {error}") from error
    return factory(settings)


def _own(name: str) -> Callable[[TransportSettings], Transport]:
    module, kind = _OWN[name]
    factory: Callable[[TransportSettings], Transport] = getattr(
        import_module(module, __package__), kind
    )
    return factory


def _registered(name: str) -> Callable[[TransportSettings], Transport]:
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group="sockfleet.transports")}
    if name not in found:
        raise UsageError(f"no transport {name!r}: there are {', '.join(sorted(found))}")
    factory: Callable[[TransportSettings], Transport] = found[name].load()
    return factory
