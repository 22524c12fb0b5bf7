"""``sockfleet completion``: the script that completes its commands and options in a shell."""

from __future__ import annotations

from pathlib import Path

import click

from ..help_screen import HelpfulCommand
from ..options.parameter_types import WordChoice

__all__ = ["SCRIPTS", "command"]

SCRIPTS = {"bash": "sockfleet.bash", "zsh": "_sockfleet", "fish": "sockfleet.fish"}
"""Shell and file in completions/, by the name under which the shell looks for it."""


@click.command("completion", cls=HelpfulCommand)
@click.argument("shell", type=WordChoice(list(SCRIPTS)))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    An installation for the whole machine (/usr or /usr/local) brings it along. Else:

    \b
    bash:  sockfleet completion bash > ~/.local/share/bash-completion/completions/sockfleet
    zsh:   sockfleet completion zsh > ~/.zfunc/_sockfleet    (with ~/.zfunc in fpath)
    fish:  sockfleet completion fish > ~/.config/fish/completions/sockfleet.fish
    """
    from ..console.streams import write

    folder = Path(__file__).parent.parent / "completions"
    write((folder / SCRIPTS[shell]).read_bytes())
