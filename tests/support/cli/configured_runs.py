"""Commands that find a ``sockfleet.toml``, and what they take from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from sockfleet.cli.configuration.file import read_configuration
from sockfleet.cli.main import cli
from tests.support.cli.command_line import run_command

__all__ = ["Run", "faults", "run_in", "taken", "written"]

Run = Callable[..., tuple[int, str, str]]
"""``run(name, *words)``: exit code, stdout and stderr of ``sockfleet NAME WORDS``."""


def run_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[bytes]
) -> Run:
    """``sockfleet NAME WORDS`` in a folder with an inventory of this machine."""
    (folder / "here.ini").write_text("here ansible_connection=local\n")
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(folder / "xdg"))
    monkeypatch.chdir(folder)

    def call(name: str, *words: str | Path) -> tuple[int, str, str]:
        return run_command(name, *words, monkeypatch=monkeypatch, captured=captured)

    return call


def written(text: str | bytes, path: str = "c.toml") -> Path:
    """A configuration with this text, that others may read and not write."""
    file = Path(path).expanduser()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(0o644)
    return file


def taken(name: str, *words: str) -> dict[str, object]:
    """The options that a command would run with."""
    command = cli.get_command(click.Context(cli), name)
    with command.make_context(name, list(words)) as ctx:
        return ctx.params


def faults(text: str) -> list[str]:
    """What is wrong in a configuration with this text, each with its key before it."""
    file = read_configuration(written(text), named=True)
    return [f"{key}: {problem}" for key, problem in file.faults]
