"""Read the settings of one sink: each of its type, and every fault as a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from ...core.errors import UsageError
from ...core.record import record
from ...core.suggestion import suggest
from ...core.text import escape, has_unsafe, quote
from ...history.moments import parse_duration
from .secrets import Secret, SecretError, read_secret_file, read_secret_variable

__all__ = ["UNREAD", "SettingFault", "SinkSettings"]

T = TypeVar("T")

UNREAD = Secret("unread")
"""What stands for a secret that was not read, as nothing will be sent."""


@record
class SettingFault:
    """What is wrong with one setting, or with a sink as a whole."""

    path: tuple[str, ...]
    """The keys below ``sinks:``, such as ``("page", "timeout")``."""
    problem: str
    """A sentence without the path; it holds no secret."""

    def __str__(self) -> str:
        return f"{escape('.'.join(('sinks', *self.path)))}: {self.problem}"


class SinkSettings:
    """The settings of one sink, as the file has them.

    Each method reads one key. Where the value is missing or wrong it notes a fault and returns a
    value of the right type, so that one pass finds all faults; a sink that was made of faulty
    settings is thrown away.
    """

    def __init__(
        self,
        name: str,
        values: Mapping[object, object],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        reads_secrets: bool = True,
    ) -> None:
        self.name = name
        """The sink's name in the rules file."""
        self.folder = folder
        """What file names are relative to."""
        self.faults: list[SettingFault] = []
        self._values = values
        self._environment = os.environ if environment is None else environment
        self._reads_secrets = reads_secrets
        self._known = ["type"]

    def add_fault(self, problem: str, key: str | None = None) -> None:
        """Note a fault of a key, or of the sink as a whole."""
        path = (self.name,) if key is None else (self.name, key)
        self.faults.append(SettingFault(path=path, problem=problem))

    def has(self, key: str) -> bool:
        """Whether the file gives the key a value."""
        self._learn(key)
        return self._values.get(key) is not None

    def read(self, key: str, check: Callable[[object], T], default: T | None, instead: T) -> T:
        """Any value that ``check`` takes; it raises UsageError for others.

        ``default``: where there is none; None: it is required. ``instead``: with a fault.
        """
        if not self.has(key):
            if default is None:
                self.add_fault(f"{key} is missing")
                return instead
            return default
        try:
            return check(self._values[key])
        except UsageError as error:
            self.add_fault(str(error), key)
            return instead

    def text(self, key: str, default: str | None = None) -> str:
        """A text of one line; required without a default."""
        return self.read(key, _check_text, default, "")

    def optional_text(self, key: str) -> str | None:
        """A text of one line; None where it is not there."""
        return self.text(key) if self.has(key) else None

    def texts(self, key: str, *, required: bool = True) -> tuple[str, ...]:
        """A list of texts, or a single text; one at least where they are required."""
        return self.read(key, _check_texts, None if required else (), ())

    def words(self, key: str) -> tuple[str, ...]:
        """The words of a command line: a list, as no shell splits a text."""
        return self.read(key, _check_words, None, ())

    def number(self, key: str, default: int, *, least: int, most: int) -> int:
        """A whole number between two bounds."""

        def check(value: object) -> int:
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise UsageError(
                    f"expected a number from {least} to {most:,}, found {quote(value)}"
                )
            return value

        return self.read(key, check, default, default)

    def seconds(self, key: str, default: float, *, most: float) -> float:
        """A duration of more than 0: a number of seconds, or a text such as ``2m``."""

        def check(value: object) -> float:
            found = parse_duration(value).total_seconds() if isinstance(value, str) else value
            if isinstance(found, bool) or not isinstance(found, int | float):
                raise UsageError(
                    f"expected seconds, or a duration such as 2m, found {quote(value)}"
                )
            if not 0 < found <= most:
                raise UsageError(
                    f"expected more than 0 and at most {most:g} s, found {quote(value)}"
                )
            return float(found)

        return self.read(key, check, default, default)

    def choice(self, key: str, words: Iterable[str], default: str) -> str:
        """One of some words."""
        known = list(words)

        def check(value: object) -> str:
            if value not in known:
                raise UsageError(f"found {quote(value)}{suggest(str(value), known)}")
            return str(value)

        return self.read(key, check, default, default)

    def switch(self, key: str) -> bool:
        """``true`` or ``false``; false where it is not there."""

        def check(value: object) -> bool:
            if not isinstance(value, bool):
                raise UsageError(f"expected true or false, found {quote(value)}")
            return value

        return self.read(key, check, False, False)

    def file(self, key: str) -> Path | None:
        """A file, relative to the folder of the rules; None where none is named."""
        return self.resolve(self.text(key)) if self.has(key) else None

    def secret(self, key: str, *, required: bool = True, open_too: bool = False) -> Secret | None:
        """A secret: the first line of the file ``KEY-file``, or the variable ``KEY-env``.

        None where there is none, or with a fault. The key itself is a fault, as others read the
        rules file, unless it may be ``open_too``, such as a URL that is a secret for some receivers
        only.
        """
        file, variable = keys = (f"{key}-file", f"{key}-env")
        given = [each for each in (*((key,) if open_too else ()), *keys) if self.has(each)]
        if not open_too and self._values.get(key) is not None:
            self._learn(key)
            self.add_fault(f"a secret does not belong in this file; use {file} or {variable}", key)
        elif len(given) > 1:
            self.add_fault(f"give {given[0]} or {given[1]}, not both", given[1])
        elif given == [key]:
            return Secret(self.text(key))
        elif given == [file]:
            return self._read_secret(file, lambda text: read_secret_file(self.resolve(text)))
        elif given == [variable]:
            return self._read_secret(
                variable, lambda text: read_secret_variable(text, self._environment)
            )
        elif required:
            known = ", ".join((*((key,) if open_too else ()), file))
            self.add_fault(f"{known} or {variable} is missing")
        return None

    def environment_of(self, names: Iterable[str]) -> dict[str, str]:
        """The variables of the environment with these names that there are."""
        return {name: self._environment[name] for name in names if name in self._environment}

    def note_unknown_keys(self) -> None:
        """Note a fault for each key that no method has read."""
        for key in self._values:
            if key not in self._known:
                near = suggest(str(key), self._known)
                self.add_fault(f"there is no such setting{near}", escape(str(key)))

    def _learn(self, *keys: str) -> None:
        self._known += (key for key in keys if key not in self._known)

    def _read_secret(self, key: str, read: Callable[[str], Secret]) -> Secret | None:
        faults = len(self.faults)
        text = self.text(key)
        if len(self.faults) > faults:
            return None
        if not self._reads_secrets:
            return UNREAD
        try:
            return read(text)
        except SecretError as error:
            self.add_fault(str(error), key)
            return None

    def resolve(self, text: str) -> Path:
        """A path of the file, relative to its folder; ``~`` is the home."""
        try:
            return self.folder / Path(text).expanduser()
        except RuntimeError:  # ~ of a user that there is not
            return self.folder / text


def _check_text(value: object) -> str:
    if not isinstance(value, str):
        hint = "; quote it" if isinstance(value, int | float) else ""
        raise UsageError(f"expected a text, found {quote(value)}{hint}")
    if not value.strip():
        raise UsageError("expected a text, found an empty one")
    if has_unsafe(value):
        raise UsageError(f"expected one printable line, found {quote(value)}")
    return value


def _check_texts(value: object) -> tuple[str, ...]:
    found = tuple(_check_text(each) for each in (value if isinstance(value, list) else [value]))
    if not found:
        raise UsageError("expected a list with one text at least, found an empty one")
    return found


def _check_words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise UsageError(
            f"expected a list of words, such as [/usr/local/bin/page, --now], found {quote(value)}"
        )
    return tuple(map(_check_text, value))
