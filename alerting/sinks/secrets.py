"""Secrets of a receiver: from a file or the environment, and in no message."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import final

from ...core.text import quote

__all__ = ["Secret", "SecretError", "read_secret_file", "read_secret_variable"]

_LARGEST_FILE = 64 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SecretError(Exception):
    """A secret cannot be read; the text says why and never holds a part of it."""


@final
class Secret:
    """A text that neither `repr`, `str` nor a format shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself; nothing that holds it may be printed."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not to be pickled")


def read_secret_file(path: Path) -> Secret:
    """Read the first line of a file.

    Raises SecretError where it cannot be read, is empty, or may be read by others: a file of ours
    by its group too, as ssh has it for keys; a file of another user, such as root, by everybody.
    """
    try:
        # O_NONBLOCK: to open a FIFO does not wait for one that writes it.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SecretError(f"{path} is not a regular file")
            data = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}") from error
    _check_mode(path, status)
    if len(data) > _LARGEST_FILE:
        raise SecretError(f"{path} is larger than {_LARGEST_FILE >> 10} KiB")
    try:
        line = data.decode().partition("\n")[0].strip()
    except UnicodeDecodeError:
        raise SecretError(f"{path} is not UTF-8") from None
    return _make_secret(line, str(path))


def read_secret_variable(name: str, environment: Mapping[str, str]) -> Secret:
    """Read a variable of the environment; raises SecretError where it is missing or empty."""
    if not _VARIABLE.fullmatch(name):
        raise SecretError(f"{quote(name)} is not the name of a variable")
    if name not in environment:
        raise SecretError(f"the environment has no {name}")
    return _make_secret(environment[name].strip(), name)


def _check_mode(path: Path, status: os.stat_result) -> None:
    others = 0o077 if status.st_uid == os.geteuid() else 0o007
    if status.st_mode & others:
        mode = stat.S_IMODE(status.st_mode)
        raise SecretError(
            f"{path} can be read by others (mode {mode:04o}): chmod 600 {shlex.quote(str(path))}"
        )


def _make_secret(text: str, where: str) -> Secret:
    if not text:
        raise SecretError(f"{where} is empty")
    if not text.isprintable():
        raise SecretError(f"{where} holds a character that is not printable")
    return Secret(text)
