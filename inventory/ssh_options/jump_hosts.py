"""Parse jump hosts: ``ProxyJump`` lists, and proxy commands of the form ``ssh -W %h:%p bastion``.

Such commands date from before OpenSSH 7.3, which brought ProxyJump, and are still common in
inventories. They are treated as jumps, so that all hosts behind a bastion share one connection to
it and no shell is started.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import PurePath
from urllib.parse import unquote, urlsplit

from ...core.lazy_pattern import lazy_pattern
from ...core.record import record
from ...core.text import quote
from ..addresses import check_address, check_port, check_user
from ..errors import InventoryError
from .arguments import SshOption, read_arguments
from .values import Tokens, fill_tokens

__all__ = ["JumpTarget", "parse_jump_command", "parse_jumps"]

_DESTINATION = lazy_pattern(
    r"(?:(?P<user>.*)@)?(?:\[(?P<bracketed>[^\]]*)\]|(?P<plain>[^:\[\]]*))(?::(?P<port>[^:]*))?",
    re.DOTALL,
)
# With one of these outside of quotes, a shell does more than run one command.
_SHELL = lazy_pattern(r"[|&;<>()`$*?\n\\!{}]")
_FORWARDS = frozenset({"%h:%p", "[%h]:%p"})


@record
class JumpTarget:
    """One jump host as written; where a field is None, an ssh_config may set it."""

    host: str
    user: str | None = None
    port: int | None = None
    options: tuple[SshOption, ...] = ()
    """The options of a proxy command's ssh; empty for ProxyJump, as ``ssh -J`` passes none."""
    config_file: str | None = None
    """The -F of a proxy command's ssh; None: the same file as for the host itself."""


def parse_jumps(option: SshOption, text: str) -> tuple[JumpTarget, ...]:
    """Parse the hops of a ProxyJump, first hop first; ``none`` has none. Raises InventoryError."""
    if text.lower() == "none":
        return ()
    try:
        return tuple(_parse_destination(part) for part in text.split(","))
    except ValueError as error:
        raise InventoryError(option.source, f"{option.written} {quote(text)}: {error}") from None


def parse_jump_command(option: SshOption, tokens: Tokens) -> JumpTarget | None:
    """Parse ``ssh -W %h:%p … bastion`` into a jump; None for any other command.

    ``tokens`` are those of the host behind it: ssh fills in ``-l %r`` before the command runs.
    Raises InventoryError for such a command with words that ssh itself refuses.
    """
    if _SHELL().search(option.text):
        return None
    try:
        words = shlex.split(option.text)
    except ValueError:
        return None
    if words[:1] == ["exec"]:
        words = words[1:]
    if not words or PurePath(words[0]).name != "ssh":
        return None
    where = f"{option.source}: {option.written}"
    arguments = read_arguments(words[1:], where, proxy=True)
    is_jump = arguments.forward in _FORWARDS and not arguments.runs_command
    if not is_jump or arguments.destination is None:
        return None

    def fill(text: str) -> str:
        return fill_tokens(option, text, tokens)

    try:
        target = _parse_destination(fill(arguments.destination))
    except ValueError as error:
        raise InventoryError(where, str(error)) from None
    return JumpTarget(
        host=target.host,
        user=target.user,
        port=target.port,
        options=tuple(
            replace(given, text=fill(given.text), words=tuple(map(fill, given.words)))
            for given in arguments.options
        ),
        config_file=None if arguments.config_file is None else fill(arguments.config_file),
    )


def _parse_destination(text: str) -> JumpTarget:
    """Parse ``[user@]host[:port]`` or ``ssh://[user@]host[:port]``; raise ValueError."""
    user: str | None
    port: str | None
    if text.lower().startswith("ssh://"):
        uri = urlsplit(text)
        if uri.path not in {"", "/"} or uri.query or uri.fragment or uri.password is not None:
            raise ValueError(f"{quote(text)}: ssh://[user@]host[:port] is expected")
        user = None if uri.username is None else unquote(uri.username)
        match = _DESTINATION().fullmatch(uri.netloc.rpartition("@")[2])
    else:
        match = _DESTINATION().fullmatch(text)
        user = match["user"] if match else None
    if match is None:
        raise ValueError(f"{quote(text)}: [user@]host[:port] is expected, IPv6 in brackets")
    port = match["port"]
    host = match["plain"] if match["bracketed"] is None else match["bracketed"]
    return JumpTarget(
        host=check_address(host),
        user=None if user is None else check_user(user),
        port=None if port is None else check_port(port),
    )
