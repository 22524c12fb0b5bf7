"""Answer a command on a simulated host, or play a fault of the account or the output."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import asyncssh

from ..host.answer import Answer
from ..scenario.faults import Fault
from .connection_faults import corrupt, disconnect, half_close, reset

__all__ = ["apply_account_fault", "respond"]

_Process = asyncssh.SSHServerProcess[bytes]

_FLOOD = b"x" * 65536
_TRICKLE_S = 1.0
_REKEY_S = 0.005
_DELAY_BEFORE_FAULT_S = 0.2
"""Time for the first half to be sent (uvloop sends later) and read: a reset would discard it."""

_NOISE = b"Welcome!\nTCP: inuse 999999 orphan 0 tw 0 alloc 999999 mem 0\n"
_FORGED = (
    b"sockfleet-0123456789abcdef begin\n==> /proc/net/sockstat <==\nsockets: used 1\n"
    b"TCP: inuse 888888 orphan 0 tw 0 alloc 888888 mem 0\nsockfleet-0123456789abcdef end\n"
)
_NOLOGIN = b"This account is currently not available.\n"
_SFTP_ONLY = b"This service allows sftp connections only.\n"


def apply_account_fault(reply: Answer, fault: Fault | None) -> Answer:
    """Return the answer of a faulty account; ``reply`` where the fault is elsewhere or None."""
    answers = {
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
    return reply if fault is None else answers.get(fault, reply)


async def respond(process: _Process, reply: Answer, fault: Fault | None) -> None:
    """Print ``reply`` and exit with its status, or play the fault."""
    play = _PLAY.get(fault) if fault is not None else None
    if play is not None:
        await play(process, reply.stdout)
        return
    process.stdout.write(reply.stdout)
    process.stderr.write(reply.stderr)
    process.exit(reply.exit_status)


async def _send_half(process: _Process, output: bytes) -> None:
    process.stdout.write(output[: len(output) // 2])
    await process.stdout.drain()


async def _wait_for_client_to_close(process: _Process) -> None:
    await process.stdin.read()
    await process.wait_closed()


def _connection(process: _Process) -> asyncssh.SSHServerConnection:
    return cast("asyncssh.SSHServerConnection", process.channel.get_connection())


async def _hang(process: _Process, _output: bytes) -> None:
    await _wait_for_client_to_close(process)


async def _stall_output(process: _Process, output: bytes) -> None:
    await _send_half(process, output)
    await _wait_for_client_to_close(process)


async def _trickle(process: _Process, output: bytes) -> None:
    for byte in output:
        process.stdout.write(bytes([byte]))
        await asyncio.sleep(_TRICKLE_S)


async def _hold_output(process: _Process, output: bytes) -> None:
    process.stdout.write(output)
    # asyncssh's public methods cannot send a status without closing the session; sshd can.
    process.channel._send_request(b"exit-status", bytes(4))  # noqa: SLF001
    await _wait_for_client_to_close(process)


async def _lose_connection(process: _Process, _output: bytes) -> None:
    process.channel.get_connection().abort()


async def _cut_off(process: _Process, output: bytes) -> None:
    await _send_half(process, output)
    await asyncio.sleep(_DELAY_BEFORE_FAULT_S)
    process.channel.get_connection().abort()


async def _reset_in_output(process: _Process, output: bytes) -> None:
    await _send_half(process, output)
    await asyncio.sleep(_DELAY_BEFORE_FAULT_S)
    reset(_connection(process))


async def _half_close_in_output(process: _Process, output: bytes) -> None:
    await _send_half(process, output)
    await asyncio.sleep(_DELAY_BEFORE_FAULT_S)
    half_close(_connection(process))
    await _wait_for_client_to_close(process)


async def _disconnect_in_output(process: _Process, output: bytes) -> None:
    await _send_half(process, output)
    await asyncio.sleep(_DELAY_BEFORE_FAULT_S)
    disconnect(_connection(process))


async def _corrupt(process: _Process, output: bytes) -> None:
    await _send_half(process, output)
    await asyncio.sleep(_DELAY_BEFORE_FAULT_S)
    corrupt(_connection(process))
    await _wait_for_client_to_close(process)


async def _send_no_exit_status(process: _Process, output: bytes) -> None:
    process.stdout.write(output)
    process.close()


async def _kill(process: _Process, output: bytes) -> None:
    process.stdout.write(output)
    process.exit_with_signal("KILL", core_dumped=False, msg="\x1b[31m")


async def _flood(process: _Process, _output: bytes) -> None:
    while True:
        process.stdout.write(_FLOOD)
        await process.stdout.drain()


async def _flood_stderr(process: _Process, _output: bytes) -> None:
    while True:
        process.stderr.write(_FLOOD)
        await process.stderr.drain()


async def _flood_messages(process: _Process, _output: bytes) -> None:
    while not process.is_closing():
        process.channel.get_connection().send_debug("nothing to see here")
        await asyncio.sleep(0)


async def _exchange_keys(process: _Process, _output: bytes) -> None:
    while not process.is_closing():
        # The connection of this fault exchanges keys before each packet (`rekey_bytes`).
        process.channel.get_connection().send_debug("nothing to see here")
        await asyncio.sleep(_REKEY_S)


_PLAY: dict[Fault, Callable[[_Process, bytes], Awaitable[None]]] = {
    Fault.HANGS: _hang,
    Fault.STALLED_OUTPUT: _stall_output,
    Fault.TRICKLES: _trickle,
    Fault.HELD_OUTPUT: _hold_output,
    Fault.LOST: _lose_connection,
    Fault.CUT_OFF: _cut_off,
    Fault.RESET_IN_OUTPUT: _reset_in_output,
    Fault.HALF_CLOSED_IN_OUTPUT: _half_close_in_output,
    Fault.FAREWELL_IN_OUTPUT: _disconnect_in_output,
    Fault.CORRUPTED: _corrupt,
    Fault.NO_EXIT_STATUS: _send_no_exit_status,
    Fault.KILLED: _kill,
    Fault.FLOODS: _flood,
    Fault.MESSAGE_FLOOD: _flood_messages,
    Fault.REKEYS: _exchange_keys,
    Fault.FLOODS_STDERR: _flood_stderr,
}
