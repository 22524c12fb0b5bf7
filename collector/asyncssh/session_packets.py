"""The data of a session that fits in one packet, without asyncssh's queues and steps.

A request of repeated samples, and the answer to it, fit in one packet each. They use one cipher for
each direction, of 2.5 KiB: asyncssh makes one for each packet, which takes twice as long as its
use. Everything else takes asyncssh's own code: rekeying, other ciphers, compression, a log, a
window that is used up, a channel that is paused or closing. With `fast_connection`, which alone
imports it, it uses asyncssh's private names.
"""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .fast_channels import QuietPackets
from .slim_import import asyncssh
from .stream import ByteStream

if TYPE_CHECKING:
    from asyncssh.crypto.cipher import GCMCipher

__all__ = ["SessionChannel", "SessionPackets", "receive_nothing"]

_MSG_CHANNEL_DATA = 94  # RFC 4254 section 9
_PACKET_LENGTH = struct.Struct(">I")  # RFC 4253 section 6
_DATA_HEAD = struct.Struct(">BBII")
"""The length of the padding, then the message: its type, the channel, the length of the data."""
_LEAST_PADDING = 4
_TAG_BYTES = 16  # of AES-GCM, RFC 5647


def receive_nothing() -> bool:
    """Process no packet any more, as asyncssh's handler of what comes."""
    return False


class SessionChannel(QuietPackets, asyncssh.SSHClientChannel[bytes]):
    """A channel of a session, whose data is bytes."""

    # As below.
    __slots__ = (
        *("_conn", "_init_recv_window", "_recv_buf", "_recv_paused", "_recv_state", "_recv_window"),
        *("_send_buf", "_send_chan", "_send_pktsize", "_send_state", "_send_window", "_session"),
    )

    _conn: SessionPackets

    def write(self, data: bytes, datatype: int | None = None) -> None:
        """Send ``data``; as one packet at once, where it fits and none before it waits."""
        count = len(data)
        if (
            datatype is None
            and self._send_chan is not None
            and self._send_state == "open"
            and not self._send_buf
            and 0 < count <= self._send_window
            and count <= self._send_pktsize
            and self._conn.send_session_data(self._send_chan, data)
        ):
            self._send_window -= count
        else:
            super().write(data, datatype)

    def accept(self, count: int) -> asyncssh.SSHClientSession[bytes] | None:
        """Take ``count`` bytes off the window and return the session that they are for.

        None, and no change: asyncssh has to decide, as about a paused or closing channel, a window
        that is exceeded, or one that is to be adjusted.
        """
        window = self._recv_window - count
        if (
            self._recv_state != "open"
            or self._send_state != "open"
            or self._recv_paused
            or self._recv_buf
            or not count
            or window < self._init_recv_window / 2
        ):
            return None
        self._recv_window = window
        return self._session


class _KeptCipher:
    """The cipher of one direction, kept from packet to packet until the keys change."""

    __slots__ = ("_aead", "_made_for")

    def __init__(self) -> None:
        self._made_for: GCMCipher | None = None
        self._aead: AESGCM | None = None

    def get(self, cipher: GCMCipher) -> AESGCM:
        """The one with the key of ``cipher``."""
        if self._aead is None or self._made_for is not cipher:
            self._made_for, self._aead = cipher, AESGCM(cipher._key)
        return self._aead


class SessionPackets(asyncssh.SSHClientConnection):
    """A connection that sends, and passes on, the data of its sessions packet by packet."""

    # What a sample needs, side by side: asyncssh's connection has 150 attributes, and between two
    # rounds the processor's caches lose them.
    __slots__ = (
        *("_channels", "_cipher_to_receive", "_cipher_to_send", "_compressor", "_decompressor"),
        *("_inpbuf", "_is_logged", "_keepalive_interval", "_kex_complete", "_recv_encryption"),
        *("_recv_handler", "_recv_seq", "_rekey_bytes", "_rekey_bytes_sent", "_rekey_seconds"),
        *("_rekey_time", "_send_blocksize", "_send_encryption", "_send_enchdrlen", "_send_seq"),
        *("_stream", "_transport"),
    )

    _is_logged: bool
    _stream: ByteStream | None
    _cipher_to_send: _KeptCipher | None
    _cipher_to_receive: _KeptCipher | None
    """None before the first session: no packet is of a session's data then."""

    def expect_session_data(self) -> None:
        """Take the short way from now on; call it when a session begins."""
        if self._cipher_to_send is None:
            self._cipher_to_send, self._cipher_to_receive = _KeptCipher(), _KeptCipher()

    def send_session_data(self, channel: int, data: bytes) -> bool:
        """Send the data of a session in a packet; False: asyncssh has to, as during rekeying."""
        encryption, stream, kept = self._send_encryption, self._stream, self._cipher_to_send
        if (
            type(encryption) is not asyncssh.encryption.GCMEncryption
            or stream is None
            or kept is None
            or self._transport is None
            or not self._kex_complete
            or self._compressor is not None
            or self._is_logged
            or self._rekey_bytes_sent >= self._rekey_bytes
            or (self._rekey_seconds and time.monotonic() >= self._rekey_time)
        ):
            return False
        size = _DATA_HEAD.size + len(data)
        # That of the padding is the first byte, which no message contains.
        padding = -(self._send_enchdrlen + size - 1) % self._send_blocksize
        if padding < _LEAST_PADDING:
            padding += self._send_blocksize
        head = _DATA_HEAD.pack(padding, _MSG_CHANNEL_DATA, channel, len(data))
        packet = head + data + os.urandom(padding)
        length, cipher = len(packet), encryption._cipher
        header = _PACKET_LENGTH.pack(length)
        stream.write_alone(header + kept.get(cipher).encrypt(cipher._iv, packet, header))
        cipher._update_iv()
        self._send_seq = (self._send_seq + 1) & 0xFFFFFFFF
        self._rekey_bytes_sent += length
        return True

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Process what came from the server."""
        if self._inpbuf or not self._pass_session_data(data):
            super().data_received(data, datatype)

    def _pass_session_data(self, data: bytes) -> bool:
        """Pass on the data of a session, where ``data`` is one packet that has nothing else.

        False: it is anything else, and no state has changed: asyncssh decrypts it again.
        """
        encryption, kept = self._recv_encryption, self._cipher_to_receive
        if (
            kept is None
            or type(encryption) is not asyncssh.encryption.GCMEncryption
            or len(data) != _PACKET_LENGTH.size + int.from_bytes(data[:4], "big") + _TAG_BYTES
            or len(data) < _PACKET_LENGTH.size + _DATA_HEAD.size + _TAG_BYTES
            or self._recv_handler != self._recv_pkthdr
            or self._decompressor is not None
            or self._is_logged
        ):
            return False
        cipher = encryption._cipher
        try:
            packet = kept.get(cipher).decrypt(cipher._iv, data[4:], data[:4])
        except InvalidTag:
            return False
        padding, kind, number, count = _DATA_HEAD.unpack_from(packet)
        end = _DATA_HEAD.size + count
        channel = self._channels.get(number)
        if (
            kind != _MSG_CHANNEL_DATA
            or end + padding != len(packet)
            or padding < _LEAST_PADDING
            or type(channel) is not SessionChannel
        ):
            return False
        session = channel.accept(count)
        if session is None:
            return False
        cipher._update_iv()
        self._recv_seq = (self._recv_seq + 1) & 0xFFFFFFFF
        if self._keepalive_interval:
            self._reset_keepalive_timer()
        try:
            session.data_received(packet[_DATA_HEAD.size : end], None)
        except Exception:
            self.internal_error()
            self._recv_handler = receive_nothing
        return True
