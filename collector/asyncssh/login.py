"""One login with asyncssh: what its callbacks ask is answered here.

asyncssh asks for the host key's verdict and for what to log in with; on the way its callbacks tell
how far the handshake has come.
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
from ..ssh.host_keys.policy import HostKeyCheck
from ..transport import Attempt
from .library import asyncssh

__all__ = ["Ask", "Identity", "Login", "LoginCredentials"]

# These sign in one way each; an RSA key has several, and the server says which it takes.
_ONE_WAY = (
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
)


class Ask(Protocol):
    """Asks the user; time spent so is not the host's."""

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
        """As asyncssh takes it."""
        if self.certificate is not None:
            return (self.key, self.certificate)
        # A key pair remembers the signature algorithm of its server: where there is more than one
        # to remember, asyncssh makes one for each login.
        if self.key.algorithm in _ONE_WAY:
            return asyncssh.load_keypairs([self.key])[0]
        return self.key


@record
class LoginCredentials:
    """What there is to log in with, made once for all hosts with the same settings."""

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
        """Whether the first key offered is one that needs nothing from the server before."""
        return (
            bool(self.identities)
            and not self.agent_first
            and self.identities[0].key.algorithm in _ONE_WAY
        )

    @property
    def signed_at_once(self) -> bool:
        """Whether there is one key alone, which nobody has to touch or to type a secret for."""
        if len(self.identities) != 1 or self.agent is not None:
            return False
        return not self.identities[0].key.algorithm.startswith(b"sk-")


class Login(asyncssh.SSHClient):
    """The callbacks of one connection; ``offered`` and ``refusal`` tell afterwards what happened.

    asyncssh swallows exceptions of a verdict into one of its own, so a refused host key is kept in
    ``refusal``.
    """

    def __init__(
        self,
        means: LoginCredentials,
        check: HostKeyCheck,
        attempt: Attempt,
        ask: Ask | None,
    ) -> None:
        self.user = means.user
        self.offered: list[str] = []
        self.refusal: HostError | None = None
        self.banner = ""
        self.agent_trouble: str | None = None
        self._means = means
        self._check = check
        self._attempt = attempt
        self._ask = ask
        self._agent: asyncssh.SSHAgentClient | None = None
        self._identities_left = means.identities
        self._sources_tried = 0
        self._password_tried = False
        self._questions_tried = False

    # How far it came.

    def begin_auth(self, username: str) -> None:
        """The key exchange is done and the host key accepted."""
        del username
        self._attempt.phase = Phase.AUTH

    def auth_completed(self) -> None:
        """Logged in."""
        self._attempt.phase = Phase.SESSION

    def auth_banner_received(self, msg: str, lang: str) -> None:
        """What the server shows before the login, kept for the message of a refusal."""
        del lang
        self.banner = msg

    # The host key: asyncssh is given no known_hosts, so that it asks about every key.

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Whether the host key is trusted, or is from now on."""
        del host, addr, port
        return self._accepted(
            lambda: self._check.check_key(key.algorithm.decode("ascii"), key.public_data)
        )

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether ``key`` may certify this host; asyncssh judges the certificate itself."""
        del host, addr, port
        return self._accepted(lambda: self._check.check_authority(key.public_data))

    def _accepted(self, verdict: Callable[[], None]) -> bool:
        try:
            verdict()
        except HostError as error:
            self.refusal = error
            return False
        return True

    # Keys: those that the user named, then what else the agent has.

    def public_key_auth_requested(  # type: ignore[override]  # object stands for its union of key kinds
        self,
    ) -> Sequence[object] | Awaitable[Sequence[object] | None] | None:
        """The next keys to offer; called again when all of them were refused."""
        if self._means.agent is None:  # nothing to wait for
            return self._file_keys() or None
        return self._next_keys()

    async def _next_keys(self) -> Sequence[object] | None:
        while self._sources_tried < len(self._SOURCES):
            self._sources_tried += 1
            keys = await self._SOURCES[self._sources_tried - 1](self)
            if keys:
                return keys
        return None

    def _file_keys(self) -> Sequence[object]:
        """The keys read from files; once."""
        identities, self._identities_left = self._identities_left, ()
        self.offered += [identity.path for identity in identities]
        return [identity.offer for identity in identities]

    async def _keys_of_files(self) -> Sequence[object]:
        return self._file_keys()

    async def _named_agent_keys(self) -> Sequence[object]:
        wanted = self._means.agent_first
        if not wanted:
            return ()
        named = [key for key in await self._agent_keys() if key.public_data in wanted]
        return self._offering(sorted(named, key=lambda key: wanted.index(key.public_data)))

    async def _other_agent_keys(self) -> Sequence[object]:
        if not self._means.agent_others:
            return ()
        known = {identity.key.public_data for identity in self._means.identities}
        known.update(self._means.agent_first)
        return self._offering(
            [key for key in await self._agent_keys() if key.public_data not in known]
        )

    _SOURCES = (_named_agent_keys, _keys_of_files, _other_agent_keys)

    def _offering(self, keys: Sequence[asyncssh.SSHKeyPair]) -> Sequence[object]:
        self.offered += [f"{key.get_comment() or '?'} (agent)" for key in keys]
        return keys

    async def _agent_keys(self) -> Sequence[asyncssh.SSHKeyPair]:
        if self._means.agent is None:
            return ()
        if self._agent is None:
            # Its own connection to the agent: a login that is cancelled in the middle of a request
            # would leave the answer in a shared one.
            self._agent = asyncssh.SSHAgentClient(self._means.agent)
        try:
            return await self._agent.get_keys()
        except ValueError as error:
            self.agent_trouble = f"the agent at {self._means.agent}: {error}"
            return ()

    # Passwords.

    async def password_auth_requested(self) -> str | None:
        """The password, once."""
        if self._password_tried:
            return None
        self._password_tried = True
        secret = self._means.password or await self._asked(f"{self._means.user}'s password: ")
        if secret is None:
            return None
        self.offered.append("password")
        return secret.reveal()

    def kbdint_auth_requested(self) -> str | None:
        """Whether the server's questions can be answered; once, however often it offers to ask."""
        if self._questions_tried or (self._means.password is None and self._ask is None):
            return None
        self._questions_tried = True
        return ""

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Answers to the server's questions: the password to a hidden one, else the user's own."""
        del name, instructions, lang
        answers: list[str] = []
        for prompt, shown in prompts:
            secret: Secret | None = None
            if self._means.password is not None and not shown and not self._password_tried:
                self._password_tried = True
                secret = self._means.password
            else:
                secret = await self._asked(clean(prompt))
            if secret is None:
                return None
            answers.append(secret.reveal())
        if answers:
            self.offered.append("keyboard-interactive")
        return answers

    async def _asked(self, prompt: str) -> Secret | None:
        return None if self._ask is None else await self._ask(prompt)

    async def aclose(self) -> None:
        """Close the connection to the agent, if there is one."""
        if self._agent is not None:
            self._agent.close()
            await self._agent.wait_closed()
            self._agent = None

    @property
    def agent_hint(self) -> bool:
        """Whether an agent runs that was not asked."""
        return self._means.agent is None and bool(os.environ.get("SSH_AUTH_SOCK"))
