"""Parse values of ssh options: numbers, times, switches, paths, and the tokens in them.

Forms are those of ssh_config(5). An invalid value raises InventoryError with the option, its source
and the value found.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ...core.lazy_pattern import lazy_pattern
from ...core.text import quote
from ..errors import InventoryError
from .arguments import SshOption

__all__ = [
    "Tokens",
    "fill_tokens",
    "parse_address_family",
    "parse_agent_socket",
    "parse_bits",
    "parse_known_hosts",
    "parse_method_order",
    "parse_methods",
    "parse_paths",
    "parse_seconds",
    "parse_switch",
    "parse_value",
]

_T = TypeVar("_T")
_USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
_GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_TIME = lazy_pattern(r"(?:[0-9]{1,6}[smhdw])*(?:[0-9]{1,6})?", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_VARIABLE = lazy_pattern(r"\$\{([^}]*)\}")
IN_COMMANDS = "hnpr"
"""The tokens of ProxyCommand and ProxyJump."""
IN_PATHS = "CdhiklLnpru"
"""The tokens of files' names."""
IN_MATCH = IN_PATHS
"""The tokens of ``Match exec``."""
_FAMILIES = {"any": 0, "inet": int(socket.AF_INET), "inet6": int(socket.AF_INET6)}


class Tokens:
    """The values of %h and the other tokens for one destination, as in ssh_config(5), "TOKENS"."""

    def __init__(
        self, *, alias: str, address: str, port: int, user: str | None, key_alias: str | None = None
    ) -> None:
        self.used = False
        self._values: dict[str, Callable[[], str]] = {
            "%": lambda: "%",
            "h": lambda: address,
            "n": lambda: alias,
            "p": lambda: str(port),
            "r": lambda: getpass.getuser() if user is None else user,
            "u": getpass.getuser,
            "d": lambda: str(Path.home()),
            "i": lambda: str(os.getuid()),
            "k": lambda: alias if key_alias is None else key_alias,
            "l": socket.gethostname,
            "L": lambda: socket.gethostname().partition(".")[0],
            "C": self._hash_connection,
        }

    def fill(self, text: str, *, known: str = IN_COMMANDS) -> str:
        """Replace the tokens in ``text``; raise ValueError for one that is not in ``known``."""
        if "%" not in text:
            return text
        self.used = True

        def value(match: re.Match[str]) -> str:
            if match[1] not in {"%", *known}:
                raise ValueError(f"{quote(match[0])} in {quote(text)} is not filled in here")
            return self._values[match[1]]()

        return re.sub("%(.?)", value, text, flags=re.DOTALL)

    def _hash_connection(self) -> str:
        """Return %C as ssh_connection_hash() in OpenSSH's ssh.c."""
        parts = "".join(self._values[letter]() for letter in "lhpr")
        return hashlib.sha1(parts.encode(), usedforsecurity=False).hexdigest()


def get_word(option: SshOption) -> str:
    """Return the only word of the value; raise InventoryError where there are more."""
    if len(option.words) > 1:
        raise InventoryError(
            option.source, f"{option.written} {quote(option.text)}: one value is expected"
        )
    return option.words[0]


def parse_value(option: SshOption | None, parse: Callable[[str], _T]) -> _T | None:
    """Apply ``parse`` to the value, and turn its ValueError into InventoryError; None: absent."""
    if option is None:
        return None
    try:
        return parse(get_word(option))
    except ValueError as error:
        raise InventoryError(option.source, f"{option.written}: {error}") from None


def parse_switch(option: SshOption | None) -> bool | None:
    """Parse yes or no; None where the option is absent."""

    def parse(word: str) -> bool:
        if word.lower() not in {"yes", "true", "no", "false"}:
            raise ValueError(f"{quote(word)}: yes or no is expected")
        return word.lower() in {"yes", "true"}

    return parse_value(option, parse)


def parse_methods(first: Mapping[str, SshOption]) -> tuple[str, ...]:
    """Return the methods of login that the options leave, by the names of RFC 4252 and 4462.

    Like ssh, those of PreferredAuthentications, in its order, that are switched on. The answer to a
    prompt of keyboard-interactive is the password, so PasswordAuthentication switches off both.
    """
    has_password = parse_switch(first.get("passwordauthentication")) is not False
    has_prompts = parse_switch(first.get("kbdinteractiveauthentication")) is not False
    switches = {
        "gssapi-with-mic": parse_switch(first.get("gssapiauthentication")) is True,
        "publickey": parse_value(first.get("pubkeyauthentication"), _parse_pubkey) is not False,
        "password": has_password,
        "keyboard-interactive": has_password and has_prompts,
    }
    names = _parse_preferred(first) or tuple(switches)
    return tuple(dict.fromkeys(name for name in names if switches.get(name)))


def parse_method_order(first: Mapping[str, SshOption], methods: Sequence[str]) -> tuple[str, ...]:
    """Return `SshSettings.login_methods`; ``methods`` are those of `parse_methods`.

    GSSAPI stays, which `SshSettings.gssapi` switches on.
    """
    preferred = _parse_preferred(first)
    if preferred is None and {"password", "keyboard-interactive"} <= set(methods):
        return ()
    kept = {"gssapi-with-mic", *methods}
    order = (name for name in preferred or ("gssapi-with-mic", *methods) if name in kept)
    return tuple(dict.fromkeys(order)) or ("none",)


def _parse_preferred(first: Mapping[str, SshOption]) -> tuple[str, ...] | None:
    return parse_value(
        first.get("preferredauthentications"),
        lambda text: tuple(name.strip() for name in text.lower().split(",")),
    )


def _parse_pubkey(text: str) -> bool:
    if text.lower() not in {"yes", "true", "no", "false", "unbound", "host-bound"}:
        raise ValueError(f"{quote(text)}: yes, no, unbound or host-bound is expected")
    return text.lower() not in {"no", "false"}


def parse_seconds(text: str) -> float | None:
    """Parse a time of ssh, in seconds or in a form such as ``1m30s``; None for ``none`` and 0.

    Raises ValueError.
    """
    if text.lower() == "none":
        return None
    if not text or not _TIME().fullmatch(text):
        raise ValueError(f"{quote(text)} is no time: seconds, or a form such as 1m30s")
    parts = re.findall(r"([0-9]+)([smhdw]?)", text.lower())
    return float(sum(int(number) * _SECONDS[unit] for number, unit in parts)) or None


def parse_bits(text: str) -> int:
    """Parse the size of a key; raise ValueError."""
    if not re.fullmatch("[0-9]{1,6}", text):
        raise ValueError(f"{quote(text)} is no number of bits")
    return int(text)


def parse_address_family(text: str) -> int:
    """Return socket.AF_INET, AF_INET6, or 0 for either; raise ValueError."""
    if text.lower() not in _FAMILIES:
        raise ValueError(f"{quote(text)}: any, inet or inet6 is expected")
    return _FAMILIES[text.lower()]


def fill_tokens(option: SshOption, text: str, tokens: Tokens, *, known: str = IN_COMMANDS) -> str:
    """Return ``text`` with its tokens replaced; raise InventoryError."""
    try:
        return tokens.fill(text, known=known)
    except ValueError as error:
        raise InventoryError(option.source, f"{option.written}: {error}") from None


def _parse_path(option: SshOption, word: str, tokens: Tokens | None) -> str:
    if not word or word.lower() == "none" or not word.isprintable():
        raise InventoryError(
            option.source,
            f"{option.written} {quote(word)} is refused: the path of a file is expected",
        )
    if word.startswith("-"):
        # It could become an option of a program, and "-" is standard input to many.
        raise InventoryError(
            option.source,
            f"{option.written} {quote(word)} is refused: it begins with '-' (give the "
            "absolute path)",
        )
    try:
        path = str(Path(word).expanduser())
    except RuntimeError:
        raise InventoryError(
            option.source, f"{option.written} {quote(word)}: no such user's home is known"
        ) from None
    if tokens is None:
        return path
    # Variables first: as in ssh, neither a token's value nor a variable's is looked at again.
    parts = _VARIABLE().split(path)
    for index in range(0, len(parts), 2):
        parts[index] = fill_tokens(option, parts[index], tokens, known=IN_PATHS)
    for index in range(1, len(parts), 2):
        name = parts[index]
        if name not in os.environ:
            raise InventoryError(
                option.source,
                f"{option.written} {quote(word)}: the environment variable {quote(name)} is "
                "not set",
            )
        parts[index] = os.environ[name]
    return "".join(parts)


def parse_paths(options: Sequence[SshOption], tokens: Tokens) -> tuple[str, ...]:
    """Return the paths that the options name, ``~`` expanded, each path once, ``none`` left out."""
    words = [(option, get_word(option)) for option in options]
    return tuple(
        dict.fromkeys(
            _parse_path(option, word, tokens) for option, word in words if word.lower() != "none"
        )
    )


def parse_agent_socket(option: SshOption | None, tokens: Tokens, default: str | None) -> str | None:
    """Parse IdentityAgent: ``none``, ``SSH_AUTH_SOCK`` for that variable's value, or a path.

    Returns ``default`` where the option is absent, None for no agent.
    """
    if option is None:
        return default
    word = get_word(option)
    if word.lower() == "none":
        return None
    if word in {"SSH_AUTH_SOCK", "$SSH_AUTH_SOCK"}:
        return os.environ.get("SSH_AUTH_SOCK") or default
    if word.startswith("$"):
        raise InventoryError(
            option.source, f"{option.written} {quote(word)} is refused: a path is expected"
        )
    return _parse_path(option, word, tokens)


def parse_known_hosts(first: Mapping[str, SshOption], tokens: Tokens) -> tuple[str, ...] | None:
    """Return the user's files, then the machine's, in ssh's order; None where neither is named."""
    user, machine = first.get("userknownhostsfile"), first.get("globalknownhostsfile")
    if user is None and machine is None:
        return None
    # ssh replaces tokens and variables in the names of the user's files alone.
    return _parse_known_hosts_option(user, _USER_KNOWN_HOSTS, tokens) + _parse_known_hosts_option(
        machine, _GLOBAL_KNOWN_HOSTS, None
    )


def _parse_known_hosts_option(
    option: SshOption | None, default: tuple[str, ...], tokens: Tokens | None
) -> tuple[str, ...]:
    if option is None:
        return tuple(str(Path(path).expanduser()) for path in default)
    if len(option.words) == 1 and option.words[0].lower() == "none":
        return ()
    return tuple(_parse_path(option, word, tokens) for word in option.words)
