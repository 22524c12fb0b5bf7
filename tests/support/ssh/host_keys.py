"""Host keys, and the verdicts of the policy and of ssh on a host that shows one."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.host_keys.policy import HostKeyVerifier
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, HostKeyPolicy, SshSettings
from tests.support.ssh.sshd import Sshd

__all__ = [
    "ACCEPT_NEW",
    "Key",
    "host",
    "public",
    "refusal",
    "ssh_accepts",
    "verdict",
    "verifier_for",
]

ACCEPT_NEW = SshSettings(host_keys=HostKeyPolicy.ACCEPT_NEW)
"""A host's own settings, which take precedence over the policy of the scan."""


@dataclass(frozen=True)
class Key:
    """A public key as in its file."""

    path: Path
    kind: str
    text: str

    @property
    def blob(self) -> bytes:
        return base64.b64decode(self.text)

    @property
    def line(self) -> str:
        return f"{self.kind} {self.text}"


def public(path: Path) -> Key:
    """Read the public key beside the key file at ``path``."""
    kind, text = path.with_name(path.name + ".pub").read_text().split()[:2]
    return Key(path, kind, text)


def verifier_for(file: Path, policy: HostKeyPolicy = HostKeyPolicy.STRICT) -> HostKeyVerifier:
    """Return the verifier of a scan with this one known_hosts file."""
    return HostKeyVerifier(TransportSettings(known_hosts_files=(str(file),), host_keys=policy))


def host(address: str = "web1", port: int = 22, ssh: SshSettings | None = None) -> Host:
    """Return a host; keys are known by its address, not by its name."""
    return Host(name="a-name", address=address, port=port, ssh=ssh or SshSettings())


def verdict(verifier: HostKeyVerifier, of: Host, key: Key) -> Category | None:
    """Return why the host with this key is not trusted; None if it is trusted."""
    try:
        verifier.for_host(of).check_key(key.kind, key.blob)
    except HostError as error:
        assert error.phase is Phase.KEX
        return error.category
    return None


def refusal(check: Callable[[], None], category: Category) -> str:
    """Return the message of the HostError, of this category, that ``check`` raises."""
    with pytest.raises(HostError) as caught:
        check()
    assert caught.value.category is category
    assert caught.value.message.isprintable()
    return caught.value.message


def ssh_accepts(server: Sshd, file: Path, address: str, *options: str) -> bool:
    """Whether ssh logs in, with ``file`` as its one known_hosts file."""
    command = ["ssh", "-F", "/dev/null", "-p", str(server.port), "-i", str(server.client_key)]
    for option in (
        "BatchMode=yes",
        f"UserKnownHostsFile={file}",
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        *options,
    ):
        command += ["-o", option]
    run = subprocess.run(
        [*command, f"{server.user}@{address}", "true"], capture_output=True, check=False
    )
    return run.returncode == 0
