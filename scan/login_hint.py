"""The command that shows what a login uses: for hosts that cannot be logged in to."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ..collector.errors import Category
from ..collector.outcome import HostFailure, HostOutcome
from ..core.program import program_words
from ..core.text import escape
from ..inventory.models import Connection, Host, HostKeyPolicy
from .options import ScanOptions

__all__ = ["add_login_hint", "describe_other_logins", "remove_login_hint"]

# Failures that a wrong address, port, user or key explains.
_CATEGORIES = frozenset({Category.DNS, Category.REFUSED, Category.AUTH_DENIED})
_SHOWN_NAMES = 5
_FROM = "its address, user and keys are from: "


def add_login_hint(outcome: HostOutcome, options: ScanOptions) -> HostOutcome:
    """Add to the message of such a failure where its address, port, user and keys are shown."""
    if not isinstance(outcome, HostFailure) or outcome.category not in _CATEGORIES:
        return outcome
    if outcome.host.connection is not Connection.SSH:
        return outcome
    if "-" in options.inventory:  # it was read from a pipe
        return outcome
    command = _report_command(options, outcome.host.name)
    ends = outcome.message.endswith((".", "?"))
    where = " Where" if ends else "; where"
    return replace(outcome, message=f"{outcome.message}{where} {_FROM}{command}")


def remove_login_hint(message: str) -> str:
    """The message without what `add_login_hint` adds: where only a line is shown."""
    return re.sub(rf"(; w| W)here {_FROM}.*", "", message)


def describe_other_logins(options: ScanOptions, hosts: Sequence[Host]) -> Iterator[str]:
    """Notes on the hosts whose inventory names another user or key than the options."""
    reached = [host for host in hosts if host.connection is Connection.SSH]
    if options.user is not None:
        others = [host for host in reached if host.ssh.user != options.user]
        users = dict.fromkeys(escape(host.ssh.user or "your own name") for host in others)
        if others:
            yield _describe(f"-u {escape(options.user)}", "user", list(users), others, options)
    if options.identity:
        others = [host for host in reached if not _uses_identity(host, options)]
        if others:
            yield _describe("-i", "key", [], others, options)


def _uses_identity(host: Host, options: ScanOptions) -> bool:
    """Whether a host is offered a key of the option, by whatever path; ``none`` names no key."""
    given = {_real_path(file) for file in options.identity if file != "none"}
    used = {_real_path(file) for file in host.ssh.identity_files or () if file != "none"}
    return given == used or not given.isdisjoint(used)


@lru_cache(maxsize=256)
def _real_path(file: str) -> str:
    return os.path.realpath(Path(file).expanduser())


def _describe(
    option: str, what: str, values: Sequence[str], hosts: Sequence[Host], options: ScanOptions
) -> str:
    named = f" ({_list(values)})" if values else ""
    note = (
        f"{option}: the inventory names another {what}{named} for {_count(len(hosts))}: "
        f"{_list([host.name for host in hosts])}"
    )
    if "-" in options.inventory:
        return note
    return f"{note}; why: {_report_command(options, hosts[0].name)}"


def _count(hosts: int) -> str:
    return "1 host" if hosts == 1 else f"{hosts} hosts"


def _list(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN_NAMES
    return ", ".join(words[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


@lru_cache(maxsize=1)
def _program_words() -> tuple[str, ...]:
    return program_words()


def _report_command(options: ScanOptions, name: str) -> str:
    """The command as a table prints it after a scan, `output.text.next_command`."""
    words = [*_program_words(), "inventory", *options.inventory]
    if options.user is not None:
        words += ["-u", options.user]
    for file in options.identity:
        words += ["-i", file]
    if options.agent is not None:
        words.append("--agent" if options.agent else "--no-agent")
    if options.ssh_config is not None:
        words += ["--ssh-config", options.ssh_config]
    if options.allow_proxy_command:
        words.append("--allow-proxy-command")
    for file in options.known_hosts:
        words += ["--known-hosts", file]
    if options.host_keys is not HostKeyPolicy.STRICT:
        words += ["--host-keys", options.host_keys.value]
    # A word that begins with a dash would be taken for an option.
    named = [f"--host={name}"] if name.startswith("-") else ["--host", name]
    return shlex.join([*words, "--connection", *named])
