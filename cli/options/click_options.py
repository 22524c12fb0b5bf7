"""The options that several commands share, each also readable from SOCKFLEET_<NAME>.

Those of a scan are declared in scan/options.py, once; here they become options of click.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from ...scan.option_declaration import Declaration, OptionGroup, declarations
from ...scan.options import RepeatOptions, ScanOptions
from .parameter_types import EnumChoice, Number, WholeNumber, WordChoice, WorkerCount

if TYPE_CHECKING:  # a run without a completion needs none of it
    from click.shell_completion import CompletionItem

__all__ = [
    "CONNECTION",
    "PACE",
    "PROBE",
    "SCALE",
    "Decorator",
    "FilesArgument",
    "ScanOption",
    "color_option",
    "combine",
    "inventory_argument",
    "message_options",
    "option",
    "output_options",
    "repeat_options",
    "save_options",
    "scan_options",
    "scan_options_from",
    "store_option",
    "verbose_option",
]

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]

CONNECTION = (
    *("user", "identity", "agent", "ask_pass", "password_file", "ssh_config"),
    *("allow_proxy_command", "known_hosts", "host_keys", "transport"),
)
"""How to log in, where the inventory does not say otherwise."""
PROBE = ("probe", "namespaces", "processes", "process_args", "become", "become_method")
"""What is read from each host."""
PACE = ("concurrency", "per_bastion", "connect_timeout_s", "timeout_s", "deadline_s", "retries")
"""How much at once, and for how long."""
SCALE = ("workers", "dask", "dask_ship_secrets")
"""Who shares the work."""


class ScanOption(click.Option):
    """An option that `ScanOptions` declares."""

    def __init__(
        self,
        *words: Any,
        is_path: bool = False,
        group: OptionGroup | None = None,
        brief: str | None = None,
        **settings: Any,
    ) -> None:
        self.is_path = is_path
        """Whether its value names a file."""
        self.group = group
        """The title under which the help lists it; None: an option of one command alone."""
        self.brief = brief
        """What --help says of it; None with a group: only --help-all lists it."""
        super().__init__(*words, **settings)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """The names, keys or files that a shell completes behind it."""
        from .completion_values import COMPLETIONS, complete_files

        if isinstance(self.type, click.Choice):  # its own words, whatever the option is called
            return super().shell_complete(ctx, incomplete)
        complete = complete_files if self.is_path else COMPLETIONS.get(self.opts[-1])
        return (
            super().shell_complete(ctx, incomplete)
            if complete is None
            else complete(ctx, incomplete)
        )


class FilesArgument(click.Argument):
    """An argument that names files."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Let the shell complete them."""
        from .completion_values import complete_files

        return complete_files(ctx, incomplete)


def option(*names: str, **settings: Any) -> Decorator:
    """click.option with the environment variable that the option's long name gives."""
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    settings.setdefault("envvar", "SOCKFLEET_" + long.lstrip("-").replace("-", "_").upper())
    settings.setdefault("show_envvar", False)
    settings.setdefault("cls", ScanOption)
    return click.option(*names, **settings)


def combine(*decorators: Decorator) -> Decorator:
    """One decorator out of several; the options are shown in their order."""

    def decorate(command: Function) -> Function:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def scan_options(*names: str, **changes: Mapping[str, Any]) -> Decorator:
    """The options of `ScanOptions` of these names.

    ``changes`` gives other settings of click by name, for a command whose defaults or short flags
    differ: ``deadline_s={"default": 50.0}``.
    """
    return combine(
        *(_declared_option(name, *_declarations()[name], changes.get(name)) for name in names)
    )


def scan_options_from(given: Mapping[str, Any]) -> ScanOptions:
    """The options that a command got; the others keep their defaults."""
    names = {field.name for field in fields(ScanOptions)}
    return ScanOptions(**{name: value for name, value in given.items() if name in names})


def repeat_options() -> Decorator:
    """--repeat and --interval; docs/repeating.md says what a round is."""
    return combine(*(_declared_option(*each) for each in declarations(RepeatOptions)))


@cache
def _declarations() -> dict[str, tuple[Any, Any, Declaration]]:
    found = declarations(ScanOptions)
    return {name: (kind, default, declared) for name, kind, default, declared in found}


def _declared_option(
    name: str,
    kind: Any,
    default: Any,
    declaration: Declaration,
    changes: Mapping[str, Any] | None = None,
) -> Decorator:
    settings: dict[str, Any] = {
        "help": declaration.help,
        "default": default.value if isinstance(default, StrEnum) else default,
        "metavar": declaration.metavar,
        "is_path": declaration.is_path,
        "group": declaration.group,
        "brief": declaration.brief,
        "flags": declaration.flags,
        **(changes or {}),
    }
    flags = settings.pop("flags")
    if kind in (bool, bool | None):
        long = flags[-1].removeprefix("--")
        flags = (*flags[:-1], f"--{long}/--no-{long}")
    elif get_origin(kind) is Sequence:
        settings["multiple"] = True
    else:
        settings["type"] = _click_type(kind, declaration)
        settings["show_default"] = declaration.show_default
    return option(*flags, name, **settings)


def _click_type(kind: Any, declaration: Declaration) -> Any:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return EnumChoice(kind)
    if get_origin(kind) is Literal:
        return WordChoice(get_args(kind))
    parts = [part for part in get_args(kind) or (kind,) if part is not NoneType]
    if any(get_origin(part) is Literal for part in parts):
        return WorkerCount()
    if parts == [int]:
        return WholeNumber(min=None if declaration.minimum is None else int(declaration.minimum))
    if parts == [float]:
        return Number(min=declaration.minimum, min_open=declaration.minimum_excluded)
    return str


def inventory_argument(*, required: bool = True) -> Decorator:
    """INVENTORY...: files, folders, scripts, ``-``, or ``host1,host2,``."""
    return click.argument(
        "inventory",
        cls=FilesArgument,
        nargs=-1,
        required=required,
        metavar="INVENTORY...",
        envvar="SOCKFLEET_INVENTORY",  # parted by spaces
    )


def output_options() -> Decorator:
    """In which formats the result goes where."""
    return combine(
        option(
            "-f",
            "--format",
            "format_name",
            metavar="FORMAT",
            help="table, json, ndjson, csv, prometheus, influx.  [default: table]",
            group=OptionGroup.OUTPUT,
            brief="json, ndjson, csv, prometheus or influx",
        ),
        option(
            "-o",
            "--output",
            multiple=True,
            metavar="[FORMAT:]FILE",
            help="Write to a file, whole or not at all; repeatable. Nothing goes to stdout then, "
            "unless --format is given.",
            group=OptionGroup.OUTPUT,
            brief="Write a file: .json .csv .prom and more",
        ),
        option(
            "--mode",
            metavar="OCTAL",
            help="Rights of the files of --output, such as 0640.  [default: an existing file's; "
            "0600 for a new one]",
            group=OptionGroup.OUTPUT,
        ),
        option(
            "--top",
            type=WholeNumber(min=1),
            metavar="N",
            help="Only the first N in the table.",
            group=OptionGroup.OUTPUT,
        ),
        option(
            "--all/--no-all",
            "show_all",
            default=False,
            help="Show every host in the table, and not only as many as the terminal has lines.",
            group=OptionGroup.OUTPUT,
        ),
        option(
            "--failures/--no-failures",
            default=False,
            help="Show every failed host below the table, with its whole message.",
            group=OptionGroup.OUTPUT,
        ),
    )


def save_options() -> Decorator:
    """--save and --store."""
    return combine(
        option(
            "--save/--no-save",
            default=False,
            help="Save the scan in the store, for sockfleet history and --against last.  "
            "[default: no-save]",
            group=OptionGroup.HISTORY,
            brief="Keep the scan, for sockfleet history",
        ),
        store_option(group=OptionGroup.HISTORY, brief=None),
    )


def store_option(
    *, brief: str | None = "A file, or postgresql://HOST/DATABASE", **settings: Any
) -> Decorator:
    """--store."""
    return option(
        "--store",
        metavar="FILE|URL",
        help="The store of scans: a file, or postgresql://[USER@]HOST/DATABASE.  [default: "
        "sockfleet/history.db of ~/.local/state]",
        brief=brief,
        callback=_check_store,
        **settings,
    )


def _check_store(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a URL of no database that we know, and a password where others can read it."""
    if value:
        from ...history.store.database.location import parse_location

        location = parse_location(value)
        source = ctx.get_parameter_source(parameter.name or "")
        if location.has_password and source is not click.core.ParameterSource.ENVIRONMENT:
            raise click.BadParameter(
                "a password does not belong here, where other users can read it; use ~/.pgpass "
                "(PGPASSFILE) or SOCKFLEET_STORE",
                ctx,
                parameter,
            )
    return value


def color_option() -> Decorator:
    """--color; NO_COLOR and TERM=dumb count under auto."""
    return option(
        "--color",
        type=WordChoice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="Colour in tables and on stderr.",
        group=OptionGroup.OUTPUT,
    )


def verbose_option() -> Decorator:
    """-v, which counts."""
    return option(
        "-v",
        "--verbose",
        count=True,
        help="Print more on stderr; -vv for debugging.",
        group=OptionGroup.OUTPUT,
        brief="Print more; -vv for debugging",
    )


def message_options() -> Decorator:
    """Messages on stderr."""
    return combine(
        option(
            "-q",
            "--quiet/--no-quiet",
            default=False,
            help="No progress and no notes; errors only.",
            group=OptionGroup.OUTPUT,
            brief="Errors only, as for cron",
        ),
        verbose_option(),
    )
