"""Ways through other hosts: ``ProxyJump`` lists, and proxy commands that are jumps in disguise.

``ssh -W %h:%p bastion`` was how one jumped before OpenSSH 7.3, and inventories still say it. It is
read as the jump it is, so that one connection to the bastion serves all hosts behind it and no
shell is started.
"""

from __future__ import annotations

import re
import shlex
from pathlib import PurePath
from urllib.parse import unquote, urlsplit

from ...core.record import record
from ...core.text import quote
from ..addresses import check_address, check_port, check_user
from ..errors import InventoryError
from .arguments import SshOption, read_arguments

__all__ = ["JumpTarget", "jump_of_command", "parse_jumps"]

_DESTINATION = re.compile(
    r"(?:(?P<user>.*)@)?(?:\[(?P<bracketed>[^\]]*)\]|(?P<plain>[^:\[\]]*))(?::(?P<port>[^:]*))?",
    re.DOTALL,
)
# Outside of quotes these make a shell do more than run one command.
_SHELL = re.compile(r"[|&;<>()`$*?\n\\!{}]")
_FORWARDS = frozenset({"%h:%p", "[%h]:%p"})


@record
class JumpTarget:
    """One jump host as written; what is None may come from an ssh_config."""

    host: str
    user: str | None = None
    port: int | None = None
    options: tuple[SshOption, ...] = ()
    """What the ssh of a proxy command was given; empty for ProxyJump, as ``ssh -J`` gives none."""
    config_file: str | None = None
    """What the ssh of a proxy command was given with -F; None: the same as for the host itself."""


def parse_jumps(option: SshOption, text: str) -> tuple[JumpTarget, ...]:
    """The hops of a ProxyJump, first hop first; none for ``none``. Raises InventoryError."""
    if text.lower() == "none":
        return ()
    try:
        return tuple(_destination(part) for part in text.split(","))
    except ValueError as error:
        raise InventoryError(option.source, f"{option.written} {quote(text)}: {error}") from None


def jump_of_command(option: SshOption) -> JumpTarget | None:
    """The jump that ``ssh -W %h:%p … bastion`` is; None for any other command.

    Raises InventoryError where it is such a jump, written with words that ssh itself would refuse.
    """
    if _SHELL.search(option.text):
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
    if arguments.forward not in _FORWARDS or arguments.destination is None:
        return None
    try:
        target = _destination(arguments.destination)
    except ValueError as error:
        raise InventoryError(where, str(error)) from None
    return JumpTarget(
        host=target.host,
        user=target.user,
        port=target.port,
        options=arguments.options,
        config_file=arguments.config_file,
    )


def _destination(text: str) -> JumpTarget:
    """``[user@]host[:port]`` or ``ssh://[user@]host[:port]``; raises ValueError."""
    user: str | None
    port: str | None
    if text.lower().startswith("ssh://"):
        uri = urlsplit(text)
        if uri.path not in {"", "/"} or uri.query or uri.fragment or uri.password is not None:
            raise ValueError(f"{quote(text)}: ssh://[user@]host[:port] is expected")
        user = None if uri.username is None else unquote(uri.username)
        match = _DESTINATION.fullmatch(uri.netloc.rpartition("@")[2])
    else:
        match = _DESTINATION.fullmatch(text)
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
