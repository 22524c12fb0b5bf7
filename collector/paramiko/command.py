"""One command over a paramiko session: both its streams, bounded, and how it ended.

In paramiko `exec_command(timeout=…)` bounds each read alone, an unread stderr blocks the server,
and a lost connection looks like an end of file with an ``exit_status`` of -1.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import paramiko

from ..errors import Phase
from ..ssh.long_command import split_command
from ..ssh.messages import (
    ended_by_signal,
    endless_messages,
    output_limit,
    session_refused,
    truncated,
)
from ..transport import OUTPUT_LIMIT, CommandOutput
from .session import RefusedChannelError, Session

__all__ = ["run_command"]

_STEP_S = 0.1  # how long a flood on stderr alone can go unread; the window bounds its size
_CHUNK = 64 * 1024


def run_command(
    session: Session,
    where: str,
    command: str,
    set_phase: Callable[[Phase], None],
    received: tuple[bytearray, bytearray],
) -> CommandOutput:
    """Run ``command`` and return its output. Blocks until it ends, or the stream is aborted.

    ``received`` gets stdout and stderr as they come. Raises HostError ``session_refused``,
    ``output_limit``, ``command_failed`` (a signal), ``truncated``, ``lost``; and what paramiko
    raises.
    """
    request, stdin = split_command(command)
    set_phase(Phase.SESSION)
    try:
        channel = session.open_command_channel()
    except RefusedChannelError as refusal:
        raise session_refused(where, str(refusal)) from None
    try:
        channel.exec_command(request)
    except paramiko.SSHException as error:
        if session.broken:
            raise
        raise session_refused(where, "it runs no command in this session") from error
    set_phase(Phase.COMMAND)
    with contextlib.suppress(OSError):  # the server has closed the session meanwhile
        channel.sendall(stdin)
    channel.shutdown_write()
    return _read_to_end(session, where, channel, _Streams(where, channel, received))


class _Streams:
    """Both streams of a command, read in turn."""

    def __init__(
        self, where: str, channel: paramiko.Channel, received: tuple[bytearray, bytearray]
    ) -> None:
        self.stdout, self.stderr = received
        self._where = where
        self._channel = channel

    def __len__(self) -> int:
        return len(self.stdout) + len(self.stderr)

    def read(self) -> None:
        """Read both to their ends. Raises HostError ``output_limit``."""
        self._channel.settimeout(_STEP_S)
        while True:
            while self._channel.recv_stderr_ready():
                self._take(self.stderr, self._channel.recv_stderr(_CHUNK))
            try:
                data = self._channel.recv(_CHUNK)
            except TimeoutError:
                continue
            if not data:
                break
            self._take(self.stdout, data)
        while data := self._channel.recv_stderr(_CHUNK):  # both end at once
            self._take(self.stderr, data)

    def _take(self, stream: bytearray, data: bytes) -> None:
        stream += data
        if len(self) > OUTPUT_LIMIT:
            raise output_limit(self._where)


def _read_to_end(
    session: Session, where: str, channel: paramiko.Channel, streams: _Streams
) -> CommandOutput:
    streams.read()
    channel.status_event.wait()  # set by the exit status, by a closed channel and a lost connection
    signal = session.signals.get(channel.chanid)
    if signal is not None:
        raise ended_by_signal(where, signal, bytes(streams.stderr))
    if session.stream.budget.exceeded:
        raise endless_messages(where)
    status = channel.exit_status
    # The streams also end with the connection; only what the server sent counts.
    whole = channel.eof_received or channel.chanid in session.closed
    if status == -1 or not whole:
        said = session.disconnect_message or ""
        if not session.broken:
            said = "the session was closed without an exit status"
        elif status != -1:
            said = "its output did not end"
        raise truncated(where, Phase.COMMAND, len(streams), said, bytes(streams.stderr))
    return CommandOutput(
        stdout=bytes(streams.stdout), stderr=bytes(streams.stderr), exit_status=status
    )
