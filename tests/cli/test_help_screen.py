"""``--help`` fits one screen in groups, ``--help-all`` and the manual page have every option."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from sockfleet.cli.command_table import COMMAND_GROUPS, load_command, runnable_commands
from sockfleet.cli.help_screen import Example, HelpfulCommand, grouped_options
from sockfleet.cli.main import COMMANDS, cli
from sockfleet.scan.option_declaration import OptionGroup, declarations
from sockfleet.scan.options import RepeatOptions, ScanOptions
from tests.support.cli.command_line import run_command

LINES = 39
"""Of a terminal of 40 lines, the last has the next prompt."""
HELP = {"--help", "--help-all"}


@pytest.fixture
def show(monkeypatch, capsysbinary):
    """Return the lines of a help text on a terminal of that width."""

    def call(*words: str, columns: int = 80) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        words = (*words[0].split(), *words[1:])
        code, out, err = run_command(*words, monkeypatch=monkeypatch, captured=capsysbinary)
        assert (code, err) == (3 if words[0] == "check" else 0, "")
        return out.splitlines()

    return call


def is_rare(option: click.Option) -> bool:
    """Whether only --help-all lists it."""
    return getattr(option, "group", None) is not None and option.brief is None


def options_of(name: str) -> list[click.Option]:
    """Return the options of a command."""
    return [each for each in load_command(name).params if isinstance(each, click.Option)]


@pytest.mark.parametrize("name", runnable_commands())
def test_the_help_of_a_command_fits_a_screen_of_80_by_40(show, name):
    lines = show(name, "--help")
    assert len(lines) <= LINES
    assert [line for line in lines if len(line) > 79 and " > ~/" not in line] == []


def test_the_help_of_sockfleet_fits_a_screen_of_80_by_24(show):
    lines = show("--help")
    assert len(lines) <= 23
    assert max(map(len, lines)) < 80


@pytest.mark.parametrize("columns", [56, 66, 120])
@pytest.mark.parametrize("name", ["scan", "check"])
def test_the_help_fits_other_widths(show, name, columns):
    commands = [f"  {example.line}" for example in examples_of(name)]
    lines = [line for line in show(name, "--help", columns=columns) if line not in commands]
    assert max(map(len, lines)) < columns


@pytest.mark.parametrize("name", ["scan", "check", "explain"])
def test_each_option_of_the_screen_is_one_line(show, name):
    """A continued line begins in the third column, where none of ours continues another."""
    lines = show(name, "--help")
    first = next(i for i, line in enumerate(lines) if line.startswith("Selection "))
    rows = lines[first:-2]
    assert all(re.match(r"([A-Z][a-z ]+| {15})-", row) for row in rows), rows
    titles = [match[1] for row in rows if (match := re.match(r"([A-Z][a-z]+( keys)?) ", row))]
    order = [group.value for group in OptionGroup]
    assert titles == sorted(titles, key=order.index)


@pytest.mark.parametrize("name", runnable_commands())
def test_an_option_is_in_a_group_where_the_command_has_groups(name):
    groups = {getattr(o, "group", None) for o in options_of(name) if not HELP & set(o.opts)}
    assert len(groups) < 2 or None not in groups


def test_every_option_of_a_scan_declares_its_group():
    declared = [*declarations(ScanOptions), *declarations(RepeatOptions)]
    assert [name for name, _, _, each in declared if each.group is None] == []


@pytest.mark.parametrize("name", runnable_commands())
def test_help_all_has_every_option_and_help_the_usual_ones(show, name):
    rare = {o.opts[-1] for o in options_of(name) if is_rare(o)}
    usual = [o for o in options_of(name) if not is_rare(o) and not HELP & set(o.opts)]
    brief = set(re.findall(r"(?<![\w-])--[a-z-]+", "\n".join(show(name, "--help"))))
    assert all({*option.opts, *option.secondary_opts} & brief for option in usual)
    last = f"{len(rare)} more: sockfleet {name} --help-all, or man sockfleet."
    assert (show(name, "--help")[-1] == last) == bool(rare)
    everything = "\n".join(show(name, "--help-all"))
    for option in options_of(name):
        assert option.opts[-1] in everything
        assert re.sub(r"\s+", "", option.help or "") in re.sub(r"\s+", "", everything)


def test_help_all_lists_the_options_by_their_groups(show):
    titles = [line[:-1] for line in show("scan", "--help-all") if re.fullmatch(r"[A-Z].*:", line)]
    context = click.Context(cli)
    command = cli.get_command(context, "scan")
    assert titles == [title for title, _ in grouped_options(command, context)]
    assert len(titles) > 9


def examples_of(name: str) -> tuple[Example, ...]:
    """Return the examples of a command."""
    command = load_command(name)
    assert isinstance(command, HelpfulCommand)
    return tuple(command.examples)


@pytest.mark.parametrize("name", runnable_commands())
def test_the_examples_parse(name):
    command, path = load_command(name), ["sockfleet", *name.split()]
    for line, _ in examples_of(name):
        words = shlex.split(line)
        if name == "alert run" and words[2] != "run":
            words.insert(2, "run")  # it need not be written
        assert words[: len(path)] == path
        words = words[len(path) :]
        _, rest, _ = command.make_parser(click.Context(command)).parse_args(words)
        arguments = [each for each in command.params if isinstance(each, click.Argument)]
        assert arguments or not rest


def test_scan_and_check_show_five_examples(show):
    for name in ("scan", "check"):
        lines = show(name, "--help")[:12]
        assert sum(line.startswith(f"  sockfleet {name} ") for line in lines) == 5


def test_every_command_is_in_one_group_of_the_help(show):
    grouped = [name for names in COMMAND_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(COMMANDS)
    lines = show("--help")
    for name in COMMANDS:
        assert sum(bool(re.match(rf"([A-Z]\w+ +| {{12}}){name} ", line)) for line in lines) == 1


def test_titles_are_bold_on_a_terminal_alone():
    plain = CliRunner().invoke(cli, ["scan", "--help"]).output
    colored = CliRunner().invoke(cli, ["scan", "--help"], color=True).output
    assert "\x1b" not in plain
    assert "\x1b[1mSelection\x1b[0m" in colored
    assert click.unstyle(colored) == plain
