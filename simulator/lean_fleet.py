"""A fleet of lean SSH servers: far cheaper than the clients that are measured on it.

One event loop plays thousands of hosts behind one socket. They know one key exchange, one kind of
host key and AES-GCM, hold all their answers ready, and have none of the faults of `fleet.Fleet`
but that of hosts which answer nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .faults import Fault
from .inventory_file import FleetFiles, host_addresses
from .lean_connection import LeanConnection, connections_to
from .lean_counts import LeanCounts
from .lean_dialogue import LeanServer
from .lean_host import LeanHost
from .lean_key_exchange import HostKey
from .lean_login import LoginRule
from .listeners import allow_descriptors, bind_all, bind_loopback, open_port
from .scenario import Scenario, SimulatedHost
from .server_keys import host_keys, server_key

__all__ = ["LeanFleet"]

_BACKLOG = 4096
_FEW_COLLECTIONS = 100_000


class LeanFleet:
    """The hosts of a scenario (`lean_scenario`); from entering to leaving they answer.

    ``folder``, the files in it and the errors are those of `fleet.Fleet`. ``rtt_s`` is the
    round-trip time that is played. ``verify``: the clients' signatures are checked.
    """

    def __init__(
        self, scenario: Scenario, folder: Path, *, rtt_s: float = 0.0, verify: bool = False
    ) -> None:
        self.scenario = scenario
        self.hosts: tuple[SimulatedHost, ...] = scenario.hosts()
        """What each host holds: the truth to compare a scan with."""
        self.folder = folder
        self._files = FleetFiles(folder=folder)
        self.inventory = self._files.inventory
        self.known_hosts = self._files.known_hosts
        self.identity = self._files.identity
        self.port = 0
        """The port of all hosts that answer; known once the fleet is entered."""
        self.addresses = host_addresses(self.hosts)
        """Address by host name."""
        self.counts = LeanCounts()
        self._rtt_s = rtt_s
        self._verify = verify
        self._by_address: dict[str, LeanHost] = {}
        self._connected: set[LeanConnection] = set()
        self._servers: list[asyncio.Server] = []
        self._closing = contextlib.ExitStack()

    @property
    def open_connections(self) -> int:
        """Connections that some host is serving now."""
        return len(self._connected)

    def leak(self, sockets: int) -> None:
        """Let each host hold so many more sockets in TCP_CLOSE from now on."""
        self.hosts = tuple(host.leaking(sockets) for host in self.hosts)
        for host in self.hosts:
            lean_host = self._by_address.get(self.addresses[host.name])
            if lean_host is not None:
                lean_host.hold(host)

    async def __aenter__(self) -> Self:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        allow_descriptors(max(soft, hard))
        dead = [host for host in self.hosts if host.fault is Fault.UNANSWERED]
        alive = [host for host in self.hosts if host.fault is not Fault.UNANSWERED]
        with contextlib.ExitStack() as opened:
            self.port, listeners = _bound([self.addresses[host.name] for host in alive])
            for listener in listeners:
                opened.enter_context(listener)
            dead_port = self._let_drop(dead, opened) if dead else 0
            user_key = asyncssh.generate_private_key("ssh-ed25519", comment="sockfleet-simulator")
            fresh_keys = host_keys(self.scenario.host_keys)
            keys = {host.name: server_key(next(fresh_keys), host.fault) for host in self.hosts}
            self._files.write(
                self.hosts,
                self.addresses,
                port=self.port,
                user=self.scenario.user,
                user_key=user_key,
                host_keys=keys,
                other_ports={host.name: dead_port for host in dead},
            )
            ready: dict[int, HostKey] = {}
            for host in alive:
                key = keys[host.name].shown
                host_key = ready.setdefault(id(key), HostKey(_private(key)))
                self._by_address[self.addresses[host.name]] = LeanHost(host, host_key)
            login = LoginRule(
                self.scenario.user,
                _private(user_key).public_key().public_bytes_raw(),
                self.counts,
                verify=self._verify,
            )
            server = LeanServer(login=login, counts=self.counts)
            factory = connections_to(self._by_address, server, self._connected, rtt_s=self._rtt_s)
            loop = asyncio.get_running_loop()
            for listener in listeners:
                self._servers.append(
                    await loop.create_server(factory, sock=listener, backlog=_BACKLOG)
                )
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

    def _let_drop(self, dead: list[SimulatedHost], opened: contextlib.ExitStack) -> int:
        port, sockets = _bound([self.addresses[host.name] for host in dead])
        for one in sockets:
            opened.enter_context(one)
            for kept in open_port(one, Fault.UNANSWERED):
                opened.enter_context(kept)
        return port


def collect_rarely() -> None:
    """Spare the process the search for garbage among what it keeps for good."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_FEW_COLLECTIONS)


def _bound(addresses: list[str]) -> tuple[int, list[socket.socket]]:
    one = bind_loopback()
    if one is None:
        return bind_all(addresses)
    return one.getsockname()[1], [one]


def _private(key: asyncssh.SSHKey | asyncssh.SSHKeyPair) -> Ed25519PrivateKey:
    private = key.pyca_key if isinstance(key, asyncssh.SSHKey) else None
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError(f"{key!r}: not an ed25519 key")
    return private
