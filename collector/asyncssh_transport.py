"""The default transport: asyncssh over sockets of our own, everything costly made once.

For one host: resolve and connect (`dial`), wait for a place among our own handshakes, log in
(`Login`), run the command (`OneCommand`), drop the connection. Behind a bastion or a proxy command
only the first step is another.
"""

from __future__ import annotations

from .asyncssh_connector import Connector
from .asyncssh_errors import translated
from .errors import HostError, Phase
from .ssh_transport import SshTransport
from .transport import TransportSettings

__all__ = ["AsyncsshTransport"]


class AsyncsshTransport(SshTransport):
    """Runs commands over SSH with asyncssh."""

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__(Connector(settings), _translated)


def _translated(error: Exception, where: str, phase: Phase) -> HostError:
    return translated(error, where=where, phase=phase, user="", link=None, login=None)
