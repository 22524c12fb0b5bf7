"""What can go wrong with one host: the categories, how far it came, and the one error for it."""

from __future__ import annotations

from enum import StrEnum

from ..core.errors import SockfleetError

__all__ = ["Category", "HostError", "Phase"]


class Category(StrEnum):
    """Why a host has no reading; fixed words of the JSON (INTERFACE: error categories)."""

    CONFIG = "config"
    DNS = "dns"
    DNS_TIMEOUT = "dns_timeout"
    TCP_TIMEOUT = "tcp_timeout"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    BANNER_TIMEOUT = "banner_timeout"
    NOT_SSH = "not_ssh"
    DROPPED_PRE_BANNER = "dropped_pre_banner"
    KEX_TIMEOUT = "kex_timeout"
    NO_COMMON_ALG = "no_common_alg"
    PROTOCOL = "protocol"
    HOSTKEY_UNKNOWN = "hostkey_unknown"
    HOSTKEY_CHANGED = "hostkey_changed"
    HOSTKEY_REVOKED = "hostkey_revoked"
    HOSTCERT = "hostcert"
    AUTH_TIMEOUT = "auth_timeout"
    AUTH_DENIED = "auth_denied"
    SESSION_REFUSED = "session_refused"
    NO_SHELL = "no_shell"
    COMMAND_TIMEOUT = "command_timeout"
    COMMAND_FAILED = "command_failed"
    TRUNCATED = "truncated"
    LOST = "lost"
    OUTPUT_LIMIT = "output_limit"
    UNSUPPORTED_HOST = "unsupported_host"
    PARSE = "parse"
    BECOME_DENIED = "become_denied"
    VIA_JUMP = "via_jump"
    LOCAL_RESOURCE = "local_resource"
    CLIENT_OVERLOAD = "client_overload"
    DEADLINE = "deadline"
    NOT_ATTEMPTED = "not_attempted"


class Phase(StrEnum):
    """How far an attempt came, in the order of the way; the JSON's ``error.phase``."""

    QUEUED = "queued"
    """Not begun: before the host got its slot."""
    CONFIG = "config"
    """Reading keys and known_hosts on this side."""
    DNS = "dns"
    CONNECT = "connect"
    """TCP: until the connection is made."""
    HANDSHAKE_SLOT = "handshake_slot"
    """Connected, and waiting for a place among this machine's own handshakes."""
    BANNER = "banner"
    """Until the server's version line."""
    KEX = "kex"
    """Until the key exchange is done and the host key is accepted."""
    AUTH = "auth"
    SESSION = "session"
    """Opening the session and starting the command."""
    COMMAND = "command"
    """Until the command has ended and its output is complete."""
    PARSE = "parse"


class HostError(SockfleetError):
    """One attempt at one host failed.

    ``message`` says what was seen, on which host and port, and what the user can do next where
    that is known. It may quote the host only through `core.text.clean`. ``passing`` marks a
    failure that may pass by itself though its category does not say so, such as a resolver's
    temporary failure: the engine tries again.
    """

    def __init__(
        self, category: Category, phase: Phase, message: str, *, passing: bool = False
    ) -> None:
        self.category = category
        self.phase = phase
        self.message = message
        self.passing = passing
        super().__init__(message)
