"""Every client of the comparison, by name, in the order of the tables; where and what they are."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import peers_commands
import peers_libraries
import peers_native
import peers_sockfleet
from client_cpu import Peer

MODULES = (peers_sockfleet, peers_native, peers_libraries, peers_commands)
PEERS: dict[str, Peer] = {peer.name: peer for module in MODULES for peer in module.PEERS}
APART = ("parallel-ssh", "ssh2-python", "ssh-python", "hussh", "pyinfra")


def peers_python() -> Path:
    """The interpreter of the peers' own environment, which `./dev bench compare` makes."""
    return Path(sys.prefix) / "peers" / "bin" / "python"


def peers_versions() -> str:
    """What the peers are, those that are there."""
    found = []
    for command, number in (("pdsh", r"pdsh-(\S+)"), ("clush", r"clush (\S+)")):
        if shutil.which(command):
            flag = "-V" if command == "pdsh" else "--version"
            said = subprocess.run([command, flag], capture_output=True, text=True, check=False)
            version = re.search(number, said.stdout)
            found.append(f"{command} {version[1] if version else 'unknown'}")
    asked = {sys.executable: ("ansible-core",), str(peers_python()): APART}
    for python, names in asked.items():
        if Path(python).exists():
            code = (
                "import sys, importlib.metadata as m; print([m.version(n) for n in sys.argv[1:]])"
            )
            said = subprocess.run(
                [python, "-c", code, *names], capture_output=True, text=True, check=True
            )
            numbers = re.findall(r"'(.*?)'", said.stdout)
            found += [f"{name} {number}" for name, number in zip(names, numbers, strict=True)]
    return ", ".join(found)
