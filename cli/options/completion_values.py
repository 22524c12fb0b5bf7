"""What a shell completes behind an option: names of the inventory, sort keys, formats.

Nothing is run or contacted for it: of an inventory that needs a program (a script, a plugin, a
vault) no name is completed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ...core.errors import SockfleetError
from ...core.text import has_unsafe
from ...inventory.models import Inventory

__all__ = ["COMPLETIONS", "beginning_with", "complete_files", "whole_context"]

Items = list[CompletionItem[str]]
_FIRST_PART = re.compile(r"(.*[,:&!])?(.*)", re.DOTALL)


def complete_files(_ctx: click.Context, incomplete: str) -> Items:
    """Let the shell complete files."""
    return [CompletionItem(incomplete, type="file")]


def _complete_pattern(ctx: click.Context, incomplete: str) -> Items:
    """The last name of a pattern such as ``web:!db``."""
    if incomplete.startswith("@"):
        return complete_files(ctx, incomplete)
    inventory = _load_inventory(ctx)
    match = _FIRST_PART.fullmatch(incomplete)
    if inventory is None or match is None:
        return []
    before, part = match[1] or "", match[2]
    names = dict.fromkeys((*inventory.groups, *inventory.hosts))
    return beginning_with(part, names, before)


def _complete_group(ctx: click.Context, incomplete: str) -> Items:
    inventory = _load_inventory(ctx)
    return [] if inventory is None else beginning_with(incomplete, inventory.groups)


def _complete_host(ctx: click.Context, incomplete: str) -> Items:
    inventory = _load_inventory(ctx)
    return [] if inventory is None else beginning_with(incomplete, inventory.hosts)


def _complete_sort_key(_ctx: click.Context, incomplete: str) -> Items:
    from ...aggregator.fleet import SORT_KEYS

    return beginning_with(incomplete, SORT_KEYS)


def _complete_format(_ctx: click.Context, incomplete: str) -> Items:
    return beginning_with(incomplete, _registered("sockfleet.outputs"))


def _complete_transport(_ctx: click.Context, incomplete: str) -> Items:
    return beginning_with(incomplete, _registered("sockfleet.transports"))


def _complete_threshold(_ctx: click.Context, incomplete: str) -> Items:
    from dataclasses import fields

    from ...aggregator.thresholds import Thresholds

    return beginning_with(incomplete, (f"{field.name}=" for field in fields(Thresholds)))


def _complete_level(_ctx: click.Context, incomplete: str) -> Items:
    from ...aggregator.measures import KEYS

    return beginning_with(incomplete, (f"{key}=" for key in KEYS))


COMPLETIONS: Mapping[str, Callable[[click.Context, str], Items]] = {
    "--config": complete_files,
    "--critical": _complete_level,
    "--format": _complete_format,
    "--group-by": _complete_group,
    "--host": _complete_host,
    "--inventory": complete_files,
    "--limit": _complete_pattern,
    "--output": complete_files,
    "--scenario": complete_files,
    "--sort": _complete_sort_key,
    "--threshold": _complete_threshold,
    "--transport": _complete_transport,
    "--warning": _complete_level,
}
"""What completes the value of an option, by its long name."""


def beginning_with(incomplete: str, names: Iterable[str], before: str = "") -> Items:
    """The names that begin so, each behind what stands before it on the line."""
    found = (name for name in names if name.startswith(incomplete) and not has_unsafe(name))
    return [CompletionItem(before + name) for name in found]


def _registered(group: str) -> list[str]:
    from importlib.metadata import entry_points

    return sorted({entry.name for entry in entry_points(group=group)})


def _load_inventory(ctx: click.Context) -> Inventory | None:
    """The inventory that the line names so far; None without one, or one that cannot be used."""
    from ...inventory.sources.load import load_inventory

    sources = [str(Path(name).expanduser()) if name[:1] == "~" else name for name in _sources(ctx)]
    if not sources or any(_is_program(source) for source in sources):
        return None
    try:
        return load_inventory(sources, may_run_programs=False)
    except (SockfleetError, RuntimeError):
        return None


def _sources(ctx: click.Context) -> tuple[str, ...]:
    named = ctx.params.get("inventory") or whole_context(ctx).params.get("inventory")
    return tuple(named or ())


def whole_context(ctx: click.Context) -> click.Context:
    """The context of the line without its last option, which still lacks its value.

    click parses neither arguments nor options of a line that ends so.
    """
    words = ctx.obj or []
    if ctx.info_name not in words:
        return ctx
    words = words[words.index(ctx.info_name) + 1 : -1]
    return ctx.command.make_context(ctx.info_name, words, resilient_parsing=True)


def _is_program(source: str) -> bool:
    """Whether reading a source would run it, or a file of it."""
    path = Path(source)
    try:
        files = [path, *path.rglob("*")] if path.is_dir() else [path]
        return any(file.is_file() and os.access(file, os.X_OK) for file in files)
    except OSError:  # a list of hosts that is longer than a file's name may be
        return False
