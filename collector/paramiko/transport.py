"""The second transport: paramiko, on one thread of ours and one of its own for each host.

The same results and the same errors as the asyncssh transport, for fleets with a server that
asyncssh does not get on with; it costs this machine more, and two threads a host.
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
