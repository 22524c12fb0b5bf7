"""The seam: whatever asyncssh or the system raises becomes a `HostError` here and nowhere else."""

from __future__ import annotations

from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..ssh import messages as ssh_messages
from ..ssh.routes.tcp import out_of_resources
from .library import asyncssh
from .login import Login
from .stream import ByteStream

__all__ = ["translate_error"]

# asyncssh looks up who runs it for each connection, though the answer is not needed here.
_NO_NAME = "Unknown local username"
# asyncssh has one class for this and for having no algorithm in common.
_WRONG_SIGNATURE = "hash mismatch"


def translate_error(
    error: Exception,
    *,
    where: str,
    phase: Phase,
    user: str,
    link: ByteStream | None,
    login: Login | None,
) -> HostError:
    """What ``error``, met in ``phase``, says about the host at ``where``; never raises."""
    if isinstance(error, HostError):
        return error
    remedy = _remedy(error)
    if remedy is not None:
        return HostError(Category.LOCAL_RESOURCE, phase, f"{where}: {_said(error)}; {remedy}")
    if login is not None and login.refusal is not None:
        return login.refusal
    if link is not None and not link.version_seen and phase is Phase.BANNER:
        return ssh_messages.closed_before_version(where, link.head)
    if link is not None and link.budget.exceeded:
        return ssh_messages.endless_output(where, phase)
    if _is_refusal(error, phase):
        return _refused(error, where, user, login)
    if isinstance(error, asyncssh.ChannelOpenError) and link is not None and not link.up:
        return ssh_messages.truncated(where, phase, 0)
    return _by_kind(error, where, phase)


def _remedy(error: Exception) -> str | None:
    if isinstance(error, ValueError) and str(error).startswith(_NO_NAME):
        return "it has no open file left to look it up with (ulimit -n): lower --concurrency"
    return out_of_resources(error) if isinstance(error, OSError) else None


def _by_kind(error: Exception, where: str, phase: Phase) -> HostError:
    said = _said(error)
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return _host_key(error, where, said)
        case asyncssh.KeyExchangeFailed() if _WRONG_SIGNATURE in said:
            return ssh_messages.protocol_error(where, phase, said)
        case asyncssh.KeyExchangeFailed():
            return ssh_messages.no_common_algorithm(where, said)
        case asyncssh.ChannelOpenError():
            return ssh_messages.session_refused(where, said)
        case asyncssh.ProtocolError() | asyncssh.MACError() | asyncssh.CompressionError():
            return ssh_messages.protocol_error(where, phase, said)
        case asyncssh.DisconnectError() | OSError():  # it hung up, with or without a word
            if phase in (Phase.KEX, Phase.AUTH):
                return ssh_messages.lost_in_login(where, phase, said)
            return ssh_messages.truncated(where, phase, 0, said)
    return ssh_messages.protocol_error(where, phase, said)


def _said(error: Exception) -> str:
    text = clean(error.reason if isinstance(error, asyncssh.Error) else str(error))
    known = isinstance(error, asyncssh.Error | OSError)
    return text if known and text else f"{type(error).__name__}: {text}"


def _host_key(error: asyncssh.HostKeyNotVerifiable, where: str, said: str) -> HostError:
    """asyncssh's own verdicts: on certificates, and on the keys that are marked as revoked."""
    revoked = "revoked" in error.reason
    return HostError(
        Category.HOSTKEY_REVOKED if revoked else Category.HOSTCERT,
        Phase.KEX,
        f"{where}: {said}",
    )


def _is_refusal(error: Exception, phase: Phase) -> bool:
    # sshd ends a login with too many failures by a disconnect of the general kind, ProtocolError.
    return isinstance(error, asyncssh.PermissionDenied | asyncssh.IllegalUserName) or (
        phase is Phase.AUTH
        and isinstance(error, asyncssh.DisconnectError)
        and "authentication failures" in error.reason.lower()
    )


def _refused(error: Exception, where: str, user: str, login: Login | None) -> HostError:
    if login is None:
        return ssh_messages.auth_denied(where, user, ())
    # "Permission denied for user …" is said anyway; a disconnect may tell more.
    own = "" if str(error).startswith("Permission denied for") else _said(error)
    said = "; ".join(part for part in (own, login.banner, login.agent_trouble) if part)
    return ssh_messages.auth_denied(
        where, user, login.offered, agent_hint=login.agent_hint, said=said
    )
