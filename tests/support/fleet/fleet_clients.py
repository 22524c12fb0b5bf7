"""Other SSH clients, so that simulated fleets are not tested only with the product."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

from sockfleet.simulator.fleet.folder import FleetFolder

ONE_HOST = "roles: {web: {profile: web}}"


def ssh_command(fleet: FleetFolder, name: str, command: str, **options: str) -> list[str]:
    """The command line of OpenSSH's client for one host of a fleet, without the user's settings."""
    settings = {"UserKnownHostsFile": str(fleet.known_hosts), "BatchMode": "yes", **options}
    words = ["ssh", "-F", "none", "-i", str(fleet.identity), "-p", str(fleet.port)]
    for key, value in settings.items():
        words += ["-o", f"{key}={value}"]
    return [*words, f"{fleet.scenario.user}@{fleet.addresses[name]}", command]


async def output_of(command: list[str], text: bytes = b"") -> tuple[int, bytes, bytes]:
    """Run a client with ``text`` on stdin; return its exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    stdout, stderr = await process.communicate(text)
    return process.returncode, stdout, stderr


@asynccontextmanager
async def connected(
    fleet: FleetFolder,
    address: str,
    *,
    user: str | None = None,
    key: Path | None = None,
    checked: bool = True,
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection of plain asyncssh that checks the host key by the fleet's known_hosts."""
    async with asyncssh.connect(
        address,
        fleet.port,
        username=user or fleet.scenario.user,
        client_keys=[str(key or fleet.identity)],
        known_hosts=str(fleet.known_hosts) if checked else None,
        config=None,
        agent_path=None,
    ) as connection:
        yield connection
