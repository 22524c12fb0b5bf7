"""The keys of an ssh-agent, and the connections over which they sign."""

from __future__ import annotations

from collections.abc import Sequence

from ..agent_listing import AgentListings
from ..runtime.daemon_threads import DaemonThreads
from ..ssh.credentials.public_key import blob_key_type
from .slim_import import asyncssh

__all__ = ["AgentSigner"]


class AgentSigner:
    """Signs for one login, over its own connection to the agent, opened for the first signature.

    A login that is cancelled in the middle of a request would leave the answer in a shared one.
    """

    def __init__(self, path: str, listings: AgentListings, threads: DaemonThreads) -> None:
        self._path = path
        self._listings = listings
        self._threads = threads
        self._client = asyncssh.SSHAgentClient(path)

    async def list(self) -> Sequence[asyncssh.SSHKeyPair]:
        """The agent's keys, which sign over this connection; raises as `AgentListings.list`."""
        listed = self._listings.find(self._path)
        if listed is None:
            listed = await self._threads.run(lambda: self._listings.list(self._path))
        return [
            asyncssh.SSHAgentKeyPair(self._client, kind.encode(), key.blob, key.comment)
            for key in listed
            if (kind := blob_key_type(key.blob)) is not None
        ]

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        self._client.close()
        await self._client.wait_closed()
