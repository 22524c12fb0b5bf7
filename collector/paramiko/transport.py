"""The second transport: paramiko, with one thread of ours and one of paramiko's for each host.

It has the same results and the same errors as the asyncssh transport, and serves fleets with a
server that does not work with asyncssh. It takes more CPU time.
"""

from __future__ import annotations

from ..ssh.transport import SshTransport
from ..transport import TransportSettings
from .connector import Connector

__all__ = ["ParamikoTransport"]


class ParamikoTransport(SshTransport):
    """Runs commands over SSH with paramiko."""

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__(Connector(settings))
