"""The question about unknown host keys, put once for all hosts, as ssh puts it for one.

Without a terminal nobody is asked: a message names the command that trusts all of them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import termios
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing

from ...core.program import program_words
from ...core.text import count_text, escape
from ...output.text.abbreviation import abbreviate
from ...scan.hooks import UnknownKey, UnknownKeys
from .streams import warn

__all__ = ["ask_about_keys", "name_trusting_command"]

_TERMINAL = "/dev/tty"
_SHOWN_KEYS = 20
_ANSWERS = "yes/no/[fingerprint]"


def ask_about_keys(
    unknown: UnknownKeys,
    *,
    quiet: bool,
    on_interrupt: Callable[[], None],
) -> Collection[str]:
    """The fingerprints of the keys that the user trusts.

    ``on_interrupt`` is called where a signal ends the question, whose answer is no then.
    """
    terminal = _open_terminal()
    if terminal is None:
        if not quiet:
            warn(f"warning: {name_trusting_command(unknown, sys.argv)}")
        return ()
    with closing(terminal):
        try:
            return _ask(unknown, terminal)
        except KeyboardInterrupt:
            terminal.write("\n")
            on_interrupt()
            return ()


def name_trusting_command(unknown: UnknownKeys, argv: Sequence[str]) -> str:
    """Say what keeps the hosts from being read, and the command that trusts their keys."""
    hosts = count_text(len(unknown.hosts), "host")
    keys = count_text(len(unknown.keys), "host key")
    verb = "is" if len(unknown.keys) == 1 else "are"
    return (
        f"{hosts} not read, as {keys} {verb} in no known_hosts file; this command trusts and "
        f"remembers new keys, never a changed one: {_trusting_command(argv)}"
    )


def _trusting_command(argv: Sequence[str]) -> str:
    words = argv[1:]
    at = words.index("--") if "--" in words else len(words)
    return shlex.join([*program_words(), *words[:at], "--host-keys", "accept-new", *words[at:]])


class _Terminal:
    """The controlling terminal, open for both directions."""

    def __init__(self, descriptor: int) -> None:
        encoding = sys.stderr.encoding
        self._reader = os.fdopen(descriptor, encoding=encoding, errors="replace")
        self._writer = os.fdopen(
            os.dup(descriptor), "w", encoding=encoding, errors="backslashreplace"
        )
        # As ssh does: what was typed while the scan ran answers no question.
        termios.tcflush(descriptor, termios.TCIFLUSH)

    def write(self, text: str) -> None:
        self._writer.write(text)
        self._writer.flush()

    def readline(self) -> str:
        return self._reader.readline()

    def close(self) -> None:
        self._writer.close()
        self._reader.close()


def _open_terminal() -> _Terminal | None:
    """The controlling terminal, if the user looks at it and this process may read from it."""
    if not sys.stderr.isatty():
        return None
    try:
        descriptor = os.open(_TERMINAL, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # In the background a read would stop the process.
        if os.tcgetpgrp(descriptor) == os.getpgrp():
            return _Terminal(descriptor)
    except OSError:
        pass
    os.close(descriptor)
    return None


def _ask(unknown: UnknownKeys, terminal: _Terminal) -> Collection[str]:
    width = shutil.get_terminal_size().columns
    for line in _describe(unknown, width):
        terminal.write(f"{line}\n")
    fingerprints = {key.fingerprint for key in unknown.keys}
    question = f"{_question(unknown)} ({_ANSWERS})? "
    while True:
        terminal.write(question)
        line = terminal.readline()
        answer = line.strip()
        if not line or answer.lower() == "no":
            return ()
        if answer.lower() == "yes":
            return fingerprints
        if answer in fingerprints:
            return (answer,)
        question = "Please type 'yes', 'no' or the fingerprint: "


def _describe(unknown: UnknownKeys, width: int) -> Iterator[str]:
    files = ", ".join(escape(file) for file in unknown.files)
    yield f"{_count(unknown.keys, 'host key')} of {_count(unknown.hosts, 'host')} not in {files}:"
    for key in unknown.keys[:_SHOWN_KEYS]:
        yield from _describe_key(key, width)
    more = unknown.keys[_SHOWN_KEYS:]
    if more:
        names = [name for key in more for name in key.names]
        yield f"  and {_count(more, 'more key')} of {_count(names, 'host')}"
    if unknown.behind:
        yield f"Behind a jump host, with keys not seen yet: {abbreviate(unknown.behind)}"
    kind = unknown.keys[0].kind.lower().replace("-", "_")
    yield f"To compare, on the host: ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub"


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things):,} {noun}{'' if len(things) == 1 else 's'}"


def _describe_key(key: UnknownKey, width: int) -> Iterator[str]:
    """One line where it fits, else the names on a line of their own."""
    names, shown = abbreviate(key.names), f"{key.fingerprint} ({key.kind})"
    line = f"  {shown}  {names}"
    if len(line) <= width:
        yield line
    else:
        yield f"  {shown}"
        yield f"      {names}"


def _question(unknown: UnknownKeys) -> str:
    which = "this key" if len(unknown.keys) == 1 else "these keys"
    if unknown.behind:
        return f"Trust {which}, and the first of each host behind"
    return f"Trust {which}, and read {'it' if len(unknown.hosts) == 1 else 'them'} now"
