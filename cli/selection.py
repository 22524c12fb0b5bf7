"""From the words of the command line to the hosts that are meant."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..core.errors import UsageError
from ..core.record import record
from ..inventory.connection.connection import ConnectionDefaults, check_hosts, resolve_hosts
from ..inventory.models import Host, Inventory, Probe, Secret
from ..inventory.name_shard import NameShard
from ..inventory.patterns import match_hosts
from ..inventory.sources.load import load_inventory

__all__ = ["Selection", "connection_defaults", "select_hosts"]


@record
class Selection:
    """The hosts of one call."""

    inventory: Inventory
    hosts: Sequence[Host]
    """Those that are to be asked: of a shard, its own."""
    names: Sequence[str]
    """All that the limit selects, those of other shards too."""
    notes: Sequence[str]
    """Warnings for the user."""


def select_hosts(
    sources: Sequence[str],
    limit: str | None,
    defaults: ConnectionDefaults,
    shard: NameShard | None = None,
) -> Selection:
    """Read the inventories, apply the limit and the shard, judge the connection variables.

    Raises UsageError for all that cannot be used, an empty selection included; that a shard of it
    is empty is nothing wrong.
    """
    inventory = load_inventory(sources, stdin=sys.stdin.buffer)
    found = match_hosts(inventory, limit)
    names = found.hosts if shard is None else [name for name in found.hosts if shard.holds(name)]
    if found.hosts and not names:
        hosts, notes, _ = check_hosts(inventory, names, defaults)
    else:
        hosts, notes = resolve_hosts(inventory, names, defaults)
    return Selection(
        inventory=inventory,
        hosts=hosts,
        names=found.hosts,
        notes=[*inventory.notes, *found.notes, *notes],
    )


def connection_defaults(
    *,
    user: str | None,
    identity: Sequence[str],
    agent: bool,
    ask_pass: bool,
    password_file: str | None,
    ssh_config: str | None,
    allow_proxy_command: bool,
    probe: Probe,
    ask: Callable[[str], Secret | None],
) -> ConnectionDefaults:
    """What the command line and the environment say of the login.

    ``ask`` prompts at the terminal, or gives None where there is none. Raises UsageError where
    something that was asked for is not there.
    """
    socket = os.environ.get("SSH_AUTH_SOCK") or None
    if agent and socket is None:
        raise UsageError("--agent: SSH_AUTH_SOCK is not set, so there is no agent to ask")
    password = _password(ask_pass=ask_pass, password_file=password_file, ask=ask)
    return ConnectionDefaults(
        user=user,
        identity_files=tuple(str(Path(file).expanduser()) for file in identity),
        agent=socket if agent else None,
        password=password,
        ssh_config=ssh_config,
        allow_proxy_command=allow_proxy_command,
        probe=probe,
    )


def _password(
    *, ask_pass: bool, password_file: str | None, ask: Callable[[str], Secret | None]
) -> Secret | None:
    if ask_pass:
        answer = ask("SSH password: ")
        if answer is None:
            raise UsageError("--ask-pass: there is no terminal to ask at")
        return answer
    if password_file is not None:
        try:
            line = Path(password_file).read_text(encoding="utf-8").split("\n", 1)[0]
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--password-file {password_file}: {error}") from error
        return Secret(line)
    held = os.environ.get("SOCKFLEET_PASSWORD")
    return Secret(held) if held else None
