"""How a login with asyncssh is prepared and made.

`Connector` imports this, and with it asyncssh, while the first host is connected to.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable

from ...core.record import record
from ...inventory.models import SshSettings
from ..ssh.credentials.public_key import blob_key_type
from ..ssh.credentials.store import Credentials
from ..ssh.host_keys.policy import HostKeyCheck
from ..ssh.negotiation import Offer, SupportedAlgorithms
from .agent import AgentKeys
from .client import ConnectionOptions, LoginPlan
from .client_by_version import load_client
from .connection import Connection
from .credentials import LoginCredentials, load_credentials
from .library import asyncssh
from .login import Ask, Login
from .options import connection_options

__all__ = ["Logins", "PreparedLogin"]


@record
class PreparedLogin:
    """Made once for all hosts with the same settings."""

    credentials: LoginCredentials
    plan: LoginPlan
    offer: Offer


class Logins:
    """Makes the logins of one scan and keeps the agents that they use."""

    def __init__(self) -> None:
        self._agents: dict[str, AgentKeys] = {}
        self._client = load_client()

    def prepare(
        self,
        ssh: SshSettings,
        store: Credentials,
        choose_offer: Callable[[SshSettings, SupportedAlgorithms], Offer],
        *,
        may_ask: bool,
    ) -> PreparedLogin:
        """As `SshConnector._prepare`."""
        offer = choose_offer(ssh, self._client.supported_algorithms())
        credentials = load_credentials(ssh, store, offer.signatures, may_ask=may_ask)
        options = connection_options(offer, credentials, may_ask=may_ask)
        return PreparedLogin(
            credentials=credentials,
            plan=LoginPlan(
                options=options,
                key_at_once=credentials.key_at_once,
                signed_at_once=credentials.signed_at_once,
            ),
            offer=offer,
        )

    async def log_in(
        self,
        connection: Connection,
        prepared: PreparedLogin,
        check: HostKeyCheck,
        host_keys: tuple[str, ...],
        *,
        ask: Ask | None,
        keepalive_s: float,
    ) -> None:
        """As `SshConnector._log_in`."""
        attempt, credentials = connection.attempt, prepared.credentials
        agent = None if credentials.agent is None else self._agent_keys(credentials.agent)
        login = Login(credentials, check, attempt, ask, connection.stream.budget, agent)
        connection.login = login
        own = ConnectionOptions(
            host=attempt.host.address,
            port=attempt.host.port,
            host_key_alias=check.identity.name,
            host_key_algorithms=host_keys,
            revoked_keys=_revoked(check),
            owner=login,
            keepalive_s=keepalive_s,
        )
        try:
            connection.ssh = await self._client.log_in(connection.stream, prepared.plan, own)
        finally:
            await login.aclose()

    async def aclose(self) -> None:
        """Give up listings of agents that are still waiting."""
        for agent in self._agents.values():
            await agent.aclose()

    def _agent_keys(self, path: str) -> AgentKeys:
        if path not in self._agents:
            self._agents[path] = AgentKeys(path)
        return self._agents[path]


def _revoked(check: HostKeyCheck) -> list[asyncssh.SSHKey]:
    """What asyncssh must refuse itself: a certificate's own key is shown to no callback."""
    return [key for blob in check.revoked_keys if (key := _public_key(blob)) is not None]


@functools.lru_cache(maxsize=1024)
def _public_key(blob: bytes) -> asyncssh.SSHKey | None:
    line = f"{blob_key_type(blob)} {base64.b64encode(blob).decode('ascii')}"
    try:
        return asyncssh.import_public_key(line)
    except asyncssh.KeyImportError:  # no server can show asyncssh a key of a type that it lacks
        return None
