"""Commands run in the test's own process as the console script runs them, and their options."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from sockfleet.cli.command_table import load_command, runnable_commands
from sockfleet.cli.main import main


def run_command(
    name: str,
    *arguments: str | Path,
    monkeypatch: pytest.MonkeyPatch,
    captured: pytest.CaptureFixture[bytes],
    stdin: bytes = b"",
) -> tuple[int, str, str]:
    """Run ``sockfleet NAME ARGUMENTS``; return its exit code, stdout and stderr."""
    monkeypatch.setattr(sys, "argv", ["sockfleet", name, *map(str, arguments)])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = captured.readouterr()
    return int(ended.value.code or 0), out.decode(), err.decode()


def known_options() -> set[str]:
    """Return every spelling of every option of every command."""
    return {
        option
        for name in runnable_commands()
        for parameter in load_command(name).params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
