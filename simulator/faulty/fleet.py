"""A fleet of real SSH servers on loopback, in this event loop, and the files of its clients.

    async with Fleet(scenario, folder) as fleet:
        …  # scan fleet.inventory with fleet.known_hosts; compare with fleet.hosts

Every address of 127.0.0.0/8 is this machine (RFC 6890), so each host has an address of its own,
and one port serves all.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh

from ..fleet.folder import FleetFolder
from ..fleet.inventory_file import write_files
from ..fleet.listeners import allow_descriptors, bind_all, open_port
from ..fleet.server_keys import fleet_keys, new_user_key
from ..scenario.faults import Fault
from ..scenario.scenario import Scenario
from .early_faults import EARLY_FAULTS, play_early_fault
from .ssh_host import SshHost

__all__ = ["Fleet"]

_SPARE_DESCRIPTORS = 256


class Fleet(FleetFolder):
    """The hosts of one scenario, which run within the ``async with`` block.

    ``folder`` must exist. It gets ``inventory.yml``, ``known_hosts``, the private key
    ``id_ed25519`` (readable only by its owner) and its ``.pub``. Entering the block raises
    ScenarioError or SimulatorError, before any host listens.
    """

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        super().__init__(scenario, folder)
        self._closing = contextlib.ExitStack()
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def open_connections(self) -> int:
        """The number of connections that the hosts serve now."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        allow_descriptors(len(self.hosts) + _SPARE_DESCRIPTORS)
        with contextlib.ExitStack() as opened:
            self.port, listeners = bind_all(list(self.addresses.values()))
            for listener in listeners:
                opened.enter_context(listener)
            user_key = new_user_key()
            keys = fleet_keys(self.hosts, self.scenario.host_keys)
            write_files(self, user_key, keys)
            neighbours = frozenset(self.addresses.values())
            for host, listener in zip(self.hosts, listeners, strict=True):
                ssh_host = SshHost(
                    host,
                    self.scenario,
                    key=keys[host.name],
                    user_key=user_key,
                    neighbours=neighbours,
                )
                self._start_host(ssh_host, listener, opened)
            self._closing = opened.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.close()
        open_connections = tuple(self._connections)
        for connection in open_connections:
            connection.cancel()
        await asyncio.gather(*open_connections, return_exceptions=True)

    def _start_host(
        self, host: SshHost, listener: socket.socket, opened: contextlib.ExitStack
    ) -> None:
        loop = asyncio.get_running_loop()
        fault = host.host.fault
        for kept in open_port(listener, fault):
            opened.enter_context(kept)
        if fault not in {Fault.REFUSED, Fault.UNANSWERED}:
            loop.add_reader(listener, self._accept, host, listener)
            opened.callback(loop.remove_reader, listener)

    def _accept(self, host: SshHost, listener: socket.socket) -> None:
        # One per call: the loop calls again while more are waiting, so that hosts alternate.
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the client has closed, or no descriptor is free: the client waits in the queue
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.create_task(_serve(host, connection))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)


async def _serve(host: SshHost, connection: socket.socket) -> None:
    fault = host.host.fault
    with contextlib.suppress(asyncssh.Error, OSError), connection:
        if fault in EARLY_FAULTS and fault is not None:
            await play_early_fault(connection, fault)
        else:
            await host.serve(connection)
