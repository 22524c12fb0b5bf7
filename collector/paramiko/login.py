"""A login with paramiko: the check of the host key, then each method of authentication in order."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.ssh_exception import AuthenticationException, BadAuthenticationType

from ...core.text import clean
from ...inventory.models import Secret
from ..agent_listing import AgentError, AgentListings
from ..errors import HostError, Phase
from ..ssh.algorithms import SHA1_RSA, may_sign, strip_certificate
from ..ssh.byte_budget import MOST_PROMPTS
from ..ssh.host_keys.policy import HostKeyCheck
from ..ssh.messages import auth_denied, partial_success
from ..ssh.negotiation import takes_sha1_alone
from ..ssh.routes.tcp import out_of_resources
from .credentials import LoginCredentials
from .keys import Agent, OfferedKey
from .session import Session, decode

__all__ = ["Ask", "log_in"]

Ask = Callable[[str], Secret | None]
"""Asks the user, from any thread but that of the event loop; None: no answer."""

_STEP_S = 0.1
_USERAUTH = "ssh-userauth"
# A server that lets everybody in may be any server: an impostor would do the same.
_TRIVIAL = "Trivial auth disabled"


def log_in(
    session: Session,
    where: str,
    *,
    check: HostKeyCheck,
    credentials: LoginCredentials,
    listings: AgentListings,
    ask: Ask | None,
    set_phase: Callable[[Phase], None],
    set_banner: Callable[[str], None],
) -> None:
    """Log in over ``session``. Blocks until then, or until its stream is aborted.

    ``set_banner`` gets what the server says meanwhile. Raises HostError and what paramiko raises,
    and has then disposed of the session.
    """
    session.stream.on_version = lambda: set_phase(Phase.KEX)
    try:
        session.start_client()
        _check_host_key(session, check)
        set_phase(Phase.AUTH)
        _Login(session, where, credentials, listings, ask, set_banner).run()
        set_phase(Phase.SESSION)
    except Exception:
        session.dispose()
        raise


def _is_ours(error: Exception) -> bool:
    """Whether this machine lacks a resource, which is no fault of the agent."""
    return isinstance(error, OSError) and out_of_resources(error) is not None


def _check_host_key(session: Session, check: HostKeyCheck) -> None:
    key = session.get_remote_server_key()
    if key.public_blob is None:
        check.check_key(key.get_name(), key.asbytes())
    else:
        check.check_certificate(key.public_blob.key_blob)


class _ExpiredPasswordError(AuthenticationException):
    """The server demands a new password, which a scan does not set."""


class _NoAnswerError(paramiko.SSHException):
    """A prompt without an answer: an empty one would count as a failed attempt."""


class _Handler(AuthHandler):
    """Requests the login service once; then sends each attempt, and fails, in the caller's thread.

    paramiko requests the service anew for each attempt, which only OpenSSH accepts, and signs in
    its own thread, where an agent that refuses to sign ends the connection.
    """

    def __init__(self, session: Session, set_banner: Callable[[str], None]) -> None:
        super().__init__(session)
        self._session = session
        self._set_banner = set_banner
        self._accepted = threading.Event()

    def request_service(self) -> None:
        """Block until the server accepts logins."""
        request = paramiko.Message()
        request.add_byte(bytes([paramiko.common.MSG_SERVICE_REQUEST]))
        request.add_string(_USERAUTH)
        self._session.send(request)
        while not self._accepted.wait(_STEP_S):
            if not self._session.is_active():
                raise self._session.get_exception() or EOFError()

    def _parse_service_accept(self, m: paramiko.Message) -> None:
        del m
        self._accepted.set()

    def _parse_userauth_banner(self, m: paramiko.Message) -> None:
        super()._parse_userauth_banner(m)  # type: ignore[misc]  # not in the stubs
        self._session.banner = decode(self.banner or b"")
        self._set_banner(self._session.banner)

    def _parse_userauth_info_request(self, m: paramiko.Message) -> None:
        if self.auth_method == "password":  # RFC 4252 section 8: the same number requests a new one
            self._session.saved_exception = _ExpiredPasswordError("the password has expired")
            self.abort()  # wakes the thread that waits for the response
            return
        super()._parse_userauth_info_request(m)  # type: ignore[misc]  # not in the stubs

    def _request_auth(self) -> None:
        accept = paramiko.Message()
        accept.add_string(_USERAUTH)
        super()._parse_service_accept(  # type: ignore[misc]  # not in the stubs
            paramiko.Message(accept.asbytes())
        )


class _Login:
    """The attempts of one login, until one succeeds."""

    def __init__(
        self,
        session: Session,
        where: str,
        credentials: LoginCredentials,
        listings: AgentListings,
        ask: Ask | None,
        set_banner: Callable[[str], None],
    ) -> None:
        self._session = session
        self._where = where
        self._credentials = credentials
        self._listings = listings
        self._ask = ask
        self._handler = _Handler(session, set_banner)
        self._offered: list[str] = []  # what the server judged
        self._accepted: list[str] = []  # and accepted, wanting more
        self._allowed: set[str] | None = None  # what the server listed; None: nothing yet
        self._barred = False  # the server refused the method of the last attempt
        self._password_tried = False
        self._answered = False
        self._trouble = ""

    def run(self) -> None:
        """Return when logged in. Raises HostError ``auth_denied``, and what paramiko raises."""
        self._session.auth_handler = self._handler
        self._handler.request_service()
        try:
            if self._is_open_to_everybody():
                self._trouble = _TRIVIAL
            elif self._try_methods():
                return
        except _NoAnswerError:
            pass
        except (paramiko.SSHException, EOFError, OSError):
            # sshd ends a login with too many failures by a disconnect.
            if "authentication failures" not in (self._session.disconnect_message or "").lower():
                raise
        raise self._denial()

    def _try_methods(self) -> bool:
        attempts = {
            "publickey": self._try_public_keys,
            "password": self._try_password,
            "keyboard-interactive": self._try_interactive,
        }
        left = [method for method in self._credentials.methods if method in attempts]
        # A partial success (RFC 4252 section 5.1) allows methods that were not allowed before.
        while method := next(filter(self._is_allowed, left), None):
            left.remove(method)
            if attempts[method]():
                return True
        return False

    def _denial(self) -> HostError:
        parts = (self._session.disconnect_message, self._session.banner, self._trouble)
        said = "; ".join(each for each in parts if each)
        if self._accepted and self._session.disconnect_message is None:
            return partial_success(
                self._where,
                self._credentials.user,
                self._accepted,
                wanted=sorted(self._allowed or ()),
                said=said,
            )
        return auth_denied(
            self._where,
            self._credentials.user,
            self._offered,
            agent_hint=self._credentials.agent is None and bool(os.environ.get("SSH_AUTH_SOCK")),
            sha1_hint=any(key.key.get_name() == SHA1_RSA for key in self._credentials.keys)
            and takes_sha1_alone(self._session.stream.opening),
            said=said,
        )

    def _try_public_keys(self) -> bool:
        keys = self._credentials.keys
        if not self._credentials.agent_first:  # the agent is only contacted where its turn comes
            if any(self._try_key(key) for key in keys):
                return True
            if self._credentials.agent_only_these:
                return False
            keys = ()
        if self._credentials.agent is None:
            return any(self._try_key(key) for key in keys)
        try:
            listed = self._listings.list(self._credentials.agent)
            agent = Agent(self._credentials.agent, listed)
        except (AgentError, paramiko.SSHException, OSError, ValueError) as error:
            if _is_ours(error):
                raise
            self._trouble = f"the agent at {self._credentials.agent}: {error}"
            return any(self._try_key(key) for key in keys)
        with closing(agent):
            held = agent.list_keys(
                self._credentials.agent_first, only_these=self._credentials.agent_only_these
            )
            first = [each for each in held if each.key.asbytes() in self._credentials.agent_first]
            own = {each.key.asbytes() for each in self._credentials.keys}
            others = [each for each in held if each not in first and each.key.asbytes() not in own]
            return any(self._try_key(key) for key in (*first, *keys, *others))

    def _try_key(self, offered: OfferedKey) -> bool:
        if not (self._is_allowed("publickey") and self._may_sign(offered.key)):
            return False
        self._offered.append(offered.title)
        succeeded = self._succeeds(
            lambda done: self._handler.auth_publickey(self._credentials.user, offered.key, done)
        )
        if self._barred:
            self._offered.pop()
        return succeeded

    def _may_sign(self, key: paramiko.PKey) -> bool:
        """Whether the options and the server leave this key an algorithm to sign with."""
        name, signatures = key.get_name(), self._session.preferred_pubkeys
        if strip_certificate(name) == SHA1_RSA:
            extensions = self._session.server_extensions  # type: ignore[attr-defined]  # not in the stubs
            listed = decode(extensions.get("server-sig-algs", b""))
            if listed:
                signatures = [each for each in signatures if each in listed.split(",")]
        return may_sign(name, signatures)

    def _is_open_to_everybody(self) -> bool:
        """Request a login without credentials, whose refusal lists the methods that may succeed.

        RFC 4252 section 5.2. Without that list a password might be asked for and sent in vain.
        """
        return self._succeeds(lambda done: self._handler.auth_none(self._credentials.user, done))

    def _try_password(self) -> bool:
        if self._credentials.password is None and self._ask is None:
            return False
        if not self._is_allowed("password"):
            return False
        secret = self._credentials.password
        if secret is None and self._ask is not None:
            secret = self._ask(f"{self._credentials.user}'s password: ")
        if secret is None:
            return False
        text = secret.reveal()
        self._offered.append("password")
        succeeded = self._succeeds(
            lambda done: self._handler.auth_password(self._credentials.user, text, done)
        )
        if self._barred:
            self._offered.pop()
        self._password_tried = not self._barred
        return succeeded

    def _try_interactive(self) -> bool:
        if not self._is_allowed("keyboard-interactive") or not (
            self._credentials.password or self._ask
        ):
            return False
        succeeded = self._succeeds(
            lambda done: self._handler.auth_interactive(self._credentials.user, self._answer, done)
        )
        if succeeded and not self._answered:
            self._trouble = _TRIVIAL
        return succeeded and self._answered

    def _answer(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        """Answer a hidden prompt with the password, once, others with the user's answers."""
        del title, instructions
        if len(prompts) > MOST_PROMPTS:
            raise paramiko.SSHException(f"it sends {len(prompts)} prompts at once")
        answers = []
        for prompt, shown in prompts:
            secret: Secret | None = None
            if self._credentials.password is not None and not shown and not self._password_tried:
                self._password_tried = True
                secret = self._credentials.password
            elif self._ask is not None:
                secret = self._ask(clean(prompt))
            if secret is None:
                raise _NoAnswerError
            answers.append(secret.reveal())
        if answers:
            self._answered = True
            self._offered.append("keyboard-interactive")
        return answers

    def _is_allowed(self, method: str) -> bool:
        return self._allowed is None or method in self._allowed

    def _succeeds(self, begin: Callable[[threading.Event], None]) -> bool:
        """Whether this attempt completed the login."""
        done = threading.Event()
        self._barred = False
        try:
            begin(done)
            further = self._handler.wait_for_response(done)
        except BadAuthenticationType as error:
            self._allowed, self._barred = set(error.allowed_types), True
            return False
        except _ExpiredPasswordError as error:
            self._trouble = str(error)
            return False
        except AuthenticationException:
            if self._session.broken:
                raise
            return False
        except (paramiko.SSHException, OSError) as error:
            if self._session.broken or not self._session.is_active() or _is_ours(error):
                raise
            self._trouble = str(error)  # from an agent that does not sign with this key
            return False
        if further:
            self._accepted.append(self._offered[-1] if self._offered else "it")
            self._allowed = set(further)
        return not further
