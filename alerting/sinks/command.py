"""Run a program with the notification as JSON on its standard input.

    page: {type: command, command: [/usr/local/bin/page, --now], timeout: 30s}

Exit status 0: delivered. 65 (EX_DATAERR of sysexits.h): refused, and not tried again. Any other, a
signal, or the end of the time limit: tried again.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from ...core.record import record
from ...core.text import clean
from ..notification import Message
from ..notification_document import encode_message
from .identity import make_delivery_id
from .registry import Notifier
from .settings import SinkSettings
from .sink import Answer, Delivered, Refused, Unreached

__all__ = ["NOTIFIER", "CommandSettings", "CommandSink"]

_TIMEOUT_S = 30.0
_MOST_S = 600.0
_MOST_OUTPUT = 64 * 1024
"""Bytes of the program's output that are read; it is killed when it writes more."""
_POLL_S = 0.05
"""How long the end of a program goes unseen whose children hold its output open."""
_REFUSED = os.EX_DATAERR

# The environment of the run may hold passwords of other sinks.
_PASSED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE"),
    *("LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME", "LC_NUMERIC", "XDG_RUNTIME_DIR"),
)


@record
class CommandSettings:
    """What is run, and how."""

    words: tuple[str, ...]
    timeout_s: float
    folder: Path
    """The working folder: that of the rules file."""
    environment: Mapping[str, str]
    """The whole environment, without the variables of each message."""

    def __repr__(self) -> str:
        return f"CommandSettings({self.words[:1]})"  # words and variables may hold secrets


class CommandSink:
    """A sink that runs a program."""

    repeats_all = False
    most_alerts = 1_000_000

    def __init__(self, name: str, settings: CommandSettings) -> None:
        self.name = name
        self._settings = settings

    def send(self, message: Message) -> Answer:
        """Run the program to its end, or to its time limit."""
        settings = self._settings
        event = message.alerts[0].event
        # No text of a host is in the environment: shells and loaders read it before the program.
        variables = {
            "SOCKFLEET_SINK": self.name,
            "SOCKFLEET_EVENT": event.value,
            "SOCKFLEET_DELIVERY_ID": make_delivery_id(message),
        }
        try:
            process = subprocess.Popen(
                settings.words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=settings.folder,
                env={**settings.environment, **variables},
                start_new_session=True,  # a process group of its own, to kill it as a whole
            )
        except OSError as error:
            return Unreached(reason=f"{settings.words[0]} cannot be run: {error.strerror}")
        run = _Run(process, encode_message(message), settings.timeout_s)
        try:
            failure = run.wait()
        except BaseException:
            run.kill()
            raise
        if failure is not None:
            run.kill()
            return Unreached(reason=f"{settings.words[0]} {failure}{run.last_words()}")
        return _judge(settings.words[0], process.returncode, run.last_words())


def _judge(program: str, status: int, last_words: str) -> Answer:
    if status == 0:
        return Delivered()
    if status == _REFUSED:
        return Refused(reason=f"{program} refused it (exit status {status}){last_words}")
    ended = f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
    return Unreached(reason=f"{program} {ended}{last_words}")


class _Run:
    """One run: feeds the input, keeps the output, watches both limits."""

    def __init__(self, process: subprocess.Popen[bytes], data: bytes, limit_s: float) -> None:
        self._process = process
        self._stdin = cast("IO[bytes]", process.stdin)
        self._stdout = cast("IO[bytes]", process.stdout)
        self._unsent = memoryview(data)
        self._output = bytearray()
        self._limit_s = limit_s
        self._deadline = time.monotonic() + limit_s

    def wait(self) -> str | None:
        """Wait for the end; return why it is to be killed, or None where it ended by itself."""
        with self._stdout, selectors.DefaultSelector() as selector:
            for stream, event in (
                (self._stdin, selectors.EVENT_WRITE),
                (self._stdout, selectors.EVENT_READ),
            ):
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, event)
            while self._process.poll() is None or self._has_output(selector):
                if time.monotonic() >= self._deadline:
                    return f"was not done in {self._limit_s:g} s and was stopped"
                for key, _ in selector.select(_POLL_S):
                    if key.fileobj is self._stdin:
                        self._feed(selector)
                    else:
                        self._read(selector)
                if len(self._output) >= _MOST_OUTPUT:
                    return f"wrote more than {_MOST_OUTPUT >> 10} KiB and was stopped"
        return None

    def kill(self) -> None:
        """Kill the whole process group, and collect the program."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close_input()

    def last_words(self) -> str:
        """The last line of the output, for a message."""
        lines = bytes(self._output).splitlines()
        text = clean(lines[-1]) if lines else ""
        return f": {text}" if text else ""

    def _has_output(self, selector: selectors.BaseSelector) -> bool:
        """Whether there is output of the program that ended; its children may go on for long."""
        return any(key.fileobj is self._stdout for key, _ in selector.select(0))

    def _feed(self, selector: selectors.BaseSelector) -> None:
        try:
            sent = os.write(self._stdin.fileno(), self._unsent[: 64 * 1024])
        except BlockingIOError:
            return
        except OSError:  # the program reads no more: its exit status says what that means
            sent = len(self._unsent)
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            selector.unregister(self._stdin)
            self._close_input()

    def _read(self, selector: selectors.BaseSelector) -> None:
        try:
            data = os.read(self._stdout.fileno(), 16 * 1024)
        except BlockingIOError:
            return
        self._output += data
        if not data:
            selector.unregister(self._stdout)

    def _close_input(self) -> None:
        with suppress(OSError):
            self._stdin.close()


def _build(settings: SinkSettings) -> CommandSink:
    words = settings.words("command")
    passed = settings.texts("environment", required=False)
    if words:
        words = (_find_program(words[0], settings), *words[1:])
    return CommandSink(
        settings.name,
        CommandSettings(
            words=words,
            timeout_s=settings.seconds("timeout", _TIMEOUT_S, most=_MOST_S),
            folder=settings.folder,
            environment=settings.environment_of((*_PASSED, *passed)),
        ),
    )


def _find_program(word: str, settings: SinkSettings) -> str:
    """The path of a program: relative to the rules file with a slash, else by PATH."""
    path = settings.environment_of(("PATH",)).get("PATH")
    named = str(settings.resolve(word)) if "/" in word else word
    found = shutil.which(named, path=path)
    if found is None:
        settings.add_fault(f"there is no program {word} that this user may run", "command")
    return found or named


NOTIFIER = Notifier(build=_build)
