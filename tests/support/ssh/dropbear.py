"""A real Dropbear, the SSH server of OpenWrt and other small machines, for the tests.

It reads the authorized keys of the account alone, so a test needs root, which makes the account.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sockfleet.inventory.models import Host, SshSettings
from tests.support.machine.login_users import shell_path
from tests.support.ssh.sshd import free_port, ssh_keygen

__all__ = ["Dropbear", "run_dropbear"]


@dataclass(frozen=True)
class Dropbear:
    """A running dropbear, and how one account logs in to it."""

    user: str
    client_key: Path
    address: str
    port: int
    host_key: str
    """Its public key, as in known_hosts."""

    def known_hosts_line(self) -> str:
        """Its line of known_hosts."""
        return f"[{self.address}]:{self.port} {self.host_key}\n"

    def host(self) -> Host:
        """A host of an inventory that logs in to it with the account's key."""
        ssh = SshSettings(user=self.user, identity_files=(str(self.client_key),))
        return Host(name="router1", address=self.address, port=self.port, ssh=ssh)


@contextmanager
def run_dropbear(folder: Path, *, user: str, home: Path, address: str) -> Iterator[Dropbear]:
    """Run the server in the block; ``home`` is the account's, which gets the key."""
    client_key, private = ssh_keygen(folder / "client"), folder / "host_key"
    (home / ".ssh").mkdir(mode=0o755)
    public = client_key.with_suffix(".pub").read_text()
    (home / ".ssh" / "authorized_keys").write_text(public)
    port = free_port(address)
    # It removes its pid file at the end, whatever that is: never /dev/null.
    words = [shell_path("dropbear"), "-F", "-E", "-P", str(folder / "pid")]
    words += ["-p", f"{address}:{port}", "-r", str(private)]
    host_key = _make_host_key(private)
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            # It says so once it listens (main_noinetd() in its svr-main.c).
            said = process.stderr.readline()
            assert "Not backgrounding" in said, f"dropbear did not start: {said}"
            yield Dropbear(user, client_key, address, port, host_key)
        finally:
            process.terminate()


def _make_host_key(path: Path) -> str:
    words = [shell_path("dropbearkey"), "-t", "ed25519", "-f", str(path)]
    made = subprocess.run(words, check=True, capture_output=True, text=True)
    (line,) = (line for line in made.stdout.splitlines() if line.startswith("ssh-ed25519 "))
    return line
