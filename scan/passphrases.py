"""Passphrases of key files, asked before the scan starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..collector.agent_listing import AgentListings
from ..inventory.models import Host, Secret

__all__ = ["Passphrases"]


class Passphrases:
    """Asks for the passphrase of each encrypted key file once, before any host is contacted.

    The time limits of a host run while a transport works, so it must not wait for a person who
    types. ``prompt`` asks the user, or gives None where there is no terminal.
    """

    def __init__(self, prompt: Callable[[str], Secret | None]) -> None:
        self._prompt = prompt
        self._answers: dict[str, Secret | None] = {}
        self.agent_listings = AgentListings()
        """For the scan too: no agent is contacted twice."""

    @property
    def known(self) -> Mapping[str, Secret]:
        """The answers so far, by key file."""
        return {path: answer for path, answer in self._answers.items() if answer is not None}

    def __call__(self, path: str) -> Secret | None:
        if path not in self._answers:
            self._answers[path] = self._prompt(f"Passphrase for {path}: ")
        return self._answers[path]

    def collect(self, hosts: Iterable[Host]) -> None:
        """Ask for the passphrases of the keys of these hosts and of their jump hosts."""
        from ..collector.errors import HostError
        from ..collector.ssh.credentials.store import Credentials
        from ..collector.transport import TransportSettings

        credentials = Credentials(
            TransportSettings(ask_passphrase=self, agent_listings=self.agent_listings)
        )
        logins = {host.ssh for host in hosts}
        logins |= {hop.ssh for ssh in logins for hop in ssh.jumps}
        for ssh in logins:
            try:
                credentials.key_files(ssh)
            except HostError:
                continue  # the scan reports it, for the hosts that it concerns
