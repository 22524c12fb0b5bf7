"""The error of one host: its category, the phase it happened in, and the exception."""

from __future__ import annotations

from enum import StrEnum

from ..core.errors import SockfleetError
from ..core.local_failure import describe_shortage
from ..core.record import record
from ..core.text import clean

__all__ = ["Category", "HostError", "Phase", "UnknownHostKey", "unexpected_error"]


class Category(StrEnum):
    """Why a host has no reading: the fixed words of the JSON's ``error.category``."""

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
    """How far an attempt came, in this order; the JSON's ``error.phase``."""

    QUEUED = "queued"
    """Not started: the host has no slot yet."""
    CONFIG = "config"
    """Reading keys and known_hosts on this machine."""
    DNS = "dns"
    CONNECT = "connect"
    """TCP: until the connection is made."""
    HANDSHAKE_SLOT = "handshake_slot"
    """Connected over TCP, waiting for one of this machine's login slots."""
    BANNER = "banner"
    """Until the server's version line."""
    KEX = "kex"
    """Until the key exchange is done and the host key is accepted."""
    AUTH = "auth"
    SESSION = "session"
    """Opening the session and starting the command."""
    COMMAND = "command"
    """Until the command has exited and its output is complete."""
    PARSE = "parse"


@record
class UnknownHostKey:
    """The key of a host, or of a jump host, that no known_hosts file has, and that may be added."""

    name: str
    """The name to look up in known_hosts, at ``port``."""
    port: int
    file: str
    """The known_hosts file to add it to."""
    key: str
    """The public key as known_hosts files write it, in Base64."""
    where: str
    """``address:port``."""
    is_jump: bool = False
    """Whether it is the key of a jump host: the host behind it was not reached."""


class HostError(SockfleetError):
    """One attempt at one host failed.

    ``message`` says what was seen, on which host and port, and what the user can do next where
    that is known. Text from a host is in it only after `core.text.clean`. ``transient`` marks a
    failure that may heal by itself although its category does not say so, such as a temporary
    failure of a resolver: `pacing.retry` allows another attempt. ``unknown_key`` is set where the
    user could be asked to trust the key.
    """

    def __init__(
        self,
        category: Category,
        phase: Phase,
        message: str,
        *,
        transient: bool = False,
        unknown_key: UnknownHostKey | None = None,
    ) -> None:
        self.category = category
        self.phase = phase
        self.message = message
        self.transient = transient
        self.unknown_key = unknown_key
        super().__init__(message)


def unexpected_error(error: BaseException, phase: Phase) -> HostError:
    """Make the HostError of an error that nothing translated: a shortage here, or one of ours."""
    shortage = describe_shortage(error)
    if shortage is not None:
        return HostError(Category.LOCAL_RESOURCE, phase, shortage)
    category = Category.PARSE if phase is Phase.PARSE else Category.PROTOCOL
    return HostError(category, phase, clean(f"unexpected {type(error).__name__}: {error}"))
