"""The keys of an ssh-agent, and the connections over which they sign."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from .library import asyncssh

__all__ = ["AgentKeys", "AgentSigner"]


class AgentKeys:
    """The keys of one agent. Belongs to one event loop."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._listing: asyncio.Task[Sequence[asyncssh.SSHKeyPair]] | None = None

    async def list(self) -> Sequence[asyncssh.SSHKeyPair]:
        """Its keys; the first caller contacts it. Raises ValueError where it does not answer."""
        if self._listing is None:
            self._listing = asyncio.create_task(self._list())
        # One login that is cancelled does not take the answer from the others.
        return await asyncio.shield(self._listing)

    async def _list(self) -> Sequence[asyncssh.SSHKeyPair]:
        client = asyncssh.SSHAgentClient(self.path)
        try:
            return await client.get_keys()
        finally:
            client.close()
            await client.wait_closed()

    async def aclose(self) -> None:
        """Give up a listing that is still waiting."""
        if self._listing is not None and not self._listing.done():
            self._listing.cancel()
            await asyncio.wait([self._listing])


class AgentSigner:
    """Signs for one login, over its own connection to the agent, opened for the first signature.

    A login that is cancelled in the middle of a request would leave the answer in a shared one.
    """

    def __init__(self, keys: AgentKeys) -> None:
        self._keys = keys
        self._client = asyncssh.SSHAgentClient(keys.path)

    async def list(self) -> Sequence[asyncssh.SSHKeyPair]:
        """The agent's keys, which sign over this connection; raises as `AgentKeys.list`.

        An agent without keys is not contacted again.
        """
        return await self._client.get_keys() if await self._keys.list() else ()

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        self._client.close()
        await self._client.wait_closed()
