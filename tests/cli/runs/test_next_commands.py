"""The next command keeps the inventory and the options of the scan, and starts this program."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sockfleet.cli.commands.explain import command as explain
from sockfleet.cli.commands.inventory import command as inventory
from sockfleet.cli.commands.scan import command as scan
from sockfleet.cli.runs.next_commands import next_commands
from sockfleet.core.program import program_words


def commands_after(line: str):
    words = shlex.split(line)
    with scan.make_context("scan", words) as ctx:
        return next_commands(ctx)


def options_after(found, command, words):
    """The options that the command gets from the words after its name."""
    with command.make_context("x", list(words[len(program_words()) + 1 :])) as ctx:
        return {name: value for name, value in ctx.params.items() if name in found}


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("fleet.yml", "fleet.yml"),
        ("a.yml 'b c.yml' -u root", "a.yml 'b c.yml' -u root"),
        ("web1,web2, --identity key -i other", "web1,web2, -i key -i other"),
        ("f --sort tw --no-namespaces -vv", "f --sort tw --no-namespaces -vv"),
        ("f --host-keys accept-new --timeout 5", "f --host-keys accept-new --timeout 5.0"),
        ("f -f table -o x.json --top 3 --all", "f"),
        ("f -l web --shard 1/2 --against a.json", "f"),
        ("f --repeat 3 --interval 2 --lock l --mode 600", "f"),
        ("f --threshold held_sockets=5", "f --threshold held_sockets=5"),
        ("f --config /dev/null --profile=x", "f --config /dev/null --profile x"),
    ],
)
def test_options_are_kept_but_for_selection_and_outputs(line, kept, tmp_path):
    if "--profile" in line:
        (tmp_path / "c.toml").write_text("[profile.x]\n")
        line, kept = (text.replace("/dev/null", str(tmp_path / "c.toml")) for text in (line, kept))
    found = commands_after(line)
    begin = [*program_words(), "scan"]
    assert sorted(found.scan) == sorted([*begin, *shlex.split(kept)])
    names = {"inventory", "user", "identity", "sort", "namespaces", "timeout_s", "threshold"}
    with scan.make_context("scan", shlex.split(line)) as ctx:
        given = {name: value for name, value in ctx.params.items() if name in names}
    assert options_after(names, scan, found.scan) == given


def test_explain_gets_the_inventory_and_the_options_that_it_has():
    found = commands_after("f g.yml -u root --sort tw -c 5 -f table")
    words = found.explain[len(program_words()) :]
    assert words[:5] == ("explain", "--inventory", "f", "--inventory", "g.yml")
    assert sorted(words[5:]) == sorted(["-u", "root", "-c", "5"])
    explain.make_context("explain", [*words[1:], "--host", "web1"]).close()
    words = found.inventory[len(program_words()) :]
    assert words == ("inventory", "f", "g.yml", "-u", "root", "--connection")
    inventory.make_context("inventory", [*words[1:], "--host", "web1"]).close()


def test_what_was_given_is_known():
    found = commands_after("f -l web --processes --no-namespaces")
    assert found.limit == "web"
    assert found.given == {"processes"}


def test_an_inventory_from_a_pipe_cannot_be_read_again():
    assert commands_after("-") is None


def test_options_of_the_environment_are_not_repeated(monkeypatch):
    monkeypatch.setenv("SOCKFLEET_USER", "root")
    monkeypatch.setenv("SOCKFLEET_INVENTORY", "f")
    assert commands_after("").scan == (*program_words(), "scan", "f")
    monkeypatch.setenv("SOCKFLEET_FORMAT", "json")
    assert commands_after("-f table").scan == (*program_words(), "scan", "f", "-f", "table")


def test_the_program_is_named_as_it_is_found_from_here(monkeypatch, tmp_path):
    script = Path(sys.executable).with_name("sockfleet")
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    assert program_words() == ("sockfleet",)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert program_words() == (str(script),)
    monkeypatch.chdir(script.parent.parent)
    assert program_words() == ("bin/sockfleet",)
    for words in (program_words(), ("sockfleet",)):
        path = os.environ["PATH"] if words[0] != "sockfleet" else str(script.parent)
        done = subprocess.run(
            [*words, "--version"], check=True, capture_output=True, env={"PATH": path}
        )
        assert done.stdout.startswith(b"sockfleet ")
