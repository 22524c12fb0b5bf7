"""Python libraries over SSH implementations in C and Rust: parallel-ssh and hussh.

They are installed in a separate environment (`./dev bench compare` makes it), because they are no
dependencies of sockfleet. Neither checks the host's key against known_hosts by default.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from client_cpu import Peer
from fleet_target import CAT, Target

AT_ONCE = 100


def over_libssh2(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    from pssh.clients.native import ParallelSSHClient

    outputs = ParallelSSHClient(list(addresses), **_settings(target)).run_command(CAT)
    return [(output.host, "\n".join(output.stdout).encode()) for output in outputs]


def over_libssh(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    from pssh.clients.ssh import ParallelSSHClient

    outputs = ParallelSSHClient(list(addresses), **_settings(target)).run_command(CAT)
    return [(output.host, "\n".join(output.stdout).encode()) for output in outputs]


def _settings(target: Target) -> dict[str, object]:
    return {
        "user": target.user,
        "port": target.port,
        "pkey": target.identity,
        "pool_size": AT_ONCE,
        "allow_agent": False,
        "identity_auth": False,
        "num_retries": 1,
    }


def with_hussh(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    from hussh.aio import AsyncConnection

    async def one(address: str, slots: asyncio.Semaphore) -> tuple[str, bytes]:
        async with (
            slots,
            AsyncConnection(
                address, username=target.user, key_path=target.identity, port=target.port
            ) as connection,
        ):
            done = await connection.execute(CAT)
        return address, done.stdout.encode()

    async def everyone() -> list[tuple[str, bytes]]:
        slots = asyncio.Semaphore(AT_ONCE)
        return await asyncio.gather(*(one(address, slots) for address in addresses))

    return asyncio.run(everyone())


PEERS = (
    Peer(
        name="hussh",
        read_hosts=with_hussh,
        own_environment=True,
        setup=f"AsyncConnection (Rust); checks no host key, {AT_ONCE} at once",
    ),
    Peer(
        name="parallel-ssh",
        read_hosts=over_libssh2,
        own_environment=True,
        setup=f"ssh2-python (libssh2, C) with gevent; checks no host key, {AT_ONCE} at once",
    ),
    Peer(
        name="parallel-ssh on libssh",
        read_hosts=over_libssh,
        own_environment=True,
        setup=f"ssh-python (libssh, C) with gevent; checks no host key, {AT_ONCE} at once",
    ),
)
