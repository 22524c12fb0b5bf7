"""What the value of one ssh option means: numbers, times, switches, paths, and the tokens in them.

Forms as in ssh_config(5). Whoever asks gets a judged value, or InventoryError naming the option,
its source and what was found.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ...core.text import quote
from ..errors import InventoryError
from .arguments import SshOption

__all__ = [
    "Tokens",
    "address_family",
    "agent_socket",
    "check_value",
    "file_paths",
    "fill_tokens",
    "known_hosts_files",
    "seconds",
    "yes_or_no",
]

_T = TypeVar("_T")
_USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
_GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_TIME = re.compile(r"(?:[0-9]{1,6}[smhdw])*(?:[0-9]{1,6})?", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_FAMILIES = {"any": 0, "inet": int(socket.AF_INET), "inet6": int(socket.AF_INET6)}


class Tokens:
    """%h and its kin for one destination, filled in where they are written."""

    def __init__(self, *, alias: str, address: str, port: int, user: str | None) -> None:
        self.used = False
        self._values: dict[str, Callable[[], str]] = {
            "%": lambda: "%",
            "h": lambda: address,
            "n": lambda: alias,
            "p": lambda: str(port),
            "r": lambda: getpass.getuser() if user is None else user,
            "u": getpass.getuser,
            "d": lambda: str(Path.home()),
        }

    def fill(self, text: str, *, known: str = "hnprud") -> str:
        """Raises ValueError for a token that is not known here."""
        if "%" not in text:
            return text
        self.used = True

        def value(match: re.Match[str]) -> str:
            if match[1] not in {"%", *known}:
                raise ValueError(f"{quote(match[0])} in {quote(text)} is not filled in here")
            return self._values[match[1]]()

        return re.sub("%(.?)", value, text, flags=re.DOTALL)


def one_word(option: SshOption) -> str:
    """The only word of the value; raises InventoryError where there are more."""
    if len(option.words) > 1:
        raise InventoryError(
            option.source, f"{option.written} {quote(option.text)}: one value is expected"
        )
    return option.words[0]


def check_value(option: SshOption | None, judged: Callable[[str], _T]) -> _T | None:
    """What ``judged`` makes of the value, ValueError made InventoryError; None: absent."""
    if option is None:
        return None
    try:
        return judged(one_word(option))
    except ValueError as error:
        raise InventoryError(option.source, f"{option.written}: {error}") from None


def yes_or_no(option: SshOption | None) -> bool | None:
    """A switch; None where the option is absent."""

    def judged(word: str) -> bool:
        if word.lower() not in {"yes", "true", "no", "false"}:
            raise ValueError(f"{quote(word)}: yes or no is expected")
        return word.lower() in {"yes", "true"}

    return check_value(option, judged)


def seconds(text: str) -> float | None:
    """ConnectTimeout in seconds, or as ssh's times (``1m30s``); none and 0: the scan's."""
    if text.lower() == "none":
        return None
    if not text or not _TIME.fullmatch(text):
        raise ValueError(f"{quote(text)} is no time: seconds, or a form such as 1m30s")
    parts = re.findall(r"([0-9]+)([smhdw]?)", text.lower())
    return float(sum(int(number) * _SECONDS[unit] for number, unit in parts)) or None


def address_family(text: str) -> int:
    """socket.AF_INET, AF_INET6, or 0 for either; raises ValueError."""
    if text.lower() not in _FAMILIES:
        raise ValueError(f"{quote(text)}: any, inet or inet6 is expected")
    return _FAMILIES[text.lower()]


def fill_tokens(option: SshOption, text: str, tokens: Tokens) -> str:
    """``text`` with its tokens filled in; raises InventoryError."""
    try:
        return tokens.fill(text)
    except ValueError as error:
        raise InventoryError(option.source, f"{option.written}: {error}") from None


def _path(option: SshOption, word: str, tokens: Tokens) -> str:
    if not word or word.lower() == "none" or "${" in word or not word.isprintable():
        raise InventoryError(
            option.source,
            f"{option.written} {quote(word)} is refused: the path of a file is expected, "
            "without environment variables",
        )
    try:
        return str(Path(fill_tokens(option, word, tokens)).expanduser())
    except RuntimeError:
        raise InventoryError(
            option.source, f"{option.written} {quote(word)}: no such user's home is known"
        ) from None


def file_paths(options: Sequence[SshOption], tokens: Tokens) -> tuple[str, ...]:
    """The path that each option names, ``~`` expanded, each path once."""
    return tuple(dict.fromkeys(_path(option, one_word(option), tokens) for option in options))


def agent_socket(option: SshOption | None, tokens: Tokens, default: str | None) -> str | None:
    """IdentityAgent: ``none``, ``SSH_AUTH_SOCK`` for that variable's value, or a path."""
    if option is None:
        return default
    word = one_word(option)
    if word.lower() == "none":
        return None
    if word in {"SSH_AUTH_SOCK", "$SSH_AUTH_SOCK"}:
        return os.environ.get("SSH_AUTH_SOCK") or default
    if word.startswith("$"):
        raise InventoryError(
            option.source, f"{option.written} {quote(word)} is refused: a path is expected"
        )
    return _path(option, word, tokens)


def known_hosts_files(first: Mapping[str, SshOption], tokens: Tokens) -> tuple[str, ...] | None:
    """The user's files, then the machine's, as ssh reads them; None where neither is named."""
    user, machine = first.get("userknownhostsfile"), first.get("globalknownhostsfile")
    if user is None and machine is None:
        return None
    return _known_hosts_of(user, _USER_KNOWN_HOSTS, tokens) + _known_hosts_of(
        machine, _GLOBAL_KNOWN_HOSTS, tokens
    )


def _known_hosts_of(
    option: SshOption | None, default: tuple[str, ...], tokens: Tokens
) -> tuple[str, ...]:
    if option is None:
        return tuple(str(Path(path).expanduser()) for path in default)
    if len(option.words) == 1 and option.words[0].lower() == "none":
        return ()
    return tuple(_path(option, word, tokens) for word in option.words)
