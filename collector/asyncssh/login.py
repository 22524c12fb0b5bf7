"""The callbacks of one login with asyncssh.

asyncssh calls them to check the host key, to get credentials, and when a step of the handshake is
done.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from ...core.record import record
from ...core.text import clean
from ...inventory.models import Secret
from ..errors import HostError, Phase
from ..ssh.byte_budget import MOST_PROMPTS
from ..ssh.host_keys.policy import HostKeyCheck
from ..transport import Attempt
from .library import asyncssh

__all__ = ["Ask", "Identity", "Login", "LoginCredentials"]

# Each has one signature algorithm; an RSA key has several, and the server says which it accepts.
_ONE_SIGNATURE_ALGORITHM = (
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
)


class Ask(Protocol):
    """Asks the user; the time until the answer does not count against the host."""

    async def __call__(self, prompt: str) -> Secret | None: ...


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A private key, read and decrypted."""

    path: str
    key: asyncssh.SSHKey
    certificate: asyncssh.SSHCertificate | None = None
    """Offered before the bare key."""

    @cached_property
    def offer(self) -> object:
        """The key in a form that asyncssh accepts."""
        if self.certificate is not None:
            return (self.key, self.certificate)
        # A key pair stores the signature algorithm chosen with a server, so it is shared only
        # where there is one; asyncssh makes a pair for each login from a bare key.
        if self.key.algorithm in _ONE_SIGNATURE_ALGORITHM:
            return asyncssh.load_keypairs([self.key])[0]
        return self.key


@record
class LoginCredentials:
    """What a login can use, loaded once for all hosts with the same settings."""

    user: str
    identities: tuple[Identity, ...] = ()
    agent: str | None = None
    """Path of the agent's socket."""
    agent_first: tuple[bytes, ...] = ()
    """Public keys that the user named and only the agent can use: offered before all others."""
    agent_others: bool = True
    """Whether the agent's other keys are offered too, after the identities."""
    password: Secret | None = field(default=None, repr=False)
    gssapi: bool = False

    @property
    def key_at_once(self) -> bool:
        """Whether the first key to offer depends on nothing that the server says."""
        return (
            bool(self.identities)
            and not self.agent_first
            and self.identities[0].key.algorithm in _ONE_SIGNATURE_ALGORITHM
        )

    @property
    def signed_at_once(self) -> bool:
        """Whether there is a single key, and it signs without a touch or a typed secret."""
        if len(self.identities) != 1 or self.agent is not None:
            return False
        return not self.identities[0].key.algorithm.startswith(b"sk-")


class Login(asyncssh.SSHClient):
    """The callbacks of one connection, and what they saw.

    asyncssh replaces the exception of a failed host key check by one of its own, so ours is kept
    in ``refusal``. Texts of the server and of the agent are kept as they came.
    """

    def __init__(
        self,
        credentials: LoginCredentials,
        check: HostKeyCheck,
        attempt: Attempt,
        ask: Ask | None,
    ) -> None:
        self.user = credentials.user
        self.offered: list[str] = []
        self.refusal: HostError | None = None
        self.banner = ""
        self.agent_trouble: str | None = None
        self._credentials = credentials
        self._check = check
        self._attempt = attempt
        self._ask = ask
        self._agent: asyncssh.SSHAgentClient | None = None
        self._identities_left = credentials.identities
        self._sources_tried = 0
        self._password_tried = False
        self._questions_tried = False

    # Progress.

    def begin_auth(self, username: str) -> None:
        """The key exchange is done and the host key accepted."""
        del username
        self._attempt.phase = Phase.AUTH

    def auth_completed(self) -> None:
        """Logged in."""
        self._attempt.phase = Phase.SESSION

    def auth_banner_received(self, msg: str, lang: str) -> None:
        """Keep the server's banner for the message of a refusal."""
        del lang
        self.banner = msg

    # The host key: asyncssh gets no known_hosts, so it calls these for every key.

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Whether the host key is trusted, or is accepted now and trusted from here on."""
        del host, addr, port
        return self._accept(
            lambda: self._check.check_key(key.algorithm.decode("ascii"), key.public_data)
        )

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether ``key`` may certify this host; asyncssh checks the certificate itself."""
        del host, addr, port
        return self._accept(lambda: self._check.check_authority(key.public_data))

    def _accept(self, check: Callable[[], None]) -> bool:
        try:
            check()
        except HostError as error:
            self.refusal = error
            return False
        return True

    # Keys: the agent's that the user named, those of files, then the agent's others.

    def public_key_auth_requested(  # type: ignore[override]  # object stands for its union of key kinds
        self,
    ) -> Sequence[object] | Awaitable[Sequence[object] | None] | None:
        """The next keys to offer; called again when all of them were refused."""
        if self._credentials.agent is None:  # no task: there is nothing to wait for
            return self._take_file_keys() or None
        return self._next_keys()

    async def _next_keys(self) -> Sequence[object] | None:
        while self._sources_tried < len(self._SOURCES):
            self._sources_tried += 1
            keys = await self._SOURCES[self._sources_tried - 1](self)
            if keys:
                return keys
        return None

    def _take_file_keys(self) -> Sequence[object]:
        """The keys of files; none the second time."""
        identities, self._identities_left = self._identities_left, ()
        self.offered += [identity.path for identity in identities]
        return [identity.offer for identity in identities]

    async def _keys_of_files(self) -> Sequence[object]:
        return self._take_file_keys()

    async def _named_agent_keys(self) -> Sequence[object]:
        wanted = self._credentials.agent_first
        if not wanted:
            return ()
        named = [key for key in await self._agent_keys() if key.public_data in wanted]
        return self._offer(sorted(named, key=lambda key: wanted.index(key.public_data)))

    async def _other_agent_keys(self) -> Sequence[object]:
        if not self._credentials.agent_others:
            return ()
        known = {identity.key.public_data for identity in self._credentials.identities}
        known.update(self._credentials.agent_first)
        return self._offer(
            [key for key in await self._agent_keys() if key.public_data not in known]
        )

    _SOURCES = (_named_agent_keys, _keys_of_files, _other_agent_keys)

    def _offer(self, keys: Sequence[asyncssh.SSHKeyPair]) -> Sequence[object]:
        self.offered += [f"{key.get_comment() or '?'} (agent)" for key in keys]
        return keys

    async def _agent_keys(self) -> Sequence[asyncssh.SSHKeyPair]:
        if self._credentials.agent is None:
            return ()
        if self._agent is None:
            # Its own connection to the agent: a login that is cancelled in the middle of a request
            # would leave the answer in a shared one.
            self._agent = asyncssh.SSHAgentClient(self._credentials.agent)
        try:
            return await self._agent.get_keys()
        except ValueError as error:
            self.agent_trouble = f"the agent at {self._credentials.agent}: {error}"
            return ()

    # Passwords.

    async def password_auth_requested(self) -> str | None:
        """The password, once."""
        if self._password_tried:
            return None
        self._password_tried = True
        secret = self._credentials.password or await self._ask_user(
            f"{self._credentials.user}'s password: "
        )
        if secret is None:
            return None
        self.offered.append("password")
        return secret.reveal()

    def kbdint_auth_requested(self) -> str | None:
        """An empty list of submethods where prompts can be answered; None the second time."""
        if self._questions_tried or (self._credentials.password is None and self._ask is None):
            return None
        self._questions_tried = True
        return ""

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Answer prompts: a hidden one with the password, once, others with the user's answers."""
        del name, instructions, lang
        if len(prompts) > MOST_PROMPTS:
            raise asyncssh.ProtocolError(f"it sends {len(prompts)} prompts at once")
        answers: list[str] = []
        for prompt, shown in prompts:
            secret: Secret | None = None
            if self._credentials.password is not None and not shown and not self._password_tried:
                self._password_tried = True
                secret = self._credentials.password
            else:
                secret = await self._ask_user(clean(prompt))
            if secret is None:
                return None
            answers.append(secret.reveal())
        if answers:
            self.offered.append("keyboard-interactive")
        return answers

    async def _ask_user(self, prompt: str) -> Secret | None:
        return None if self._ask is None else await self._ask(prompt)

    async def aclose(self) -> None:
        """Close the connection to the agent, if there is one."""
        if self._agent is not None:
            self._agent.close()
            await self._agent.wait_closed()
            self._agent = None

    @property
    def agent_hint(self) -> bool:
        """Whether an agent runs that this login may not use."""
        return self._credentials.agent is None and bool(os.environ.get("SSH_AUTH_SOCK"))
