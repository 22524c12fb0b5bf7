"""A fleet of real SSH servers on loopback, in this event loop, and the files to reach it with.

    async with Fleet(scenario, folder) as fleet:
        …  # scan fleet.inventory with fleet.known_hosts; compare with fleet.hosts

Every address of 127.0.0.0/8 is this machine (RFC 6890), so each host has an address of its own,
and one port serves all.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh

from .early_faults import EARLY, play_early
from .errors import SimulatorError
from .faults import Fault
from .inventory_file import inventory_text, known_hosts_text
from .listeners import bind_all, open_port
from .scenario import HostKeys, Scenario, SimulatedHost
from .server_keys import ServerKey, server_key
from .ssh_host import SshHost

__all__ = ["Fleet"]

_FIRST_ADDRESS = int(IPv4Address("127.64.0.1"))
_SPARE_DESCRIPTORS = 256


class Fleet:
    """The hosts of one scenario; from entering to leaving they answer.

    ``folder`` must exist. It gets ``inventory.yml``, ``known_hosts`` and the private key
    ``id_ed25519`` (readable by its owner alone) and its ``.pub``. Entering raises ScenarioError
    or SimulatorError, before any host listens.
    """

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.hosts: tuple[SimulatedHost, ...] = scenario.hosts()
        """What each host holds: the truth to compare a scan with."""
        self.folder = folder
        self.inventory = folder / "inventory.yml"
        self.known_hosts = folder / "known_hosts"
        self.identity = folder / "id_ed25519"
        self.port = 0
        """The one port of all hosts; known once the fleet is entered."""
        self.addresses = {
            host.name: str(IPv4Address(_FIRST_ADDRESS + number))
            for number, host in enumerate(self.hosts)
        }
        """Address by host name."""
        self._closing = contextlib.ExitStack()
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def open_connections(self) -> int:
        """Connections that some host is serving now."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        _allow_descriptors(len(self.hosts) + _SPARE_DESCRIPTORS)
        with contextlib.ExitStack() as opened:
            self.port, listeners = bind_all(list(self.addresses.values()))
            for listener in listeners:
                opened.enter_context(listener)
            user_key = asyncssh.generate_private_key("ssh-ed25519", comment="sockfleet-simulator")
            host_keys = _host_keys(self.scenario.host_keys)
            keys = {host.name: server_key(next(host_keys), host.fault) for host in self.hosts}
            self._write_files(user_key, keys)
            neighbours = frozenset(self.addresses.values())
            for host, listener in zip(self.hosts, listeners, strict=True):
                ssh_host = SshHost(
                    host,
                    self.scenario,
                    key=keys[host.name],
                    user_key=user_key,
                    neighbours=neighbours,
                )
                self._open(ssh_host, listener, opened)
            self._closing = opened.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.close()
        going = tuple(self._connections)
        for connection in going:
            connection.cancel()
        await asyncio.gather(*going, return_exceptions=True)

    def _write_files(self, user_key: asyncssh.SSHKey, keys: dict[str, ServerKey]) -> None:
        self.identity.unlink(missing_ok=True)
        self.identity.touch(mode=0o600)
        self.identity.write_bytes(user_key.export_private_key())
        self.identity.with_suffix(".pub").write_bytes(user_key.export_public_key())
        self.known_hosts.write_text(known_hosts_text(self.hosts, self.addresses, self.port, keys))
        self.inventory.write_text(
            inventory_text(
                self.hosts,
                self.addresses,
                port=self.port,
                user=self.scenario.user,
                identity=self.identity.absolute(),
            )
        )

    def _open(self, host: SshHost, listener: socket.socket, opened: contextlib.ExitStack) -> None:
        loop = asyncio.get_running_loop()
        fault = host.host.fault
        for kept in open_port(listener, fault):
            opened.enter_context(kept)
        if fault not in {Fault.REFUSED, Fault.UNANSWERED}:
            loop.add_reader(listener, self._accept, host, listener)
            opened.callback(loop.remove_reader, listener)

    def _accept(self, host: SshHost, listener: socket.socket) -> None:
        # One at a time: the loop calls again while more are waiting, and hosts take turns.
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # gone again, or out of descriptors: the caller waits in the queue
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.create_task(_serve(host, connection))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)


async def _serve(host: SshHost, connection: socket.socket) -> None:
    fault = host.host.fault
    with contextlib.suppress(asyncssh.Error, OSError), connection:
        if fault in EARLY and fault is not None:
            await play_early(connection, fault)
        else:
            await host.serve(connection)


def _host_keys(kind: HostKeys) -> Iterator[asyncssh.SSHKey]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    while True:
        yield key
        if kind is HostKeys.OWN:
            key = asyncssh.generate_private_key("ssh-ed25519")


def _allow_descriptors(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if needed <= soft or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise SimulatorError(
            f"the fleet needs {needed} descriptors and the limit is {hard}: "
            "ask for fewer hosts, or raise it (ulimit -Hn)"
        )
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else hard, hard)
    )
