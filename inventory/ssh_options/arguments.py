"""Parse the words of an ssh command line into options, as ssh does.

``ansible_ssh_args`` and similar variables hold such words, and so does a ``ProxyCommand`` that runs
ssh. A flag becomes the option that it sets (``-p 2222`` is ``Port 2222``), so that
`login.LoginResolver` handles both alike. Forms are those of ssh(1) and ssh_config(5); which flags
take a value, and which override an earlier option, is as in ssh 9.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...core.lazy_pattern import lazy_pattern
from ...core.record import record
from ...core.text import quote
from ..errors import InventoryError

__all__ = ["SshArguments", "SshOption", "read_arguments", "read_option", "split_words"]

_OPTION = lazy_pattern(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+|$)(.*)", re.DOTALL)

# Flag -> the options that it sets. "!" marks those that override an earlier value (ssh assigns them
# unconditionally); for all others ssh keeps the first value it gets.
_SWITCHES: dict[str, tuple[str, ...]] = {
    "2": (),
    "4": ("!AddressFamily inet",),
    "6": ("!AddressFamily inet6",),
    "A": ("!ForwardAgent yes",),
    "C": ("!Compression yes",),
    "K": ("!GSSAPIAuthentication yes", "!GSSAPIDelegateCredentials yes"),
    "M": ("!ControlMaster yes",),
    "T": ("!RequestTTY no",),
    "X": ("!ForwardX11 yes",),
    "Y": ("!ForwardX11 yes",),
    "a": ("!ForwardAgent no",),
    "k": ("!GSSAPIDelegateCredentials no",),
    "n": ("!StdinNull yes",),
    "q": ("!LogLevel quiet",),
    "t": ("!RequestTTY yes",),
    "v": ("!LogLevel verbose",),
    "x": ("!ForwardX11 no",),
    "y": (),
}
_VALUED = {
    "D": "DynamicForward",
    "I": "PKCS11Provider",
    "J": "ProxyJump",
    "L": "LocalForward",
    "R": "RemoteForward",
    "S": "!ControlPath",
    "b": "!BindAddress",
    "B": "BindInterface",
    "c": "!Ciphers",
    "e": "!EscapeChar",
    "i": "IdentityFile",
    "l": "User",
    "m": "!MACs",
    "p": "Port",
    "P": "Tag",
    "w": "Tunnel",
}
# Their value is the rest of the line, quotes and # included.
_VERBATIM = frozenset(
    {"knownhostscommand", "localcommand", "proxycommand", "proxyjump", "remotecommand"}
)
# Flags for which ssh does something else than log in and run a command.
_REFUSED = frozenset("1EGNOQVWfgs")


@record
class SshOption:
    """One option of ssh_config(5), from a flag, ``-o``, a variable or a file."""

    keyword: str
    """As written; use `name` to compare."""
    text: str
    """Everything after the keyword, for options that take a whole command."""
    words: tuple[str, ...]
    """The words of ``text``, without quotes."""
    source: str
    """The variable or ``file:line`` that sets it, for messages."""
    flag: str = ""
    """The letter of the flag that sets it; empty where the keyword is written out."""
    overrides: bool = False
    """Whether it overrides an earlier one; otherwise the first takes effect."""
    is_default: bool = False
    """Whether it stands in a file that ssh reads by itself, without -F."""

    @property
    def name(self) -> str:
        """The keyword in lower case, as ssh ignores case."""
        return self.keyword.lower()

    @property
    def written(self) -> str:
        """The flag or keyword as the user wrote it, for messages."""
        return f"-{self.flag}" if self.flag else self.keyword


@record
class SshArguments:
    """The content of one string of ssh arguments."""

    options: tuple[SshOption, ...] = ()
    config_file: str | None = None
    """``-F``; ``none`` means no file. None: the flag is absent."""
    forward: str | None = None
    """``-W``, only in a proxy command."""
    destination: str | None = None
    """The host to connect to, only in a proxy command."""
    runs_command: bool = False
    """Whether words for the remote shell follow the destination, only in a proxy command."""


def read_arguments(words: Iterable[str], source: str, *, proxy: bool = False) -> SshArguments:
    """Parse words such as ``-o ProxyJump=b -p 2222``; with ``proxy`` also ``-W`` and a destination.

    Raises InventoryError naming a flag or word that is refused or unknown.
    """
    options: list[SshOption] = []
    overriding: list[SshOption] = []
    found: dict[str, str] = {}
    runs_command = False
    for flag, value in _parse_flags(iter(words), source, proxy=proxy):
        if flag in {"F", "W", ""}:
            if flag == "" and flag in found:
                runs_command = True
                break
            if flag == "W" and flag in found:
                raise InventoryError(source, f"a second -W, {quote(value)}")
            found[flag] = value
            continue
        for option in _expand_flag(flag, value, source):
            (overriding if option.overrides else options).append(option)
    return SshArguments(
        options=(*reversed(overriding), *options),
        config_file=found.get("F"),
        forward=found.get("W"),
        destination=found.get(""),
        runs_command=runs_command,
    )


def read_option(text: str, source: str) -> SshOption:
    """Parse ``Keyword value``, ``Keyword=value`` or ``Keyword="a value"``; raise InventoryError."""
    match = _OPTION().fullmatch(text)
    if match is None:
        raise InventoryError(source, f"{quote(text)} is no ssh option: Keyword=value is expected")
    keyword, rest = match[1], match[2].strip()
    if keyword.lower() in _VERBATIM:
        return SshOption(keyword=keyword, text=rest, words=(rest,) if rest else (), source=source)
    try:
        words = split_words(rest)
    except ValueError as error:
        raise InventoryError(source, f"{keyword}: {error}") from None
    return SshOption(keyword=keyword, text=rest, words=words, source=source)


def split_words(text: str) -> tuple[str, ...]:
    """Split a line of ssh_config into words, quoted or not; a word that begins with # ends it.

    A backslash escapes a quote, a backslash or a blank; before any other character it is literal.
    Raises ValueError where a quote is not closed.
    """
    words: list[str] = []
    word: str | None = None
    open_quote = ""
    position = 0
    while position < len(text):
        char = text[position]
        following = text[position + 1 : position + 2]
        position += 1
        if char == "\\" and following and following in ("'\"\\" if open_quote else "'\"\\ "):
            word = (word or "") + following
            position += 1
        elif char == open_quote:
            open_quote = ""
        elif open_quote:
            word = (word or "") + char
        elif char in "'\"":
            open_quote, word = char, word or ""
        elif char.isspace():
            if word is not None:
                words.append(word)
            word = None
        elif char == "#" and word is None:
            break
        else:
            word = (word or "") + char
    if open_quote:
        raise ValueError(f"a quote is not closed in {quote(text)}")
    return tuple(words) if word is None else (*words, word)


def _parse_flags(words: Iterator[str], source: str, *, proxy: bool) -> Iterator[tuple[str, str]]:
    """Yield (flag, value) as getopt does, and ("", word) for a word that is no flag."""
    for word in words:
        if not word.startswith("-") or word in {"-", "--"}:
            if not proxy or word in {"-", "--"}:
                raise InventoryError(source, f"{quote(word)} is no ssh option")
            yield "", word
            continue
        cluster = word[1:]
        while cluster:
            flag, cluster = cluster[0], cluster[1:]
            if flag in _SWITCHES:
                yield flag, ""
            elif proxy and flag == "N":
                continue  # no remote command, as -W says too
            elif flag in _VALUED or flag in "oF" or (proxy and flag == "W"):
                value = cluster or next(words, None)
                if value is None:
                    raise InventoryError(source, f"-{flag} has no value")
                yield flag, value
                break
            else:
                raise InventoryError(source, _flag_problem(flag))


def _expand_flag(flag: str, value: str, source: str) -> Iterator[SshOption]:
    if flag == "o":
        yield read_option(value, source)
        return
    if flag in _VALUED:
        keyword = _VALUED[flag]
        yield SshOption(
            keyword=keyword.lstrip("!"),
            text=value,
            words=(value,),
            source=source,
            flag=flag,
            overrides=keyword.startswith("!"),
        )
        return
    for text in _SWITCHES[flag]:
        option = read_option(text.lstrip("!"), source)
        yield replace(option, flag=flag, overrides=True)


def _flag_problem(flag: str) -> str:
    if flag in _REFUSED:
        return f"-{flag} is refused: it asks ssh for something else than a login"
    return f"{quote('-' + flag)} is no ssh option"
