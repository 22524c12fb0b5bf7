"""All clients of the comparison by name, in the order of the tables, and their versions."""

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
OWN_ENVIRONMENT = ("parallel-ssh", "ssh2-python", "ssh-python", "hussh", "pyinfra")


def peers_python() -> Path:
    """Return the interpreter of the peers' own environment, which `./dev bench compare` makes."""
    return Path(sys.prefix) / "peers" / "bin" / "python"


def peers_versions() -> str:
    """Return the versions of the peers that are installed."""
    found = []
    for command, number in (("pdsh", r"pdsh-(\S+)"), ("clush", r"clush (\S+)")):
        if shutil.which(command):
            flag = "-V" if command == "pdsh" else "--version"
            output = subprocess.run([command, flag], capture_output=True, text=True, check=False)
            version = re.search(number, output.stdout)
            found.append(f"{command} {version[1] if version else 'unknown'}")
    packages_by_python = {sys.executable: ("ansible-core",), str(peers_python()): OWN_ENVIRONMENT}
    for python, names in packages_by_python.items():
        if Path(python).exists():
            code = (
                "import sys, importlib.metadata as m; print([m.version(n) for n in sys.argv[1:]])"
            )
            output = subprocess.run(
                [python, "-c", code, *names], capture_output=True, text=True, check=True
            )
            numbers = re.findall(r"'(.*?)'", output.stdout)
            found += [f"{name} {number}" for name, number in zip(names, numbers, strict=True)]
    return ", ".join(found)
