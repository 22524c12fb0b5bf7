"""The callbacks of one login with asyncssh.

asyncssh calls them to check the host key, to get credentials, and when a step of the handshake is
done.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ...core.text import clean
from ...inventory.models import Secret
from ..agent_listing import AgentError
from ..errors import HostError, Phase
from ..ssh.algorithms import may_sign
from ..ssh.byte_budget import MOST_PROMPTS, ByteBudget
from ..ssh.host_keys.policy import HostKeyCheck
from ..transport import Attempt
from .agent import AgentSigner
from .client import LoginOwner
from .credentials import LoginCredentials
from .slim_import import asyncssh

__all__ = ["Ask", "Login"]


class Ask(Protocol):
    """Asks the user; the time until the answer does not count against the host."""

    async def __call__(self, prompt: str) -> Secret | None: ...


class Login(LoginOwner):
    """The callbacks of one connection, and what they saw.

    asyncssh replaces the exception of a failed host key check by one of its own, so ours is kept
    in ``refusal``. Texts of the server and of the agent are kept as they came.

    A server that accepts a key or a password and wants another method besides answers as if it had
    refused. `fast_connection` sees the difference. `public_api_connection` does not, but there
    asyncssh requests a method again after each refusal, unless the server no longer lists it.
    """

    def __init__(
        self,
        credentials: LoginCredentials,
        check: HostKeyCheck,
        attempt: Attempt,
        ask: Ask | None,
        budget: ByteBudget,
        agent: AgentSigner | None = None,
    ) -> None:
        """``agent``: the agent of the credentials, where they have one."""
        self.user = credentials.user
        self.offered: list[str] = []
        """What the server judged: titles of keys, ``password``, ``keyboard-interactive``.

        With `public_api_connection` also RSA keys that asyncssh did not send, as the server takes
        none of their signatures.
        """
        self.refusal: HostError | None = None
        self.banner = ""
        self.agent_trouble: str | None = None
        self._credentials = credentials
        self._check = check
        self._attempt = attempt
        self._ask = ask
        self._budget = budget
        self._is_checked = False
        self._agent = agent
        self._keys_left: list[tuple[str, object]] | None = None
        self._sources_tried = 0
        self._fresh_keys = 0
        self._sees_refusals = False
        self._accepted: list[str] = []
        self._listed: Sequence[str] = ()
        self._unanswered: dict[str, str] = {}
        self._requested: dict[str, None] = {}
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
        self.banner = self._attempt.banner = msg

    # What the server says of each credential.

    def note_key(self, *, is_sent: bool) -> None:
        """As `LoginOwner.note_key`."""
        if self._fresh_keys:
            last = self.offered[-1]
            del self.offered[-self._fresh_keys :]
            self._fresh_keys = 0
            if is_sent:
                self.offered.append(last)

    def note_refusal(self, wanted: Sequence[str] | None) -> None:
        """As `LoginOwner.note_refusal`."""
        self._sees_refusals = True
        if wanted is not None:
            self._accepted.append(self.offered[-1] if self.offered else "it")
            self._listed = wanted

    @property
    def accepted(self) -> Sequence[str]:
        """Which of ``offered`` the server accepted, wanting more; of a login that it refused."""
        return self._accepted if self._sees_refusals else list(self._unanswered.values())

    @property
    def wanted(self) -> Sequence[str]:
        """The methods that the server wants besides what it accepted, as far as they are known."""
        return self._listed if self._sees_refusals else list(self._requested)

    def _note_request(self, method: str) -> None:
        self._unanswered.pop(method, None)
        self._requested[method] = None

    def _note_offer(self, method: str, title: str) -> None:
        self.offered.append(title)
        self._unanswered[method] = title
        self._requested.clear()

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
        if self._is_checked:  # in each further key exchange
            # A stream that exceeds its budget is closed at the end of this arrival.
            self._budget.spend_key_exchange()
        self._is_checked = True
        return True

    # Keys: the agent's that the user named, those of files, then the agent's others.

    def public_key_auth_requested(  # type: ignore[override]  # object stands for its union of key kinds
        self,
    ) -> Sequence[object] | Awaitable[Sequence[object] | None] | None:
        """The next key to offer; called again when it was refused, or has no usable signature."""
        self._note_request("publickey")
        if "publickey" not in self._credentials.methods:
            return None
        if self._credentials.agent is None:  # no task: there is nothing to wait for
            if self._keys_left is None:
                self._keys_left = self._list_file_keys()
            return self._take_key()
        return self._next_key()

    def _take_key(self) -> Sequence[object] | None:
        if not self._keys_left:
            return None
        title, key = self._keys_left.pop(0)
        self._fresh_keys += 1
        self._note_offer("publickey", title)
        return [key]

    async def _next_key(self) -> Sequence[object] | None:
        while not self._keys_left and self._sources_tried < len(self._SOURCES):
            self._sources_tried += 1
            self._keys_left = await self._SOURCES[self._sources_tried - 1](self)
        return self._take_key()

    def _list_file_keys(self) -> list[tuple[str, object]]:
        return [(identity.path, identity.offer) for identity in self._credentials.identities]

    async def _keys_of_files(self) -> list[tuple[str, object]]:
        return self._list_file_keys()

    async def _named_agent_keys(self) -> list[tuple[str, object]]:
        wanted = self._credentials.agent_first
        if not wanted:
            return []
        named = [key for key in await self._agent_keys() if key.public_data in wanted]
        return _entitle(sorted(named, key=lambda key: wanted.index(key.public_data)))

    async def _other_agent_keys(self) -> list[tuple[str, object]]:
        if not self._credentials.agent_others:
            return []
        known = {identity.key.public_data for identity in self._credentials.identities}
        known.update(self._credentials.agent_first)
        return _entitle([key for key in await self._agent_keys() if key.public_data not in known])

    _SOURCES = (_named_agent_keys, _keys_of_files, _other_agent_keys)

    async def _agent_keys(self) -> Sequence[asyncssh.SSHKeyPair]:
        if self._agent is None:
            return ()
        try:
            keys = await self._agent.list()
        except (AgentError, OSError) as error:
            self.agent_trouble = f"the agent at {self._credentials.agent}: {error}"
            return ()
        signatures = self._credentials.signatures
        return [
            key for key in keys if may_sign(key.algorithm.decode("ascii", "replace"), signatures)
        ]

    # Passwords.

    async def password_auth_requested(self) -> str | None:
        """The password, once."""
        self._note_request("password")
        if self._password_tried or "password" not in self._credentials.methods:
            return None
        self._password_tried = True
        secret = self._credentials.password or await self._ask_user(
            f"{self._credentials.user}'s password: "
        )
        if secret is None:
            return None
        self._note_offer("password", "password")
        return secret.reveal()

    def password_change_requested(  # type: ignore[override]  # asyncssh takes NotImplemented too
        self, prompt: str, lang: str
    ) -> object:
        """The password has expired; a scan sets no new one."""
        del prompt, lang
        self._note_request("password")
        return NotImplemented

    def kbdint_auth_requested(self) -> str | None:
        """An empty list of submethods where prompts can be answered; None the second time."""
        self._note_request("keyboard-interactive")
        can_answer = self._credentials.password is not None or self._ask is not None
        is_allowed = "keyboard-interactive" in self._credentials.methods
        if self._questions_tried or not (can_answer and is_allowed):
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
                self._note_request("keyboard-interactive")
                return None
            answers.append(secret.reveal())
        if answers:
            self._note_offer("keyboard-interactive", "keyboard-interactive")
        return answers

    async def _ask_user(self, prompt: str) -> Secret | None:
        return None if self._ask is None else await self._ask(prompt)

    async def aclose(self) -> None:
        """Close the connection to the agent, if there is one."""
        if self._agent is not None:
            await self._agent.aclose()

    @property
    def has_rsa_key(self) -> bool:
        """Whether a file holds an RSA key."""
        return any(each.key.algorithm == b"ssh-rsa" for each in self._credentials.identities)

    @property
    def agent_hint(self) -> bool:
        """Whether an agent runs that this login may not use."""
        return self._credentials.agent is None and bool(os.environ.get("SSH_AUTH_SOCK"))


def _entitle(keys: Sequence[asyncssh.SSHKeyPair]) -> list[tuple[str, object]]:
    return [(f"{key.get_comment() or '?'} (agent)", key) for key in keys]
