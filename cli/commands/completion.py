"""``sockfleet completion``: the script that completes its commands and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from ..help_screen import HelpfulCommand

__all__ = ["command"]


@click.command("completion", cls=HelpfulCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:  sockfleet completion bash > ~/.local/share/bash-completion/completions/sockfleet
    zsh:   sockfleet completion zsh > ~/.zfunc/_sockfleet    (with ~/.zfunc in fpath)
    fish:  sockfleet completion fish > ~/.config/fish/completions/sockfleet.fish
    """
    from ..main import cli

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(found(cli, {}, "sockfleet", "_SOCKFLEET_COMPLETE").source())
