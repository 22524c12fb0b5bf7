"""Questions to the user, before the scan starts and only at a terminal."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..inventory.models import Host, Secret

__all__ = ["Passphrases", "prompt"]


def prompt(question: str) -> Secret | None:
    """The answer typed at the controlling terminal; None where there is none."""
    try:
        with Path("/dev/tty").open("w+b", buffering=0):
            pass
    except OSError:
        return None
    try:
        return Secret(getpass.getpass(question))
    except EOFError:
        return None


class Passphrases:
    """Asks for the passphrases of all key files beforehand, once each.

    A host's clock runs while a transport works, so it must not wait for somebody who types.
    """

    def __init__(self) -> None:
        self._known: dict[str, Secret | None] = {}

    @property
    def known(self) -> Mapping[str, Secret]:
        """The answers so far, by key file."""
        return {path: answer for path, answer in self._known.items() if answer is not None}

    def __call__(self, path: str) -> Secret | None:
        if path not in self._known:
            self._known[path] = prompt(f"Passphrase for {path}: ")
        return self._known[path]

    def collect(self, hosts: Iterable[Host]) -> None:
        """Ask for what the hosts' keys and those of their jump hosts need."""
        from ..collector.errors import HostError
        from ..collector.ssh.credentials.store import Credentials
        from ..collector.transport import TransportSettings

        credentials = Credentials(TransportSettings(ask_passphrase=self))
        logins = {host.ssh for host in hosts}
        logins |= {hop.ssh for ssh in logins for hop in ssh.jumps}
        for ssh in logins:
            try:
                credentials.key_files(ssh)
            except HostError:
                continue  # the scan tells it, for the hosts that it concerns
