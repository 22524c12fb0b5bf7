"""The seam: errors of paramiko and of the system become `HostError` here and nowhere else.

paramiko has few classes of exceptions and many texts: what the stream and the session met says
more. Texts of hosts pass through as they are: `ssh.messages` cleans them where it makes a message.
"""

from __future__ import annotations

import paramiko

from ..errors import HostError, Phase
from ..ssh import messages as ssh_messages
from ..ssh.connection import ErrorContext
from ..ssh.routes.tcp import out_of_resources
from .session import Session
from .stream import ByteStream

__all__ = ["error_text", "translate_error"]

_LOGIN = (Phase.BANNER, Phase.KEX, Phase.AUTH)
_NO_THREAD = "can't start new thread"


def translate_error(
    error: Exception, context: ErrorContext[ByteStream], session: Session | None
) -> HostError:
    """Make the HostError for ``error``, which paramiko or the system raised; never raises.

    ``session`` is what the login began; None before.
    """
    where, phase, stream = context.where, context.phase, context.stream
    remedy = _remedy(error)
    if remedy is not None:
        lack = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return ssh_messages.local_resource(where, phase, lack, remedy)
    if stream is not None and not stream.version_seen and phase in _LOGIN:
        return ssh_messages.closed_before_version(where, stream.head)
    if context.mismatch is not None:
        return ssh_messages.nothing_in_common(where, context.mismatch)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return ssh_messages.no_common_algorithm(where, error_text(error))
    if stream is not None and stream.budget.exceeded:
        return ssh_messages.endless_output(where, phase)
    disconnect = None if session is None else session.disconnect_message
    if disconnect is not None or _is_loss(error, stream):
        said = disconnect or _fault_text(stream)
        if phase in _LOGIN:
            banner = "" if session is None else session.banner
            return ssh_messages.lost_in_login(where, phase, said, banner)
        return ssh_messages.truncated(where, phase, 0, said)
    return ssh_messages.protocol_error(where, phase, error_text(error))


def _remedy(error: Exception) -> str | None:
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        return "lower --concurrency or raise the limit of processes (ulimit -u)"
    return out_of_resources(error) if isinstance(error, OSError) else None


def _is_loss(error: Exception, stream: ByteStream | None) -> bool:
    return isinstance(error, EOFError | OSError) or (stream is not None and stream.ended)


def _fault_text(stream: ByteStream | None) -> str:
    fault = None if stream is None else stream.fault
    return "" if fault is None else fault.strerror or str(fault)


def error_text(error: Exception) -> str:
    """The text of ``error`` as it came, with its class where that is one of Python's."""
    if isinstance(error, EOFError):
        return "the connection was lost"
    return ssh_messages.text_or_fault(error, str(error)) or "paramiko gave no reason"
