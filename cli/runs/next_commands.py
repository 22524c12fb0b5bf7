"""The words of this command line, for the next command that a table prints."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

import click
from click.core import ParameterSource

from ...core.program import program_words
from ...output.formats import NextCommands
from ..options.click_options import CONNECTION, PACE, PROBE

__all__ = ["next_commands"]

_LEFT_OUT = frozenset(
    {
        *("inventory", "limit", "shard", "against", "list_hosts", "print_probe"),
        *("output", "mode", "top", "show_all", "failures", "save", "store"),
        *("rounds", "interval_s", "lock"),
    }
)
"""What selects hosts or outputs, or belongs to one run: the next command has its own."""
_OF_INVENTORY = frozenset({"config", "profile", *CONNECTION})
_OF_EXPLAIN = frozenset({"threshold", "color", *_OF_INVENTORY, *PROBE, *PACE})


def next_commands(ctx: click.Context) -> NextCommands | None:
    """How commands begin that repeat this scan; None where its inventory was read from a pipe.

    What the environment or sockfleet.toml sets, it sets for the next command too.
    """
    inventory = tuple(ctx.params["inventory"])
    if "-" in inventory:
        return None
    program = program_words()
    given = {
        parameter.name: tuple(_words(parameter, ctx))
        for parameter in ctx.command.params
        if parameter.name is not None
        and parameter.name not in _LEFT_OUT
        and ctx.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    }
    if ctx.params["format_name"] == "table" and _is_table_usual(ctx):
        given.pop("format_name")
    sources = tuple(word for source in inventory for word in ("--inventory", source))
    return NextCommands(
        scan=(*program, "scan", *inventory, *_join(given.values())),
        explain=(
            *(*program, "explain", *sources),
            *_join(words for name, words in given.items() if name in _OF_EXPLAIN),
        ),
        inventory=(
            *(*program, "inventory", *inventory),
            *_join(words for name, words in given.items() if name in _OF_INVENTORY),
            "--connection",
        ),
        limit=ctx.params["limit"],
        given=frozenset(name for name in given if ctx.params.get(name)),
    )


def _is_table_usual(ctx: click.Context) -> bool:
    """Whether neither the environment nor sockfleet.toml sets another format."""
    in_file = (ctx.default_map or {}).get("format_name")
    return in_file is None and "SOCKFLEET_FORMAT" not in os.environ


def _words(parameter: click.Parameter, ctx: click.Context) -> Iterator[str]:
    """The option as it is typed, in its short form."""
    name = parameter.name or ""
    value: Any = ctx.params.get(name, ctx.meta.get("sockfleet.configuration", {}).get(name))
    if isinstance(parameter, click.Option) and parameter.count:
        yield "-" + parameter.opts[0][1:] * value
    elif isinstance(value, bool):
        yield (parameter.opts if value else parameter.secondary_opts)[0]
    else:
        for each in value if parameter.multiple else [value]:
            yield from (parameter.opts[0], str(each.value if isinstance(each, Enum) else each))


def _join(words: Iterable[Iterable[str]]) -> Iterator[str]:
    for each in words:
        yield from each
