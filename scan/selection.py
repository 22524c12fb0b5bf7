"""From the options to the hosts that are meant."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..core.errors import UsageError
from ..core.record import record
from ..inventory.connection.defaults import ConnectionDefaults
from ..inventory.connection.resolve import check_hosts, resolve_hosts
from ..inventory.models import Host, HostKeyPolicy, Inventory, Secret
from ..inventory.name_shard import NameShard, parse_shard
from ..inventory.patterns import match_hosts
from ..inventory.sources.load import load_inventory
from ..inventory.ssh_options.config_files import find_default_files
from .login_hint import describe_other_logins
from .options import CONNECT_TIMEOUT_S, ScanOptions

__all__ = ["Selection", "connection_defaults", "select_hosts"]


@record
class Selection:
    """The hosts of one scan."""

    inventory: Inventory
    hosts: Sequence[Host]
    """The hosts to read: of a shard, its own."""
    names: Sequence[str]
    """All that the limit selects, those of other shards too."""
    notes: Sequence[str]
    """Warnings for the user."""
    shard: NameShard | None = None
    """Which part of the names the hosts are; None: all."""


def select_hosts(
    options: ScanOptions, *, prompt: Callable[[str], Secret | None] | None = None
) -> Selection:
    """Read the inventories, apply the limit and the shard, check the connection variables.

    ``prompt`` asks for the password of ``ask_pass``, or gives None where there is no terminal.
    Raises UsageError for everything that cannot be used, an empty selection included; an empty
    shard of a selection is no error.
    """
    defaults = connection_defaults(options, prompt)
    shard = None if options.shard is None else parse_shard(options.shard)
    inventory = load_inventory(options.inventory, stdin=sys.stdin.buffer)
    found = match_hosts(inventory, options.limit)
    names = found.hosts if shard is None else [name for name in found.hosts if shard.holds(name)]
    if found.hosts and not names:
        hosts, notes, _ = check_hosts(inventory, names, defaults)
    else:
        hosts, notes = resolve_hosts(inventory, names, defaults)
    return Selection(
        inventory=inventory,
        hosts=hosts,
        names=found.hosts,
        notes=[*inventory.notes, *found.notes, *notes, *describe_other_logins(options, hosts)],
        shard=shard,
    )


def connection_defaults(
    options: ScanOptions, prompt: Callable[[str], Secret | None] | None
) -> ConnectionDefaults:
    """What the options and the environment say of the login; raises UsageError."""
    socket = os.environ.get("SSH_AUTH_SOCK") or None
    if options.agent and socket is None:
        raise UsageError("--agent: SSH_AUTH_SOCK is not set, so there is no agent to ask")
    return ConnectionDefaults(
        user=options.user,
        identity_files=tuple(str(Path(file).expanduser()) for file in options.identity),
        agent=None if options.agent is False else socket,
        refuses_agent=options.agent is False,
        password=_password(options, prompt),
        ssh_config=find_default_files() if options.ssh_config is None else options.ssh_config,
        overridden=frozenset(_overridden_keywords(options)),
        allow_proxy_command=options.allow_proxy_command,
        probe=options.probe,
    )


def _overridden_keywords(options: ScanOptions) -> Iterator[str]:
    """The keywords of an ssh_config that options replace, as ssh's command line does.

    The default of --host-keys and --connect-timeout replaces none.
    """
    if options.agent is False:
        yield "identityagent"
    if options.known_hosts:
        yield from ("userknownhostsfile", "globalknownhostsfile")
    if options.host_keys is not HostKeyPolicy.STRICT:
        yield from ("stricthostkeychecking", "batchmode")
    if options.connect_timeout_s != CONNECT_TIMEOUT_S:
        yield "connecttimeout"


def _password(options: ScanOptions, prompt: Callable[[str], Secret | None] | None) -> Secret | None:
    if options.password is not None:
        return options.password
    if options.ask_pass:
        answer = None if prompt is None else prompt("SSH password: ")
        if answer is None:
            raise UsageError("--ask-pass: there is no terminal to ask at")
        return answer
    file = options.password_file
    if file is not None:
        try:
            line = Path(file).read_text(encoding="utf-8").split("\n", 1)[0]
        except OSError as error:
            raise UsageError(f"--password-file {file}: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"--password-file {file}: {error}") from error
        return Secret(line)
    held = os.environ.get("SOCKFLEET_PASSWORD")
    return Secret(held) if held else None
