"""This machine itself (``ansible_connection: local``): the same command, without SSH.

The command gets a process group of its own, which is killed at its end with all that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import cast

from ..core.text import clean
from .errors import Category, HostError, Phase
from .ssh.messages import ended_by_signal, output_limit
from .ssh.routes.tcp import out_of_resources
from .transport import OUTPUT_LIMIT, Attempt, CommandOutput, TransportSettings

__all__ = ["LocalTransport"]

_REAP_S = 1.0
_THIS_MACHINE = "this machine"


class LocalTransport:
    """Runs commands with /bin/sh on this machine, without a login."""

    notes: tuple[str, ...] = ()
    """Always empty."""

    def __init__(self, settings: TransportSettings) -> None:
        del settings  # all of them concern SSH

    async def execute(self, attempt: Attempt, command: str) -> CommandOutput:
        """As `Transport.execute`; raises HostError ``local_resource``, ``output_limit`` and
        ``command_failed`` (ended by a signal)."""
        attempt.phase = Phase.SESSION
        loop = asyncio.get_running_loop()
        output = _Output(loop)
        starting = asyncio.ensure_future(
            loop.subprocess_exec(
                lambda: output,
                "/bin/sh",
                "-c",
                command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        )
        try:
            # Shielded: when cancelled inside, asyncio would kill the shell alone.
            process, _ = await asyncio.shield(starting)
            attempt.phase, attempt.output = Phase.COMMAND, (output.stdout, output.stderr)
            await output.complete
        except OSError as error:
            raise _spawn_error(error) from error
        finally:
            await _clean_up(starting, output)
        status = cast("int", process.get_returncode())
        if status < 0:
            raise ended_by_signal(_THIS_MACHINE, _signal_name(-status), bytes(output.stderr))
        return CommandOutput(
            stdout=bytes(output.stdout), stderr=bytes(output.stderr), exit_status=status
        )

    async def aclose(self) -> None:
        """Do nothing: commands share nothing."""


class _Output(asyncio.SubprocessProtocol):
    """Collects both streams up to the limit; ``complete`` ends with the process and its streams."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.complete: asyncio.Future[None] = loop.create_future()
        self.exited = asyncio.Event()
        self.closed = False

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        stream = self.stdout if fd == 1 else self.stderr
        stream += cast("bytes", data)
        if len(self.stdout) + len(self.stderr) > OUTPUT_LIMIT and not self.complete.done():
            self.complete.set_exception(output_limit(_THIS_MACHINE))

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The process has ended and no process holds its streams any more."""
        del exc
        self.closed = True
        if not self.complete.done():
            self.complete.set_result(None)


async def _clean_up(
    starting: asyncio.Future[tuple[asyncio.SubprocessTransport, _Output]], output: _Output
) -> None:
    """End the group's processes and close the pipes."""
    try:
        process, _ = await starting
    except OSError:
        return
    if not output.closed:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.get_pid(), signal.SIGKILL)
    process.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(output.exited.wait(), _REAP_S)


def _spawn_error(error: OSError) -> HostError:
    remedy = out_of_resources(error)
    text = f"cannot run /bin/sh on this machine: {clean(str(error))}"
    return HostError(
        Category.LOCAL_RESOURCE, Phase.SESSION, f"{text}; {remedy}" if remedy else text
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
