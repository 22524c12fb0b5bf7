"""A machine with the files of examples/ installed below a folder, and real hosts to scan."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.support.ssh.sshd import Sshd

__all__ = ["EXAMPLES", "ExampleMachine", "write_script"]

EXAMPLES = Path(__file__).parents[3] / "examples"
# Absolute folders that the examples name; below ``root`` they replace those of this machine.
PLACES = ("/etc/sockfleet", "/var/lib/sockfleet", "/var/lib/prometheus", "/usr/local/bin")


class ExampleMachine:
    """``root`` replaces ``/``; the fleet is two addresses of an sshd."""

    def __init__(self, root: Path, sshd: Sshd) -> None:
        self.root = root
        for place in PLACES:
            (root / place[1:]).mkdir(parents=True)
        self.state = root / "var/lib/sockfleet"
        self.settings = root / "etc/sockfleet"
        self.command = root / "usr/local/bin/sockfleet"
        self.command.write_text(f'#!/bin/sh\nexec {sys.executable} -m sockfleet.cli "$@"\n')
        self.command.chmod(0o755)
        self.hosts: dict[str, Any] = {
            name: {"ansible_host": address, "ansible_port": sshd.port, "ansible_user": sshd.user}
            for name, address in zip(("web1", "web2"), sshd.addresses, strict=False)
        }
        self.inventory = self.settings / "inventory.yml"
        self.write_inventory()
        shutil.copy(sshd.client_key, self.settings / "id_ed25519")
        (self.settings / "known_hosts").write_text(sshd.known_hosts_lines())
        xdg = root / "etc/xdg/sockfleet"
        xdg.mkdir(parents=True)
        (xdg / "sockfleet.toml").write_text(self.placed("sockfleet.toml"))

    def write_inventory(self) -> None:
        """Write ``hosts`` as the inventory; JSON is YAML."""
        self.inventory.write_text(json.dumps({"all": {"hosts": self.hosts}}))

    def placed(self, example: str) -> str:
        """Return an example with its absolute folders moved below ``root``."""
        text = (EXAMPLES / example).read_text()
        for place in PLACES:
            text = text.replace(place, str(self.root / place[1:]))
        return text

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a cron or systemd job, and this machine's configuration folder."""
        return {
            "HOME": str(self.state),
            "LOGNAME": getpass.getuser(),
            "SHELL": "/bin/sh",
            "PATH": f"{self.command.parent}:{os.defpath}",
            "XDG_CONFIG_DIRS": str(self.root / "etc/xdg"),
        }

    def scan(self) -> dict[str, Any]:
        """Return the document of the last scan."""
        document: dict[str, Any] = json.loads((self.state / "scan.json").read_bytes())
        return document


def write_script(path: Path, text: str) -> None:
    """Write a shell script that anyone may run."""
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
