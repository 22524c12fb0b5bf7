"""How an option is declared: once, as the default of a field of `ScanOptions`.

The declaration holds what the command line, the environment, sockfleet.toml, the manual page and
Python need. The command line makes its options from it (cli/options/click_options.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, TypeVar, get_type_hints

from ..core.record import record

__all__ = ["KEY", "Declaration", "OptionGroup", "declarations", "option"]

T = TypeVar("T")

KEY = "option"
"""Where the metadata of a field holds its `Declaration`."""


class OptionGroup(StrEnum):
    """The title under which the help and the manual page list an option."""

    SELECTION = "Selection"
    """Which hosts are read, and what of each."""
    OUTPUT = "Output"
    COMPARISON = "Comparison"
    HISTORY = "History"
    """Where scans are kept."""
    MAIL = "Mail"
    LEVELS = "Levels"
    """What the state of a monitoring system follows from."""
    LOGIN = "Login"
    HOST_KEYS = "Host keys"
    LIMITS = "Limits"
    SCALE = "Scale"
    REPEAT = "Repeat"
    CONFIGURATION = "Configuration"


@record
class Declaration:
    """What is known of one option apart from its type, which is that of its field."""

    flags: tuple[str, ...]
    """As on the command line, the long one last. The environment variable and the key in
    sockfleet.toml follow from it: ``--known-hosts``, SOCKFLEET_KNOWN_HOSTS, known-hosts."""
    help: str
    metavar: str | None = None
    minimum: float | None = None
    minimum_excluded: bool = False
    """Whether the value must be above ``minimum``."""
    show_default: bool = False
    """Whether the help shows the default as it is; else ``help`` says what None means."""
    is_path: bool = False
    """Whether it names a file: in sockfleet.toml, relative to the folder of that file."""
    group: OptionGroup | None = None
    """None: an option of one command alone, which has too few for groups."""
    brief: str | None = None
    """A few words for the one screen of ``--help``; None: only ``--help-all`` lists the option.
    Of a flag that is on by default, they say what ``--no-…`` does."""


def option(
    default: T,
    *flags: str,
    help: str,  # noqa: A002 (click's word for it)
    metavar: str | None = None,
    minimum: float | None = None,
    minimum_excluded: bool = False,
    show_default: bool = False,
    is_path: bool = False,
    group: OptionGroup | None = None,
    brief: str | None = None,
) -> T:
    """The field of an option: its default and its `Declaration`."""
    declaration = Declaration(
        flags=flags,
        help=help,
        metavar=metavar,
        minimum=minimum,
        minimum_excluded=minimum_excluded,
        show_default=show_default,
        is_path=is_path,
        group=group,
        brief=brief,
    )
    # dataclasses.field() is declared to return its default's type, as here.
    return dataclasses.field(default=default, metadata={KEY: declaration})


def declarations(options: type) -> Iterator[tuple[str, Any, Any, Declaration]]:
    """Name, type, default and declaration of each option of a class, in their order."""
    types = get_type_hints(options)
    for field in dataclasses.fields(options):
        if KEY in field.metadata:
            yield field.name, types[field.name], field.default, field.metadata[KEY]
