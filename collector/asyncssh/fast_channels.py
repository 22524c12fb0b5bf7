"""A channel through a bastion, and a log that formats no unused record.

With `session_packets` and `fast_connection`, which alone import it, it uses asyncssh's private
names.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from ..transport import OUTPUT_LIMIT
from .slim_import import asyncssh

if TYPE_CHECKING:
    from asyncssh.logging import SSHLogger
    from asyncssh.packet import SSHPacket

    from ..ssh.byte_budget import ByteBudget

__all__ = ["SILENT", "ForwardedStream", "QuietPackets", "is_log_enabled"]

_MSG_CHANNEL_DATA = 94  # RFC 4254 section 9
_LENGTH_BYTES = 4  # before the data of a message


class _SilentLogger(asyncssh.logging.SSHLogger):
    """A logger that is off, and its children too."""

    def get_child(self, child: str = "", context: str = "") -> SSHLogger:
        del child, context
        return self

    def log(self, level: int, msg: object, *args: object, **kwargs: object) -> None:
        del level, msg, args, kwargs

    def info(self, msg: object, *args: object, **kwargs: object) -> None:
        del msg, args, kwargs

    def debug1(self, msg: str, *args: object, **kwargs: object) -> None:
        del msg, args, kwargs


SILENT = _SilentLogger()


def is_log_enabled() -> bool:
    """Whether a handler may emit the records of a connection."""
    return asyncssh.logging.logger.isEnabledFor(logging.INFO)


class QuietPackets(asyncssh.packet.SSHPacketLogger):
    """Handles packets; logs them unless its logger is off."""

    def log_sent_packet(
        self, pkttype: int, pktid: int | None, packet: bytes | SSHPacket, note: str = ""
    ) -> None:
        """Log a packet that was sent."""
        if self.logger is not SILENT:
            super().log_sent_packet(pkttype, pktid, packet, note)

    def log_received_packet(
        self, pkttype: int, pktid: int | None, packet: bytes | SSHPacket, note: str = ""
    ) -> None:
        """Log a packet that was received."""
        if self.logger is not SILENT:
            super().log_received_packet(pkttype, pktid, packet, note)


class ForwardedStream(QuietPackets, asyncssh.SSHTCPChannel[Any]):
    """A channel through a bastion, whose data is not the bastion's own."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        budget: ByteBudget,
        errors: str,
        max_pktsize: int,
    ) -> None:
        super().__init__(
            connection, asyncio.get_running_loop(), None, errors, OUTPUT_LIMIT, max_pktsize
        )
        self._budget = budget
        self._in_flight = OUTPUT_LIMIT

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> bool | Awaitable[None]:
        """Process a packet; give its data back to the bastion's budget."""
        if pkttype == _MSG_CHANNEL_DATA:
            count = len(packet.get_remaining_payload()) - _LENGTH_BYTES
            if self.is_closing():  # asyncssh checks the window no more
                count = min(count, self._in_flight)
                self._in_flight -= count
            self._budget.give_back(max(count, 0))
        return super().process_packet(pkttype, pktid, packet)
