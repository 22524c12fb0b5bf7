"""The default transport: asyncssh over sockets of our own, everything costly made once.

For one host: resolve and connect (`dial`), wait for a place among our own handshakes, log in
(`Login`), run the command (`OneCommand`), drop the connection. Behind a bastion or a proxy command
only the first step is another.
"""

from __future__ import annotations

from ..errors import HostError, Phase
from ..ssh.transport import SshTransport
from ..transport import TransportSettings
from .connector import Connector
from .errors import translate_error

__all__ = ["AsyncsshTransport", "translate_outside_login"]


class AsyncsshTransport(SshTransport):
    """Runs commands over SSH with asyncssh."""

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__(Connector(settings), translate_outside_login)


def translate_outside_login(error: Exception, where: str, phase: Phase) -> HostError:
    """What ``error``, met outside of login and command, says about the host."""
    return translate_error(error, where=where, phase=phase, user="", link=None, login=None)
