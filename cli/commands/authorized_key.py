"""``sockfleet authorized-key``: the restricted line that a key needs for ``--probe forced``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..help_screen import Example, HelpfulCommand
from ..options.click_options import FilesArgument

__all__ = ["command"]

_MOST_BYTES = 64 * 1024


_EXAMPLES = (
    Example("sockfleet authorized-key ~/.ssh/scan.pub --from 10.1.2.0/24", "from one network"),
)


@click.command("authorized-key", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("key", cls=FilesArgument, metavar="KEY.pub")
@click.option(
    "--from",
    "networks",
    multiple=True,
    metavar="CIDR",
    help="Accept the key only from this address or network; repeatable, or with commas.",
)
def command(key: str, *, networks: tuple[str, ...]) -> None:
    """Print the line of authorized_keys that restricts a key to the probe.

    KEY.pub is the public key, "-" standard input. Put the line into ~/.ssh/authorized_keys of an
    account with a real login shell on each host, and scan with --probe forced, or set
    "sockfleet_probe: forced" in the inventory.
    """
    from ...collector.probe.forced_probe import FORCED_COMMAND
    from ...collector.ssh.credentials.authorized_key import check_network, format_authorized_key
    from ..console.streams import write

    allowed = [check_network(word.strip()) for text in networks for word in text.split(",")]
    line = format_authorized_key(_read(key), FORCED_COMMAND, allowed)
    write(f"{line}\n".encode())


def _read(key: str) -> str:
    from ...core.errors import UsageError

    try:
        if key == "-":
            data = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(key).expanduser().open("rb") as stream:
                data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {key}: {error.strerror or error}") from error
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{key}: over {_MOST_BYTES} bytes: not a public key")
    return data.decode("utf-8", "replace")
