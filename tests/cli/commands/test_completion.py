"""The completion scripts work in their shells, and complete commands, options and values."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from sockfleet.aggregator.fleet import SORT_KEYS
from sockfleet.cli.commands.completion import SCRIPTS
from sockfleet.cli.main import COMMANDS, cli
from tests.support.cli.typed_lines import TypingShell, make_program
from tests.support.paths import ROOT

WORD_BREAKS = " \t\n\"'@><=;|&(:"
"""bash's own COMP_WORDBREAKS."""
GROUPS = {
    "web": {"hosts": {"web1": {}, "web2": {}}},
    "database": {"hosts": {"db1": {}}},
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with an inventory."""
    (tmp_path / "fleet.json").write_text(json.dumps({"all": {"children": GROUPS}}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_command_prints_the_installed_script(shell):
    printed = CliRunner().invoke(cli, ["completion", shell]).stdout
    assert printed == (ROOT / "cli/completions" / SCRIPTS[shell]).read_text()
    check = subprocess.run([shell, "-n"], input=printed.encode(), capture_output=True, check=False)
    assert (check.returncode, check.stderr) == (0, b"")


def complete(line, shell="bash"):
    """Return the values that bash gets for the end of a line."""
    environment = {
        "_SOCKFLEET_COMPLETE": f"{shell}_complete",
        "COMP_LINE": line,
        "COMP_WORDBREAKS": WORD_BREAKS,
    }
    result = subprocess.run(
        [sys.executable, "-m", "sockfleet.cli"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in result.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sockfleet sc", ["scan", "schema"]),
        ("sockfleet scan --host-k", ["--host-keys"]),
        ("sockfleet scan --host-keys ac", ["accept-new"]),
        ("sockfleet scan --sort tcp", ["tcp_close"]),
        ("sockfleet scan --sort ", list(SORT_KEYS)),
        ("sockfleet scan -f p", ["prometheus"]),
        ("sockfleet scan --format=js", ["json"]),
        ("sockfleet scan --transport pa", ["paramiko"]),
        ("sockfleet scan fleet.json -l w", ["web", "web1", "web2"]),
        ("sockfleet scan fleet.json -l web,d", ["web,database", "web,db1"]),
        ("sockfleet scan fleet.json -l web:d", ["database", "db1"]),
        ("sockfleet scan fleet.json -l 'web:!d", ["web:!database", "web:!db1"]),
        ("sockfleet scan fleet.json --limit=web:d", ["database", "db1"]),
        ("sockfleet scan fleet.json -l e", []),
        ("sockfleet scan fleet.json -q --group-by d", ["database"]),
        ("sockfleet scan web1,web2,db1, -l w", ["web1", "web2"]),
        ("sockfleet scan missing.yml -l w", []),
        ("sockfleet scan -l w", []),
        ("sockfleet inventory fleet.json --host d", ["db1"]),
        ("sockfleet explain --inventory fleet.json --host w", ["web1", "web2"]),
        ("sockfleet check fleet.json -w worst.tcp", ["worst.tcp_close="]),
        ("sockfleet scan fleet.json --threshold tw_so", ["tw_sockets="]),
        ("sockfleet scan --config sockfleet.toml --profile n", ["night"]),
        ("sockfleet scan 'unfinished ", [""]),
    ],
)
def test_a_line_is_completed(here, line, expected):
    (here / "sockfleet.toml").write_text("[profile.night]\ntimeout = 60\n")
    assert complete(line) == expected


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_call_without_a_line_completes_commands(shell):
    assert (
        set(COMMANDS) <= {value.split("\t")[0] for value in complete("", shell)} or shell == "zsh"
    )


def test_all_commands_are_completed():
    assert complete("sockfleet ") == list(COMMANDS)


@pytest.mark.parametrize("name", ["fleet.sh", "folder", "vault.yml"])
def test_no_program_is_run_for_a_completion(here, monkeypatch, name):
    """Of an inventory that is a program, or needs ansible-inventory, no name is completed."""
    program = here / ("folder/fleet.sh" if name == "folder" else name)
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\ntouch {here}/ran\necho '{{}}'\n")
    program.chmod(0o755)
    if name == "vault.yml":
        program.write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
        program.chmod(0o644)
        (here / "ansible-inventory").write_text(f"#!/bin/sh\ntouch {here}/ran\n")
        (here / "ansible-inventory").chmod(0o755)
        monkeypatch.setenv("PATH", f"{here}:{os.environ['PATH']}")
    assert complete(f"sockfleet scan {name} -l w") == []
    assert not (here / "ran").exists()


TYPED = [
    ("sockfleet scan --sor\tname", ["scan", "--sort", "name"]),
    ("sockfleet scan --sort orp\t", ["scan", "--sort", "orphan"]),
    ("sockfleet scan fleet.json -l data\t", ["scan", "fleet.json", "-l", "database"]),
    ("sockfleet scan fleet.json -l web:data\t", ["scan", "fleet.json", "-l", "web:database"]),
    ("sockfleet scan --format=inf\t fl\t", ["scan", "--format=influx", "fleet.json"]),
    ("sockfleet scan fl\t--format inf\t", ["scan", "fleet.json", "--format", "influx"]),
    ("sockfleet check fl\t -w worst.orp\t5", ["check", "fleet.json", "-w", "worst.orphan"]),
]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_line_is_completed_by_tab_in_the_shell(here, shell):
    words = make_program(here)
    script = ROOT / "cli/completions" / SCRIPTS[shell]
    if shell == "bash":
        start = [shutil.which("bash"), "--norc", "--noprofile", "-i"]
        setup = f". {script}\n"
    else:
        start = [shutil.which("zsh"), "-f", "-i"]
        setup = f"fpath=({script.parent} $fpath); autoload -U compinit; compinit -u -d dump\n"
    with TypingShell(start, here, {}) as typing:
        typing.type(setup)
        for line, expected in TYPED:
            typing.type(f"{line}\n")
            found = typing.wait_for_file(words).splitlines()
            assert found[: len(expected) - 1] == expected[:-1]
            assert found[len(expected) - 1].startswith(expected[-1])


def test_a_line_is_completed_in_fish(here):
    make_program(here)
    script = ROOT / "cli/completions/sockfleet.fish"
    lines = [
        ("sockfleet scan --sor", "--sort"),
        ("sockfleet scan --sort orp", "orphan"),
        ("sockfleet scan fleet.json -l web:data", "web:database"),
        ("sockfleet scan fl", "fleet.json"),
        ("sockfleet scan --format=inf", "influx"),
    ]
    asked = "\n".join(f"complete -C {line!r}; echo ==" for line, _ in lines)
    result = subprocess.run(
        ["fish", "--no-config", "-c", f"source {script}\n{asked}"],
        env=os.environ | {"PATH": f"{here}/bin:{os.environ['PATH']}", "HOME": str(here)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    answers = [part.strip().splitlines() for part in result.stdout.split("==\n")]
    for (line, expected), answer in zip(lines, answers, strict=False):
        assert any(each.split("\t")[0].endswith(expected) for each in answer), (line, answer)


def test_an_unknown_shell_is_refused():
    assert CliRunner().invoke(cli, ["completion", "tcsh"]).exit_code == 2
