"""The interface between the engine and whatever runs a command on a host.

A transport connects, logs in, runs one command and returns its output. It knows nothing of
sockstat, retries, ranking or the fleet. It translates errors of libraries and of the system into
`HostError`; no other part of the collector does.

Third parties register theirs in the entry-point group ``sockfleet.transports``: a callable that
takes `TransportSettings` and returns a `Transport`. Ours register the same way but are loaded
directly: reading the metadata of every installed package takes 15 ms or more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import field
from importlib import import_module
from typing import Protocol

from ..core.errors import UsageError
from ..core.local_failure import describe_shortage
from ..core.record import mutable, record
from ..core.suggestion import suggest
from ..core.text import clean
from ..inventory.models import Host, HostKeyPolicy, Secret, SshSettings
from .agent_listing import AgentListings
from .errors import Phase

__all__ = [
    "OUTPUT_LIMIT",
    "Attempt",
    "CommandOutput",
    "Transport",
    "TransportSettings",
    "describe_output",
    "load_transport",
    "transport_import",
]

OUTPUT_LIMIT = 256 * 1024
"""Bytes of stdout and stderr together that one host may send before it is cut off."""


@record
class TransportSettings:
    """Settings for every host of a scan; a host's own come first."""

    defaults: SshSettings = field(default_factory=SshSettings)
    """Used where a host's own `SshSettings` field is empty or None, except for user and identity,
    which are already in the host's settings."""
    known_hosts_files: tuple[str, ...] = ()
    """Read in this order; accept-new adds keys to the first. Empty: ~/.ssh/known_hosts and
    /etc/ssh/ssh_known_hosts, as ssh reads them."""
    host_keys: HostKeyPolicy = HostKeyPolicy.STRICT
    connect_timeout_s: float = 10.0
    """From the first packet (or name query) to the end of the login, without the wait for a login
    slot."""
    ask_passphrase: Callable[[str], Secret | None] | None = None
    """Called at most once per encrypted key file, with its path; returns None for no answer. None:
    the user cannot be asked."""
    ask_password: Callable[[str], Secret | None] | None = None
    """Called once per prompt of a server, with the prompt; returns None for no answer. None: the
    user cannot be asked."""
    bastion_connections: int = 64
    """How many hosts may be connected through one bastion at once."""
    concurrency: int = 2000
    """How many hosts are connected at once: the number of threads where each needs one."""
    agent_listings: AgentListings = field(default_factory=AgentListings, repr=False, compare=False)
    """The keys of the agents, requested once by all that have these settings or copies of them."""


@mutable
class Attempt:
    """One attempt at one host while it is in progress.

    The transport updates ``phase``, ``address`` and ``hop`` *before* each step: where a timeout or
    a signal ends the attempt, the message names the step. ``banner`` and ``output`` may stay as
    they are; a timeout quotes them.
    """

    host: Host
    phase: Phase = Phase.QUEUED
    address: str | None = None
    """The IP address connected to, or tried last; None before the name is resolved, and behind a
    bastion or a proxy command, where the far side resolves it."""
    hop: str | None = None
    """The jump host that ``phase`` is about, as ``address:port``; None: the host itself."""
    handshake: Callable[[], AbstractAsyncContextManager[None]] = field(default=nullcontext)
    """Entered once the route is open and left at the end of the login: waits for a login slot."""
    banner: str = ""
    """What the server said during the login (RFC 4252 section 5.4), as it came."""
    output: tuple[bytes | bytearray, bytes | bytearray] = (b"", b"")
    """stdout and stderr of a command that is running, as far as they have come."""


@record
class CommandOutput:
    """The output of one command and its exit status."""

    stdout: bytes
    stderr: bytes
    exit_status: int


def describe_output(stdout: bytes, stderr: bytes) -> str:
    """What a host printed, quoted, what it said on stderr first."""
    seen, said = clean(stdout, limit=120), clean(stderr.strip(), limit=300)
    if not said:
        return repr(seen) if seen else "nothing"
    return f"{said!r} on stderr" + (f" and {seen!r}" if seen else "")


class Transport(Protocol):
    """Runs one command on one host. One instance serves all hosts of a scan, many at once."""

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """Run ``command`` through the login shell of ``attempt.host``.

        Returns only when the far side has reported an exit status (any number) and closed its
        output; everything else raises `HostError`, including output over `OUTPUT_LIMIT`. Bounds
        connection and login by the connect timeout; the caller bounds the whole. When cancelled it
        leaves no descriptor, task or thread behind.
        """
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Messages for the user that concern no single host, each complete in itself."""
        ...

    async def aclose(self) -> None:
        """Close what hosts share: bastion connections, threads, pools."""
        ...


_OWN_TRANSPORTS = {
    "asyncssh": (".asyncssh.transport", "AsyncsshTransport"),
    "local": (".local_transport", "LocalTransport"),
    "paramiko": (".paramiko.transport", "ParamikoTransport"),
}
"""Name, module and class; pyproject.toml registers the same."""


def load_transport(name: str, settings: TransportSettings) -> Transport:
    """Make the transport registered as ``name``.

    Raises UsageError where there is none, listing those that there are, or where it cannot be
    imported; what the transport's own factory raises passes through (UsageError for settings that
    it does not support).
    """
    with transport_import(name):
        factory = _load_own(name) if name in _OWN_TRANSPORTS else _load_registered(name)
    return factory(settings)


@contextmanager
def transport_import(name: str) -> Iterator[None]:
    """Raise UsageError where the block cannot import what the transport ``name`` needs.

    An ImportError for want of memory passes through: that is no fault of the transport.
    """
    try:
        yield
    except ImportError as error:
        if describe_shortage(error) is not None:
            raise
        raise UsageError(f"transport {name!r} cannot be loaded: {error}") from error


def _load_own(name: str) -> Callable[[TransportSettings], Transport]:
    module, kind = _OWN_TRANSPORTS[name]
    factory: Callable[[TransportSettings], Transport] = getattr(
        import_module(module, __package__), kind
    )
    return factory


def _load_registered(name: str) -> Callable[[TransportSettings], Transport]:
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group="sockfleet.transports")}
    if name not in found:
        raise UsageError(f"no transport {name!r}{suggest(name, sorted(found))}")
    factory: Callable[[TransportSettings], Transport] = found[name].load()
    return factory
