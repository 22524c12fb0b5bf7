"""The seam: errors of asyncssh and of the system become `HostError` here and nowhere else.

Texts of hosts pass through as they are: `ssh.messages` cleans them where it makes a message.
"""

from __future__ import annotations

from ..errors import Category, HostError, Phase
from ..ssh import messages as ssh_messages
from ..ssh.connection import ErrorContext
from ..ssh.negotiation import takes_sha1_alone
from ..ssh.routes.tcp import out_of_resources
from .login import Login
from .slim_import import asyncssh
from .stream import ByteStream

__all__ = ["error_text", "translate_error"]

# asyncssh looks up the local user for each connection, though the answer is not needed here.
_NO_NAME = "Unknown local username"
# asyncssh has one class for this and for having no algorithm in common.
_WRONG_SIGNATURE = "hash mismatch"


def translate_error(
    error: Exception, context: ErrorContext[ByteStream], login: Login | None
) -> HostError:
    """Make the HostError for ``error``, which asyncssh or the system raised; never raises.

    ``login`` is what the login met; None before it begins.
    """
    where, phase, stream = context.where, context.phase, context.stream
    remedy = _remedy(error)
    if remedy is not None:
        return ssh_messages.local_resource(where, phase, error_text(error), remedy)
    if login is not None and login.refusal is not None:
        return login.refusal
    if stream is not None and not stream.version_seen and phase is Phase.BANNER:
        return ssh_messages.closed_before_version(where, stream.head)
    if context.mismatch is not None:
        return ssh_messages.nothing_in_common(where, context.mismatch)
    if stream is not None and stream.budget.exceeded:
        return ssh_messages.endless_output(where, phase)
    if login is not None and _is_refusal(error, phase):
        return _login_refused(error, where, login, None if stream is None else stream.opening)
    if isinstance(error, asyncssh.ChannelOpenError) and stream is not None and not stream.up:
        return ssh_messages.truncated(where, phase, 0)
    return _translate_by_class(error, where, phase, "" if login is None else login.banner)


def _remedy(error: Exception) -> str | None:
    if isinstance(error, ValueError) and str(error).startswith(_NO_NAME):
        return "it has no open file left to look it up with (ulimit -n): lower --concurrency"
    return out_of_resources(error) if isinstance(error, OSError) else None


def _translate_by_class(error: Exception, where: str, phase: Phase, banner: str) -> HostError:
    said = error_text(error)
    match error:
        case asyncssh.HostKeyNotVerifiable():  # its own checks of revoked keys and certificates
            category = Category.HOSTKEY_REVOKED if "revoked" in said else Category.HOSTCERT
            return ssh_messages.host_key_refused(where, category, said)
        case asyncssh.KeyExchangeFailed() if _WRONG_SIGNATURE in said:
            return ssh_messages.protocol_error(where, phase, said)
        case asyncssh.KeyExchangeFailed():
            return ssh_messages.no_common_algorithm(where, said)
        case asyncssh.ChannelOpenError():
            return ssh_messages.session_refused(where, said)
        case asyncssh.ProtocolError() | asyncssh.MACError() | asyncssh.CompressionError():
            return ssh_messages.protocol_error(where, phase, said)
        case asyncssh.DisconnectError() | OSError():  # it hung up, with or without a reason
            if phase in (Phase.KEX, Phase.AUTH):
                return ssh_messages.lost_in_login(where, phase, said, banner)
            return ssh_messages.truncated(where, phase, 0, said)
    return ssh_messages.protocol_error(where, phase, said)


def error_text(error: Exception) -> str:
    """The text of ``error`` as it came, with its class where that is one of Python's."""
    text = error.reason if isinstance(error, asyncssh.Error) else str(error)
    return ssh_messages.text_or_fault(error, text) or "asyncssh gave no reason"


def _is_refusal(error: Exception, phase: Phase) -> bool:
    # sshd ends a login with too many failures by a disconnect of the general kind, ProtocolError.
    return isinstance(error, asyncssh.PermissionDenied | asyncssh.IllegalUserName) or (
        phase is Phase.AUTH
        and isinstance(error, asyncssh.DisconnectError)
        and "authentication failures" in error.reason.lower()
    )


def _login_refused(error: Exception, where: str, login: Login, opening: bytes | None) -> HostError:
    # The message says "refused" anyway; a disconnect may say more.
    is_plain = str(error).startswith("Permission denied for")
    own = "" if is_plain else error_text(error)
    said = "; ".join(part for part in (own, login.banner, login.agent_trouble) if part)
    if is_plain and login.accepted:
        return ssh_messages.partial_success(
            where, login.user, login.accepted, wanted=login.wanted, said=said
        )
    return ssh_messages.auth_denied(
        where,
        login.user,
        login.offered,
        agent_hint=login.agent_hint,
        sha1_hint=login.has_rsa_key and takes_sha1_alone(opening),
        said=said,
    )
