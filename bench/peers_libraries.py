"""asyncssh by its public API and paramiko in threads: the libraries that sockfleet uses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from client_cpu import Peer
from fleet_target import CAT, Target

TASKS, THREADS = 100, 32


def with_asyncssh(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    import asyncssh

    async def one(
        address: str, known: asyncssh.SSHKnownHosts, slots: asyncio.Semaphore
    ) -> tuple[str, bytes]:
        async with (
            slots,
            asyncssh.connect(
                address,
                target.port,
                username=target.user,
                client_keys=[target.identity],
                known_hosts=known,
            ) as connection,
        ):
            done = await connection.run(CAT, encoding=None, check=True)
        assert isinstance(done.stdout, bytes)
        return address, done.stdout

    async def everyone() -> list[tuple[str, bytes]]:
        known = asyncssh.read_known_hosts(target.known_hosts)
        slots = asyncio.Semaphore(TASKS)
        return await asyncio.gather(*(one(address, known, slots) for address in addresses))

    return asyncio.run(everyone())


def with_paramiko(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    import paramiko

    key = paramiko.Ed25519Key.from_private_key_file(target.identity)
    known = paramiko.HostKeys(target.known_hosts)

    def one(address: str) -> tuple[str, bytes]:
        name = f"[{address}]:{target.port}"
        with paramiko.SSHClient() as client:
            for kind, host_key in (known.lookup(name) or {}).items():
                client.get_host_keys().add(name, kind, host_key)
            client.connect(
                address,
                target.port,
                username=target.user,
                pkey=key,
                allow_agent=False,
                look_for_keys=False,
                # A connected socket, so that no name lookup happens for an address.
                sock=socket.create_connection((address, target.port)),
            )
            _, stdout, _ = client.exec_command(CAT)
            return address, stdout.read()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(one, addresses))


PEERS = (
    Peer(
        name="asyncssh",
        read_hosts=with_asyncssh,
        setup=f"public API; known_hosts parsed once, no agent, {TASKS} at once",
    ),
    Peer(
        name="paramiko",
        read_hosts=with_paramiko,
        setup=f"SSHClient; key and known_hosts parsed once, no agent, {THREADS} threads",
    ),
)
