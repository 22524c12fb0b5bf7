"""Host keys, and what the policy and ssh itself say of a host that shows one."""

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

__all__ = ["ACCEPT_NEW", "Key", "host", "public", "ssh_accepts", "told", "verdict", "verifier"]

ACCEPT_NEW = SshSettings(host_keys=HostKeyPolicy.ACCEPT_NEW)
"""A host's own settings, which win over the policy of the scan."""


@dataclass(frozen=True)
class Key:
    """A public key as its file has it."""

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
    """The public half of the key file at ``path``."""
    kind, text = path.with_name(path.name + ".pub").read_text().split()[:2]
    return Key(path, kind, text)


def verifier(file: Path, policy: HostKeyPolicy = HostKeyPolicy.STRICT) -> HostKeyVerifier:
    """Of a scan with this one known_hosts file."""
    return HostKeyVerifier(TransportSettings(known_hosts_files=(str(file),), host_keys=policy))


def host(address: str = "web1", port: int = 22, ssh: SshSettings | None = None) -> Host:
    """A host by its address; no key is known by its name."""
    return Host(name="a-name", address=address, port=port, ssh=ssh or SshSettings())


def verdict(judge: HostKeyVerifier, of: Host, key: Key) -> Category | None:
    """Why the host is not trusted that shows this key; None where it is."""
    try:
        judge.for_host(of).check_key(key.kind, key.blob)
    except HostError as error:
        assert error.phase is Phase.KEX
        return error.category
    return None


def told(check: Callable[[], None], category: Category) -> str:
    """The message of a refusal in this category."""
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
