"""The command that shows what a login uses: for hosts that cannot be logged in to."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ..collector.errors import Category
from ..collector.outcome import HostFailure, HostOutcome
from ..core.text import escape
from ..inventory.models import Connection, Host
from .options import ScanOptions

__all__ = ["add_login_hint", "describe_other_logins"]

# Failures that a wrong address, port, user or key explains.
_CATEGORIES = frozenset({Category.DNS, Category.REFUSED, Category.AUTH_DENIED})
_SHOWN_NAMES = 5


def add_login_hint(outcome: HostOutcome, options: ScanOptions) -> HostOutcome:
    """Add to the message of such a failure where its address, port, user and keys are shown."""
    if not isinstance(outcome, HostFailure) or outcome.category not in _CATEGORIES:
        return outcome
    if outcome.host.connection is not Connection.SSH:
        return outcome
    command = _report_command(options, outcome.host.name)
    hint = f"where its address, user and keys are from: {command}"
    return replace(outcome, message=f"{outcome.message}; {hint}")


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
    return (
        f"{option}: the inventory names another {what}{named} for {_count(len(hosts))}: "
        f"{_list([host.name for host in hosts])}; why: {_report_command(options, hosts[0].name)}"
    )


def _count(hosts: int) -> str:
    return "1 host" if hosts == 1 else f"{hosts} hosts"


def _list(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN_NAMES
    return ", ".join(words[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _report_command(options: ScanOptions, name: str) -> str:
    words = ["sockfleet", "inventory", *options.inventory, "--host", name, "--connection"]
    if options.user is not None:
        words += ["-u", options.user]
    for file in options.identity:
        words += ["-i", file]
    if options.ssh_config is not None:
        words += ["--ssh-config", options.ssh_config]
    if options.agent is False:
        words.append("--no-agent")
    return shlex.join(words)
