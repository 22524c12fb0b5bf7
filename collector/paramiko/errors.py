"""The seam: whatever paramiko or the system raises becomes a `HostError` here and nowhere else.

paramiko has few classes of exceptions and many texts; what the wire and the session saw says more.
"""

from __future__ import annotations

import paramiko

from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..ssh import messages as ssh_messages
from ..ssh.routes.tcp import out_of_resources
from .session import RefusedChannelError, Session
from .stream import ByteStream

__all__ = ["disconnect_text", "translate_error"]

_LOGIN = (Phase.BANNER, Phase.KEX, Phase.AUTH)
_NO_THREAD = "can't start new thread"


def translate_error(
    error: Exception, *, where: str, phase: Phase, wire: ByteStream | None, session: Session | None
) -> HostError:
    """What ``error``, met in ``phase``, says about the host at ``where``; never raises."""
    if isinstance(error, HostError):
        return error
    lack = _lack(error, where, phase)
    if lack is not None:
        return lack
    if wire is not None and not wire.version_seen and phase in _LOGIN:
        return ssh_messages.closed_before_version(where, wire.head)
    text = disconnect_text(error)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return ssh_messages.no_common_algorithm(where, text)
    if wire is not None and wire.budget.exceeded:
        return ssh_messages.endless_output(where, phase)
    farewell = None if session is None else session.farewell
    if farewell is not None or _is_loss(error, wire):
        if phase in _LOGIN:
            return ssh_messages.lost_in_login(where, phase, farewell or _loss(wire))
        return ssh_messages.truncated(where, phase, 0, farewell or _loss(wire))
    return ssh_messages.protocol_error(where, phase, text)


def _lack(error: Exception, where: str, phase: Phase) -> HostError | None:
    remedy = out_of_resources(error) if isinstance(error, OSError) else None
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        remedy = "lower --concurrency or raise the limit of processes (ulimit -u)"
    if remedy is None:
        return None
    lack = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return HostError(Category.LOCAL_RESOURCE, phase, f"{where}: {lack}; {remedy}")


def _is_loss(error: Exception, wire: ByteStream | None) -> bool:
    return isinstance(error, EOFError | OSError) or (wire is not None and wire.ended)


def _loss(wire: ByteStream | None) -> str:
    fault = None if wire is None else wire.fault
    return "" if fault is None else fault.strerror or str(fault)


def disconnect_text(error: Exception) -> str:
    """What the exception itself says, with its type where that is not one of paramiko's."""
    if isinstance(error, EOFError):
        return "the connection was lost"
    text = clean(str(error))
    known = isinstance(error, paramiko.SSHException | OSError | RefusedChannelError)
    return text if known and text else f"{type(error).__name__}: {text}"
