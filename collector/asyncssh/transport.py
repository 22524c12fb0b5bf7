"""The default transport: asyncssh over byte streams of our own, everything costly made once.

For one host: resolve its name and connect (`ssh.routes`), wait for a login slot, log in (`Login`),
run the command (`CommandSession`), drop the connection.
"""

from __future__ import annotations

from ..ssh.transport import SshTransport
from ..transport import TransportSettings
from .connector import Connector

__all__ = ["AsyncsshTransport"]


class AsyncsshTransport(SshTransport):
    """Runs commands over SSH with asyncssh."""

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__(Connector(settings))
