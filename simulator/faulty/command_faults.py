"""What a simulated host does once it was told to run a command: the answer, or a fault."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import cast

import asyncssh

from ..host.answer import Answer
from ..scenario.faults import Fault
from .login import reset

__all__ = ["is_spoilt", "respond"]

_Process = asyncssh.SSHServerProcess[bytes]

_FLOOD = b"x" * 65536
_TRICKLE_S = 1.0
_BREAK_AFTER_S = 0.2
"""Time for the first half to be sent (uvloop does that later) and read: a reset overtakes it."""

_UNSIGNED = (b"\0\0\0\x20" + bytes(48)) * 64
"""Packets of 32 bytes with a tag of zeros, as AES-GCM has them (RFC 5647, 7.1)."""

_NOISE = b"Welcome!\nTCP: inuse 999999 orphan 0 tw 0 alloc 999999 mem 0\n"
_FORGED = (
    b"sockfleet-0123456789abcdef begin\n==> /proc/net/sockstat <==\nsockets: used 1\n"
    b"TCP: inuse 888888 orphan 0 tw 0 alloc 888888 mem 0\nsockfleet-0123456789abcdef end\n"
)
_NOLOGIN = b"This account is currently not available.\n"
_SFTP_ONLY = b"This service allows sftp connections only.\n"


def is_spoilt(reply: Answer, fault: Fault | None) -> Answer:
    """What comes instead of ``reply`` where the fault is in the account, not in the connection."""
    instead = {
        Fault.NO_SHELL: Answer(stdout=_NOLOGIN, exit_status=1),
        Fault.SFTP_ONLY: Answer(stdout=_SFTP_ONLY, exit_status=1),
        Fault.FORCED_COMMAND: Answer(stdout=_FORGED),
        Fault.WORDLESS: Answer(),
        Fault.NOISY_LOGIN: Answer(
            stdout=_NOISE + reply.stdout, stderr=reply.stderr, exit_status=reply.exit_status
        ),
        Fault.FORGED_MARKS: Answer(stdout=_NOISE + _FORGED + reply.stdout + _FORGED),
        Fault.NO_END: Answer(stdout=reply.stdout.rstrip(b"\n").rpartition(b"\n")[0] + b"\n"),
        Fault.FAILS: Answer(stdout=reply.stdout, stderr=b"something broke\n", exit_status=3),
    }
    return reply if fault is None else instead.get(fault, reply)


async def respond(process: _Process, reply: Answer, fault: Fault | None) -> None:
    """Print ``reply`` and end with its status, or do what the fault is."""
    play = _PLAYS.get(fault) if fault is not None else None
    if play is not None:
        await play(process, reply.stdout)
        return
    process.stdout.write(reply.stdout)
    process.stderr.write(reply.stderr)
    process.exit(reply.exit_status)


async def _half(process: _Process, output: bytes) -> None:
    process.stdout.write(output[: len(output) // 2])
    await process.stdout.drain()


async def _until_it_leaves(process: _Process) -> None:
    await process.stdin.read()
    await process.wait_closed()


def _descriptor(process: _Process) -> int:
    number: int = process.channel.get_connection().get_extra_info("socket").fileno()
    return number


async def _hangs(process: _Process, _output: bytes) -> None:
    await _until_it_leaves(process)


async def _stalls(process: _Process, output: bytes) -> None:
    await _half(process, output)
    await _until_it_leaves(process)


async def _trickles(process: _Process, output: bytes) -> None:
    for byte in output:
        process.stdout.write(bytes([byte]))
        await asyncio.sleep(_TRICKLE_S)


async def _holds(process: _Process, output: bytes) -> None:
    process.stdout.write(output)
    # In public a status cannot be sent without closing the session, which sshd does all the time.
    process.channel._send_request(b"exit-status", bytes(4))  # noqa: SLF001
    await _until_it_leaves(process)


async def _goes(process: _Process, _output: bytes) -> None:
    process.channel.get_connection().abort()


async def _breaks(process: _Process, output: bytes) -> None:
    await _half(process, output)
    await asyncio.sleep(_BREAK_AFTER_S)
    process.channel.get_connection().abort()


async def _resets(process: _Process, output: bytes) -> None:
    await _half(process, output)
    await asyncio.sleep(_BREAK_AFTER_S)
    reset(cast("asyncssh.SSHServerConnection", process.channel.get_connection()))


async def _half_closes(process: _Process, output: bytes) -> None:
    await _half(process, output)
    await asyncio.sleep(_BREAK_AFTER_S)
    # asyncio's own socket objects refuse shutdown(), a second object of the descriptor does not.
    with socket.socket(fileno=os.dup(_descriptor(process))) as same:
        same.shutdown(socket.SHUT_WR)
    await _until_it_leaves(process)


async def _says_farewell(process: _Process, output: bytes) -> None:
    await _half(process, output)
    await asyncio.sleep(_BREAK_AFTER_S)
    process.channel.get_connection().disconnect(asyncssh.DISC_BY_APPLICATION, "bye \x1b[31m")


async def _corrupts(process: _Process, output: bytes) -> None:
    await _half(process, output)
    await asyncio.sleep(_BREAK_AFTER_S)
    os.write(_descriptor(process), _UNSIGNED)
    await _until_it_leaves(process)


async def _gives_no_status(process: _Process, output: bytes) -> None:
    process.stdout.write(output)
    process.close()


async def _is_killed(process: _Process, output: bytes) -> None:
    process.stdout.write(output)
    process.exit_with_signal("KILL", core_dumped=False, msg="\x1b[31m")


async def _floods(process: _Process, _output: bytes) -> None:
    while True:
        process.stdout.write(_FLOOD)
        await process.stdout.drain()


async def _floods_stderr(process: _Process, _output: bytes) -> None:
    while True:
        process.stderr.write(_FLOOD)
        await process.stderr.drain()


async def _sends_messages(process: _Process, _output: bytes) -> None:
    while not process.is_closing():
        process.channel.get_connection().send_debug("nothing to see here")
        await asyncio.sleep(0)


_PLAYS: dict[Fault, Callable[[_Process, bytes], Awaitable[None]]] = {
    Fault.HANGS: _hangs,
    Fault.STALLED_OUTPUT: _stalls,
    Fault.TRICKLES: _trickles,
    Fault.HELD_OUTPUT: _holds,
    Fault.LOST: _goes,
    Fault.CUT_OFF: _breaks,
    Fault.RESET_IN_OUTPUT: _resets,
    Fault.HALF_CLOSED_IN_OUTPUT: _half_closes,
    Fault.FAREWELL_IN_OUTPUT: _says_farewell,
    Fault.CORRUPTED: _corrupts,
    Fault.NO_EXIT_STATUS: _gives_no_status,
    Fault.KILLED: _is_killed,
    Fault.FLOODS: _floods,
    Fault.MESSAGE_FLOOD: _sends_messages,
    Fault.FLOODS_STDERR: _floods_stderr,
}
