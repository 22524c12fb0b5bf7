"""Commands that read a ``sockfleet.toml``, and the options they take from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from sockfleet.cli.configuration.file import read_configuration
from sockfleet.cli.main import cli
from tests.support.cli.command_line import run_command

__all__ = ["Run", "configuration_faults", "make_run", "parse_options", "write_configuration"]

Run = Callable[..., tuple[int, str, str]]
"""``run(name, *words)``: exit code, stdout and stderr of ``sockfleet NAME WORDS``."""


def make_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[bytes]
) -> Run:
    """Return a `Run` in a folder with an inventory of this machine."""
    (folder / "here.ini").write_text("here ansible_connection=local\n")
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(folder / "xdg"))
    monkeypatch.chdir(folder)

    def call(name: str, *words: str | Path) -> tuple[int, str, str]:
        return run_command(name, *words, monkeypatch=monkeypatch, captured=captured)

    return call


def write_configuration(text: str | bytes, path: str = "c.toml") -> Path:
    """Write a configuration that others can read and not write; return its path."""
    file = Path(path).expanduser()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(0o644)
    return file


def parse_options(name: str, *words: str) -> dict[str, object]:
    """Return the options that ``sockfleet NAME WORDS`` would run with."""
    command = cli.get_command(click.Context(cli), name)
    with command.make_context(name, list(words)) as ctx:
        return ctx.params


def configuration_faults(text: str) -> list[str]:
    """Return the faults in a configuration with this text, each after its key."""
    file = read_configuration(write_configuration(text), named=True)
    return [f"{key}: {problem}" for key, problem in file.faults]
