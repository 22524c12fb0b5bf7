"""Key files in every form that ssh-keygen writes, and who takes or refuses them."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.credentials.store import Credentials
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Secret, SshSettings
from tests.support.ssh.sshd import ssh_keygen

__all__ = [
    "FORMS",
    "PASSPHRASE",
    "copy",
    "credentials",
    "naming",
    "public_of",
    "refused",
    "write_every_form",
]

PASSPHRASE = "correct horse"
FEW_ROUNDS = ("-a", "1")  # of the key derivation, which is slow by design
FORMS = {
    "ed25519": ("ed25519", ()),
    "ecdsa": ("ecdsa", ()),
    "rsa": ("rsa", ()),
    "rsa-pem": ("rsa", ("-m", "PEM")),
    "ecdsa-pem": ("ecdsa", ("-m", "PEM")),
    "rsa-pkcs8": ("rsa", ("-m", "PKCS8")),
    "ecdsa-pkcs8": ("ecdsa", ("-m", "PKCS8")),
}


def write_every_form(folder: Path) -> None:
    """Every form of key, open and (NAME-locked) locked."""
    for name, (kind, options) in FORMS.items():
        ssh_keygen(folder / name, *options, key_type=kind)
        locked = shutil.copy(folder / name, folder / f"{name}-locked")
        change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", PASSPHRASE, *FEW_ROUNDS]
        subprocess.run([*change, *options, "-f", str(locked)], check=True)


def public_of(path: Path) -> bytes:
    """The blob of the public key beside this file."""
    return base64.b64decode(path.with_name(path.name + ".pub").read_text().split()[1])


def copy(source: Path, target: Path, mode: int = 0o600) -> Path:
    """The copy, with these rights."""
    shutil.copy(source, target)
    target.chmod(mode)
    return target


def credentials(ask: Callable[[str], Secret | None] | None = None) -> Credentials:
    """Of a scan that asks a person in this way for a passphrase, or nobody."""
    return Credentials(TransportSettings(ask_passphrase=ask))


def naming(*paths: Path, **more: object) -> SshSettings:
    """A host's settings that name these key files."""
    return SshSettings(identity_files=tuple(map(str, paths)), **more)  # type: ignore[arg-type] (mixed keywords)


def refused(look: Callable[[], object]) -> str:
    """The message with which a host fails before it is connected to."""
    with pytest.raises(HostError) as caught:
        look()
    assert (caught.value.category, caught.value.phase) == (Category.CONFIG, Phase.CONFIG)
    assert caught.value.message.isprintable()
    return caught.value.message
