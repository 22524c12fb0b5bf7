"""The help of a command: ``--help`` fits one screen, ``--help-all`` explains every option.

Both list the options by the groups of their declarations (scan/option_declaration.py). An option
of a group that declares no ``brief`` is for ``--help-all`` alone; an option of no group is in both.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import click

from ..core.lazy_pattern import lazy_pattern
from ..scan.option_declaration import OptionGroup

__all__ = [
    "Example",
    "HelpfulCommand",
    "command_help",
    "example_lines",
    "grouped_options",
    "paragraphs",
    "write_examples",
    "write_groups",
]

_NARROW = 66
"""Columns below which the groups are titles of their own instead of a column."""
_GAP = 2
_BRACKETS = lazy_pattern(r"\[[^\]]*\]")


class Example(NamedTuple):
    """A command line that works, and what it is for in a few words."""

    line: str
    comment: str


class HelpfulCommand(click.Command):
    """A command with examples, ``--help`` of one screen and ``--help-all``."""

    def __init__(self, *args: Any, examples: Sequence[Example] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = examples
        self.params.append(_HelpAllOption())

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the one screen of ``--help``."""
        self.format_usage(ctx, formatter)
        _, *others = paragraphs(self, whole=False)
        formatter.write_text(command_help(self))
        write_examples(self.examples, formatter)
        for paragraph in others:
            formatter.write_paragraph()
            _write_paragraph(paragraph, formatter)
        formatter.write_paragraph()
        _write_brief_options(self, ctx, formatter)
        formatter.write_paragraph()
        if any(_is_rare(parameter) for parameter in self.params):
            rare = sum(_is_rare(parameter) for parameter in self.params)
            formatter.write_text(f"{rare} more: {ctx.command_path} --help-all, or man sockfleet.")

    def format_whole_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what ``--help-all`` prints."""
        self.format_usage(ctx, formatter)
        for paragraph in paragraphs(self, whole=True):
            formatter.write_paragraph()
            _write_paragraph(paragraph, formatter)
        write_examples(self.examples, formatter)
        for title, options in grouped_options(self, ctx):
            with formatter.section(click.style(title, bold=True)):
                records = (option.get_help_record(ctx) for option in options)
                formatter.write_dl([record for record in records if record is not None])


class _HelpAllOption(click.Option):
    """--help-all."""

    def __init__(self) -> None:
        super().__init__(
            ["--help-all"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            help="Explain every option and exit.",
            callback=_show_whole_help,
        )


def _show_whole_help(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing and isinstance(ctx.command, HelpfulCommand):
        formatter = ctx.make_formatter()
        ctx.command.format_whole_help(ctx, formatter)
        click.echo(formatter.getvalue().rstrip("\n"), color=ctx.color)
        ctx.exit()


def paragraphs(command: click.Command, *, whole: bool) -> list[str]:
    r"""The paragraphs of a command's description; what follows ``\f`` only for ``whole``."""
    text = inspect.cleandoc(command.help or "")
    text = text.replace("\f", "") if whole else text.partition("\f")[0]
    return [part for part in text.strip().split("\n\n") if part.strip()]


def grouped_options(
    command: click.Command, ctx: click.Context
) -> Iterator[tuple[str, list[click.Option]]]:
    """The options of a command by the titles of their groups, in the order of `OptionGroup`."""
    options = [each for each in command.get_params(ctx) if isinstance(each, click.Option)]
    for group in OptionGroup:
        found = [option for option in options if getattr(option, "group", None) is group]
        if found:
            yield group.value, found
    rest = [option for option in options if getattr(option, "group", None) is None]
    if rest:
        yield "Options", rest


def write_examples(examples: Sequence[Example], formatter: click.HelpFormatter) -> None:
    """Write command lines with their comments in a second column, below an empty line."""
    if not examples:
        return
    formatter.write_paragraph()
    for line in example_lines(examples, formatter.width):
        formatter.write(f"{line}\n")


def example_lines(examples: Iterable[Example], width: int) -> Iterator[str]:
    """Lines of at most ``width`` columns where a command fits; a comment that does not is left out.

    A command line stays whole, so that it can be copied.
    """
    examples = list(examples)
    widest = max((len(line) for line, text in examples if len(line + text) + 4 <= width), default=0)
    for line, comment in examples:
        padded = f"  {line:<{widest}}  {comment}"
        yield padded if len(padded) <= width else f"  {line}"


def write_groups(
    groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], formatter: click.HelpFormatter
) -> None:
    """Write titles, names and what they do in three columns; where it is narrow, in two."""
    groups = [(title, records) for title, records in groups if records]
    is_narrow = formatter.width < _NARROW or len(groups) == 1
    left = 0 if is_narrow else max(len(title) for title, _ in groups) + _GAP
    middle = max(len(names) for _, records in groups for names, _ in records) + _GAP
    for title, records in groups:
        if is_narrow:
            formatter.write(click.style(f"{title}:", bold=True) + "\n")
        for number, (names, text) in enumerate(records):
            first = title if number == 0 and not is_narrow else ""
            first = click.style(first, bold=True) + " " * (left - len(first))
            indent = "  " if is_narrow else ""
            column = len(indent) + left + middle
            lines = click.formatting.wrap_text(text, max(formatter.width - column, 20)).split("\n")
            formatter.write(f"{indent}{first}{names:<{middle}}{lines[0]}\n")
            for line in lines[1:]:
                formatter.write(f"{' ' * column}{line}\n")


def _is_rare(parameter: click.Parameter) -> bool:
    return (
        getattr(parameter, "group", None) is not None and getattr(parameter, "brief", None) is None
    )


def _is_brief(option: click.Option, are_groups: bool) -> bool:
    """Whether --help lists it; the last line names --help-all where that lists more."""
    if "--help" in option.opts:
        return not are_groups
    return not _is_rare(option) and "--help-all" not in option.opts


def _write_paragraph(paragraph: str, formatter: click.HelpFormatter) -> None:
    if paragraph.startswith("\b"):  # lines that stay as they are
        formatter.write("".join(f"{line}\n" for line in paragraph.strip("\b\n").split("\n")))
    else:
        formatter.write_text(" ".join(paragraph.split()))


def _write_brief_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    listed = list(grouped_options(command, ctx))
    groups = [
        (title, [_brief_record(each, ctx) for each in options if _is_brief(each, len(listed) > 1)])
        for title, options in listed
    ]
    write_groups(groups, formatter)


def _brief_record(option: click.Option, ctx: click.Context) -> tuple[str, str]:
    brief: str | None = getattr(option, "brief", None)
    if brief is None:
        return option.get_help_record(ctx) or ("", "")
    # Of a flag that is on without it, the spelling that turns it off is of use.
    is_on = option.is_flag and option.default is not False and bool(option.secondary_opts)
    names = ", ".join(sorted(option.secondary_opts if is_on else option.opts, key=len))
    if not option.is_flag and not option.count:
        # What may be left out is for --help-all: [FORMAT:]FILE, [strict|accept-new].
        names += f" {_BRACKETS().sub('', option.make_metavar(ctx)) or 'WORD'}"
    return names, f"{brief}{_format_default(option)}"


def _format_default(option: click.Option) -> str:
    """The default, where the option has one that says something."""
    default = option.default
    if option.is_flag or option.count or option.multiple:
        return ""
    if isinstance(default, float):
        return f" [{default:g}]"
    return f" [{default}]" if isinstance(default, (int, str)) else ""


def command_help(command: click.Command) -> str:
    """The first paragraph of a command's description."""
    return " ".join(paragraphs(command, whole=False)[0].split())
