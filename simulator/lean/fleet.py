"""A fleet of lean SSH servers, which cost much less than the clients that are measured on it.

One event loop runs thousands of hosts behind one socket. They support one key exchange, one type of
host key and AES-GCM, and prepare all answers in advance. Of the faults of `faulty.fleet.Fleet` they
have only ``unanswered``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import socket
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..fleet.folder import FleetFolder
from ..fleet.inventory_file import write_files
from ..fleet.listeners import allow_descriptors, bind_all, bind_loopback, open_port
from ..fleet.server_keys import ServerKey, fleet_keys, new_user_key
from ..scenario.faults import Fault
from ..scenario.scenario import Scenario, SimulatedHost
from .connection import LeanConnection, make_connection_factory
from .counts import LeanCounts
from .dialogue import LeanServer
from .host import LeanHost
from .key_exchange import HostKey
from .login import LoginRule

__all__ = ["LeanFleet", "collect_garbage_rarely"]

_BACKLOG = 4096
_GC_THRESHOLD = 100_000


class LeanFleet(FleetFolder):
    """The hosts of a scenario (`lean_scenario`), which run within the ``async with`` block.

    ``folder``, the files in it and the errors are those of `faulty.fleet.Fleet`. ``rtt_s`` is the
    simulated round-trip time in seconds. ``verify``: check the clients' signatures.
    """

    def __init__(
        self, scenario: Scenario, folder: Path, *, rtt_s: float = 0.0, verify: bool = False
    ) -> None:
        super().__init__(scenario, folder)
        self.counts = LeanCounts()
        self._rtt_s = rtt_s
        self._verify = verify
        self._by_address: dict[str, LeanHost] = {}
        self._connected: set[LeanConnection] = set()
        self._servers: list[asyncio.Server] = []
        self._closing = contextlib.ExitStack()

    @property
    def open_connections(self) -> int:
        """The number of connections that the hosts serve now."""
        return len(self._connected)

    def leak(self, sockets: int) -> None:
        """Add ``sockets`` sockets in TCP_CLOSE to each host."""
        self.hosts = tuple(host.with_leak(sockets) for host in self.hosts)
        for host in self.hosts:
            lean_host = self._by_address.get(self.addresses[host.name])
            if lean_host is not None:
                lean_host.show(host)

    def replace_host(self, host: SimulatedHost) -> None:
        """Let another machine answer at the address of the host of this name, with the same key.

        Its connections are lost, as when a machine is rebooted or cloned.
        """
        self._by_address[self.addresses[host.name]].show(host)
        for connection in tuple(self._connected):
            connection.abort()

    async def __aenter__(self) -> Self:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        allow_descriptors(max(soft, hard))
        dead = [host for host in self.hosts if host.fault is Fault.UNANSWERED]
        alive = [host for host in self.hosts if host.fault is not Fault.UNANSWERED]
        with contextlib.ExitStack() as opened:
            self.port, listeners = self._bind(alive, opened)
            dead_port = self._bind_dead(dead, opened) if dead else 0
            user_key = new_user_key()
            keys = fleet_keys(self.hosts, self.scenario.host_keys)
            write_files(self, user_key, keys, {host.name: dead_port for host in dead})
            self._by_address = self._prepare_hosts(alive, keys)
            await self._listen(listeners, user_key)
            self._closing = opened.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for server in self._servers:
            server.close()
        for connection in tuple(self._connected):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        self._closing.close()

    def _bind(
        self, hosts: list[SimulatedHost], opened: contextlib.ExitStack
    ) -> tuple[int, list[socket.socket]]:
        one = bind_loopback()
        if one is None:
            port, sockets = bind_all([self.addresses[host.name] for host in hosts])
        else:
            port, sockets = one.getsockname()[1], [one]
        for each in sockets:
            opened.enter_context(each)
        return port, sockets

    def _bind_dead(self, dead: list[SimulatedHost], opened: contextlib.ExitStack) -> int:
        port, sockets = self._bind(dead, opened)
        for one in sockets:
            for kept in open_port(one, Fault.UNANSWERED):
                opened.enter_context(kept)
        return port

    def _prepare_hosts(
        self, alive: list[SimulatedHost], keys: Mapping[str, ServerKey]
    ) -> dict[str, LeanHost]:
        ready: dict[int, HostKey] = {}  # by the key's identity: all hosts may share one
        prepared = {}
        for host in alive:
            key = keys[host.name].shown
            if id(key) not in ready:
                ready[id(key)] = HostKey(_get_private_key(key))
            prepared[self.addresses[host.name]] = LeanHost(host, ready[id(key)])
        return prepared

    async def _listen(self, listeners: list[socket.socket], user_key: asyncssh.SSHKey) -> None:
        public = _get_private_key(user_key).public_key().public_bytes_raw()
        login = LoginRule(self.scenario.user, public, self.counts, verify=self._verify)
        server = LeanServer(login=login, counts=self.counts)
        factory = make_connection_factory(
            self._by_address, server, self._connected, rtt_s=self._rtt_s
        )
        loop = asyncio.get_running_loop()
        for listener in listeners:
            self._servers.append(await loop.create_server(factory, sock=listener, backlog=_BACKLOG))


def collect_garbage_rarely() -> None:
    """Exclude the fleet's permanent objects from garbage collection, and make it rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


def _get_private_key(key: asyncssh.SSHKey | asyncssh.SSHKeyPair) -> Ed25519PrivateKey:
    private = key.pyca_key if isinstance(key, asyncssh.SSHKey) else None
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError(f"{key!r}: not an ed25519 key")
    return private
