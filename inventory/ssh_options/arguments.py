"""The words of an ssh command line, read as ssh reads them, into options one can judge.

``ansible_ssh_args`` and its kin hold such words, and so does a ``ProxyCommand`` that runs ssh.
Flags become the option they stand for (``-p 2222`` is ``Port 2222``), so that one judge
(`ssh_login`) decides about all of them. Forms as in ssh(1) and ssh_config(5); which flag takes a
value and which overrides an earlier option, as ssh 9.2 behaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...core.record import record
from ...core.text import quote
from ..errors import InventoryError

__all__ = ["SshArguments", "SshOption", "read_arguments", "read_option", "split_words"]

_OPTION = re.compile(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+|$)(.*)", re.DOTALL)

# Flag -> the options it stands for; "!" marks those that override what was said before
# (ssh assigns them outright), where ssh otherwise keeps the first value it gets.
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
# What follows them is taken as it stands, quotes and # included.
_WHOLE = frozenset(
    {"knownhostscommand", "localcommand", "proxycommand", "proxyjump", "remotecommand"}
)
# Each asks ssh for something else than a login that runs a command.
_REFUSED = frozenset("1EGNOQVWfgs")


@record
class SshOption:
    """One option as ssh_config(5) knows them, from wherever it was written."""

    keyword: str
    """As written; `name` is what it is compared by."""
    text: str
    """All that follows the keyword, for the options that take a whole command."""
    words: tuple[str, ...]
    """The same in words, quotes taken away."""
    source: str
    """The variable or file:line it stands in, for messages."""
    flag: str = ""
    """The letter of the flag it was written as; empty for an option written out."""
    overrides: bool = False
    """Whether it wins over an earlier one; otherwise the first counts."""

    @property
    def name(self) -> str:
        """The keyword in lower case: ssh does not care."""
        return self.keyword.lower()

    @property
    def written(self) -> str:
        """How the user wrote it, for messages."""
        return f"-{self.flag}" if self.flag else self.keyword


@record
class SshArguments:
    """What one string of ssh arguments says."""

    options: tuple[SshOption, ...] = ()
    config_file: str | None = None
    """``-F``; the word ``none`` stands for no file."""
    forward: str | None = None
    """``-W``, only where a proxy command is read."""
    destination: str | None = None
    """The host to go to, only where a proxy command is read."""


def read_arguments(words: Iterable[str], source: str, *, proxy: bool = False) -> SshArguments:
    """Read words such as ``-o ProxyJump=b -p 2222``; with ``proxy`` also ``-W`` and a destination.

    Raises InventoryError naming the flag or word that has no meaning here.
    """
    options: list[SshOption] = []
    overriding: list[SshOption] = []
    found: dict[str, str] = {}
    for flag, value in _flags(iter(words), source, proxy=proxy):
        if flag in {"F", "W", ""}:
            if flag in found and flag != "F":
                raise InventoryError(source, f"a second {_called(flag)}, {quote(value)}")
            found[flag] = value
            continue
        for option in _options(flag, value, source):
            (overriding if option.overrides else options).append(option)
    return SshArguments(
        options=(*reversed(overriding), *options),
        config_file=found.get("F"),
        forward=found.get("W"),
        destination=found.get(""),
    )


def read_option(text: str, source: str) -> SshOption:
    """One ``Keyword value``, ``Keyword=value`` or ``Keyword="a value"``; raises InventoryError."""
    match = _OPTION.fullmatch(text)
    if match is None:
        raise InventoryError(source, f"{quote(text)} is no ssh option: Keyword=value is expected")
    keyword, rest = match[1], match[2].strip()
    if keyword.lower() in _WHOLE:
        return SshOption(keyword=keyword, text=rest, words=(rest,) if rest else (), source=source)
    try:
        words = split_words(rest)
    except ValueError as error:
        raise InventoryError(source, f"{keyword}: {error}") from None
    return SshOption(keyword=keyword, text=rest, words=words, source=source)


def split_words(text: str) -> tuple[str, ...]:
    """The words of an ssh_config line: quoted with ' or ", ended by a word that begins with #.

    A backslash takes away the meaning of a quote, a backslash or a blank, and stands for itself
    before anything else. Raises ValueError where a quote is not closed.
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


def _flags(words: Iterator[str], source: str, *, proxy: bool) -> Iterator[tuple[str, str]]:
    """(flag, value) as getopt would give them; ("", word) for what is no flag."""
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
            elif flag in _VALUED or flag in "oF" or (proxy and flag == "W"):
                value = cluster or next(words, None)
                if value is None:
                    raise InventoryError(source, f"-{flag} stands without its value")
                yield flag, value
                break
            else:
                raise InventoryError(source, _no_flag(flag))


def _options(flag: str, value: str, source: str) -> Iterator[SshOption]:
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


def _called(flag: str) -> str:
    return f"-{flag}" if flag else "destination"


def _no_flag(flag: str) -> str:
    if flag in _REFUSED:
        return f"-{flag} is refused: it asks ssh for something else than a login"
    return f"{quote('-' + flag)} is no ssh option"
