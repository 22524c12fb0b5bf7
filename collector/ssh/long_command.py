"""Send a command that is too long for some servers on its own standard input.

Dropbear ends a connection whose command is longer than 9,000 bytes (MAX_CMD_LEN, sysoptions.h).
Of the probes only the one with namespaces and processes is that long. A short command goes with the
request instead, and reads the long one from its standard input. asyncssh sends the input with the
request, without a round trip; paramiko sends it after the answer, one round trip later. sudo and
doas get the same words as otherwise, so a rule that compares them holds.
"""

from __future__ import annotations

__all__ = ["COMMAND_LIMIT", "READER_PREFIX", "split_command"]

COMMAND_LIMIT = 8000
"""A command of this many bytes or more goes on standard input."""

READER_PREFIX = "exec /bin/sh -c 'IFS= read -r c; n=${#c}; "
"""How a command begins that reads another one, a line, from its standard input."""


def split_command(command: str) -> tuple[str, bytes]:
    """The command for the request to the server, and its standard input.

    Only one line of ASCII can go on standard input; any other command is never split.
    """
    if len(command) < COMMAND_LIMIT or not command.isascii() or "\n" in command:
        return command, b""
    return _reader(len(command)), f"{command}\n".encode("ascii")


def _reader(size: int) -> str:
    """A command that runs a line of ``size`` bytes, in the form of `probe.script`.

    It compares the sizes, as a start-up file of the login shell may have read some of the input.
    Only builtins of sh: it starts no further process.
    """
    return (
        f'{READER_PREFIX}if [ $n = {size} ]; then eval "$c"; else '
        f'echo "sockfleet: only $n of {size} bytes of the command came on standard input" >&2; '
        "exit 1; fi'"
    )
