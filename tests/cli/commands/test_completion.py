"""The completion scripts are valid in their shells, and complete commands and options."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from sockfleet.cli.main import COMMANDS, cli


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_valid(shell, tmp_path):
    script = tmp_path / "script"
    script.write_text(CliRunner().invoke(cli, ["completion", shell]).stdout)
    check = subprocess.run([shell, "-n", str(script)], capture_output=True, check=False)
    assert (check.returncode, check.stderr) == (0, b"")
    assert "_SOCKFLEET_COMPLETE" in script.read_text()


def complete(*words):
    """Return the completions that bash gets for the last of ``words``."""
    environment = {
        "_SOCKFLEET_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["sockfleet", *words]),
        "COMP_CWORD": str(len(words)),
    }
    entry = "import sys; sys.argv[0] = 'sockfleet'; from sockfleet.cli.main import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", entry],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in result.stdout.splitlines()]


def test_commands_and_options_are_completed():
    assert set(complete("")) == set(COMMANDS)
    assert complete("sc") == ["scan", "schema"]
    assert complete("scan", "--host-k") == ["--host-keys"]
    assert complete("scan", "--host-keys", "ac") == ["accept-new"]


def test_an_unknown_shell_is_refused():
    assert CliRunner().invoke(cli, ["completion", "tcsh"]).exit_code == 2
