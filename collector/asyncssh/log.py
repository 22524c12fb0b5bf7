"""asyncssh's log: nothing is put together for it that nobody reads.

asyncssh describes each packet, and each step, before it looks whether the line is wanted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .library import asyncssh

if TYPE_CHECKING:
    from asyncssh.logging import SSHLogger
    from asyncssh.packet import SSHPacket

__all__ = ["SILENT", "QuietLog", "log_is_enabled"]


class _Silent(asyncssh.logging.SSHLogger):
    """A log that is off, and so are those below it."""

    def get_child(self, child: str = "", context: str = "") -> SSHLogger:
        del child, context
        return self

    def log(self, level: int, msg: object, *args: object, **kwargs: object) -> None:
        del level, msg, args, kwargs

    def info(self, msg: object, *args: object, **kwargs: object) -> None:
        del msg, args, kwargs

    def debug1(self, msg: str, *args: object, **kwargs: object) -> None:
        del msg, args, kwargs


SILENT = _Silent()


def log_is_enabled() -> bool:
    """Whether lines of a connection's course are wanted at all."""
    return asyncssh.logging.logger.isEnabledFor(logging.INFO)


class QuietLog(asyncssh.packet.SSHPacketLogger):
    """What handles packets, and is silent about them where its log is."""

    def log_sent_packet(
        self, pkttype: int, pktid: int | None, packet: bytes | SSHPacket, note: str = ""
    ) -> None:
        """Note a packet that was sent."""
        if self.logger is not SILENT:
            super().log_sent_packet(pkttype, pktid, packet, note)

    def log_received_packet(
        self, pkttype: int, pktid: int | None, packet: bytes | SSHPacket, note: str = ""
    ) -> None:
        """Note a packet that was received."""
        if self.logger is not SILENT:
            super().log_received_packet(pkttype, pktid, packet, note)
