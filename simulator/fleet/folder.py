"""The hosts of a fleet, their addresses, and the folder with the files of its clients."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

from ..scenario.scenario import Scenario, SimulatedHost

__all__ = ["FleetFolder"]

_FIRST_ADDRESS = int(IPv4Address("127.64.0.1"))


class FleetFolder:
    """The hosts of a scenario, and the paths of inventory, known_hosts and key."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.hosts: tuple[SimulatedHost, ...] = scenario.hosts()
        """The hosts with their true numbers, to compare with a scan."""
        self.folder = folder
        self.inventory = folder / "inventory.yml"
        self.known_hosts = folder / "known_hosts"
        self.identity = folder / "id_ed25519"
        """The private key that the hosts accept."""
        self.port = 0
        """The port of all hosts that answer; 0 before the fleet runs."""
        self.addresses = {
            host.name: str(IPv4Address(_FIRST_ADDRESS + number))
            for number, host in enumerate(self.hosts)
        }
        """Addresses by host name, consecutive in 127.64.0.0/10."""
