"""What everyone knows of a fleet, whoever plays it: its hosts, and the folder with its files."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

from ..scenario.scenario import Scenario, SimulatedHost

__all__ = ["FleetFolder"]

_FIRST_ADDRESS = int(IPv4Address("127.64.0.1"))


class FleetFolder:
    """The hosts of a scenario and where the files are that lead to them."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.hosts: tuple[SimulatedHost, ...] = scenario.hosts()
        """What each host holds: the truth to compare a scan with."""
        self.folder = folder
        self.inventory = folder / "inventory.yml"
        self.known_hosts = folder / "known_hosts"
        self.identity = folder / "id_ed25519"
        """The private key that the hosts let in."""
        self.port = 0
        """The one port of all hosts that answer; known once the fleet is entered."""
        self.addresses = {
            host.name: str(IPv4Address(_FIRST_ADDRESS + number))
            for number, host in enumerate(self.hosts)
        }
        """Address by host name: one after the other in 127.64.0.0/10."""
