"""The keys to log in with: each file is read, judged and unlocked once for a whole scan."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field, replace
from pathlib import Path

from ....core.record import record
from ....inventory.models import Secret, SshSettings
from ...errors import Category, HostError, Phase
from ...transport import TransportSettings
from .agent import agent_keys
from .key_files import certifies, read_certificate, read_private_key, read_public_key
from .private_keys import KeyFileError, read_key_file, unlock

__all__ = ["PASSPHRASE_VARIABLE", "Credentials", "PrivateKeyFile", "default_identity_files"]

PASSPHRASE_VARIABLE = "SOCKFLEET_PASSPHRASE"  # noqa: S105 (the variable's name)

_DEFAULT_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


def default_identity_files() -> tuple[str, ...]:
    """The default keys of ~/.ssh that exist, in the order to offer them."""
    folder = Path("~/.ssh").expanduser()
    return tuple(str(folder / name) for name in _DEFAULT_NAMES if (folder / name).exists())


@record
class PrivateKeyFile:
    """One private key to offer, ready to be loaded."""

    path: str
    pem: bytes = field(repr=False)
    """Already decrypted, but for what ``passphrase`` says."""
    passphrase: Secret | None
    """Only where it could not be unlocked here (a locked FIDO key): for the SSH library."""
    certificate: bytes | None
    """The content of its certificate file, one line; None without one."""
    kind: str
    """``ssh-ed25519``, ``ecdsa-sha2-nistp256``, ``ssh-rsa``, ``sk-ssh-ed25519@openssh.com`` …"""
    public: bytes
    """The public key's blob."""


@record
class _Offer:
    """What one set of settings has to offer."""

    files: tuple[PrivateKeyFile, ...]
    left_to_agent: tuple[bytes, ...]


class _UnusableError(Exception):
    """What is wrong with which file, complete."""


class Credentials:
    """Finds the keys for hosts' settings. One for all hosts of a scan; safe for threads.

    The first look at a file may block: unlocking takes a while by design, and a person may be
    asked. Everything after comes from memory, failures too.
    """

    def __init__(self, settings: TransportSettings) -> None:
        self._ask = settings.ask_passphrase
        self._lock = threading.Lock()
        self._offers: dict[object, _Offer | str] = {}
        self._keys: dict[str, PrivateKeyFile | str] = {}
        self._agents: dict[str, tuple[bytes, ...]] = {}
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """For the user: default keys and certificates that were passed over, and why."""
        return tuple(self._notes)

    def key_files(self, ssh: SshSettings) -> tuple[PrivateKeyFile, ...]:
        """The keys to offer, in order; a locked key that the agent holds is left to the agent.

        A named file that cannot be used (missing, unreadable, open to others, not a private key,
        not unlocked) raises HostError (config); a default one is passed over with a note. The
        certificate of a key is the one of ``certificate_files`` made for it, else the file
        KEY-cert.pub beside it.
        """
        return self._offer(ssh).files

    def agent_keys(self, ssh: SshSettings) -> tuple[bytes, ...]:
        """Public keys of the files that `key_files` leaves to the agent: offer these of it first.

        So a server's limit of attempts is not spent on other keys of the agent. A public key named
        as identity is among them. Raises as `key_files` does.
        """
        return self._offer(ssh).left_to_agent

    def _offer(self, ssh: SshSettings) -> _Offer:
        wanted = (ssh.identity_files, ssh.certificate_files, ssh.agent)
        offer = self._offers.get(wanted)
        if offer is None:
            with self._lock:  # held while a person is asked, so that nobody is asked twice
                offer = self._offers.get(wanted)
                if offer is None:
                    offer = self._offers[wanted] = self._look_up(ssh)
        if isinstance(offer, str):
            raise HostError(Category.CONFIG, Phase.CONFIG, offer)
        return offer

    def _look_up(self, ssh: SshSettings) -> _Offer | str:
        in_agent = self._agent(ssh.agent)
        files: list[PrivateKeyFile] = []
        left: list[bytes] = []
        try:
            for path in ssh.identity_files or default_identity_files():
                public, locked = read_public_key(path)
                if locked and public is not None and public in in_agent:
                    left.append(public)
                else:
                    files += self._usable(path, named=bool(ssh.identity_files))
            return _Offer(
                files=_with_certificates(files, ssh.certificate_files), left_to_agent=tuple(left)
            )
        except _UnusableError as problem:
            return str(problem)

    def _usable(self, path: str, *, named: bool) -> Iterator[PrivateKeyFile]:
        try:
            yield self._key(path)
        except _UnusableError as problem:
            if named:
                raise
            self._notes[f"{problem}; it is not offered"] = None

    def _agent(self, path: str | None) -> tuple[bytes, ...]:
        if path is None:
            return ()
        if path not in self._agents:
            self._agents[path] = agent_keys(path)
        return self._agents[path]

    def _key(self, path: str) -> PrivateKeyFile:
        found = self._keys.get(path)
        if found is None:
            try:
                with _told(f"key file {path}"):
                    found = replace(self._unlocked(path), certificate=self._beside(path))
            except _UnusableError as problem:
                found = str(problem)
            self._keys[path] = found
        if isinstance(found, str):
            raise _UnusableError(found)
        return found

    def _unlocked(self, path: str) -> PrivateKeyFile:
        data = read_private_key(path)
        if not read_key_file(data).encrypted:
            return _opened(path, data, None)
        problem = KeyFileError(
            f"is locked by a passphrase: set {PASSPHRASE_VARIABLE}, or have an ssh-agent hold it "
            "and use --agent"
        )
        for passphrase in self._passphrases(path):
            try:
                return _opened(path, data, passphrase)
            except KeyFileError as wrong:
                problem = wrong
        raise problem

    def _passphrases(self, path: str) -> Iterator[Secret]:
        given = os.environ.get(PASSPHRASE_VARIABLE)
        if given:
            yield Secret(given)
        asked = self._ask(path) if self._ask else None
        if asked is not None:
            yield asked

    def _beside(self, path: str) -> bytes | None:
        certificate = f"{path}-cert.pub"
        if not Path(certificate).expanduser().exists():
            return None
        try:
            return read_certificate(certificate)
        except KeyFileError as problem:
            self._notes[f"certificate {certificate} {problem}; it is not offered"] = None
            return None


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except KeyFileError as problem:
        raise _UnusableError(f"{what} {problem}") from problem


def _opened(path: str, data: bytes, passphrase: Secret | None) -> PrivateKeyFile:
    key = unlock(data, passphrase.reveal() if passphrase else None)
    return PrivateKeyFile(
        path=path,
        pem=key.pem,
        passphrase=passphrase if key.still_encrypted else None,
        certificate=None,
        kind=key.kind,
        public=key.public,
    )


def _with_certificates(
    files: list[PrivateKeyFile], certificate_files: tuple[str, ...]
) -> tuple[PrivateKeyFile, ...]:
    for path in certificate_files:
        with _told(f"certificate {path}"):
            certificate = read_certificate(path)
            made_for = [key for key in files if certifies(certificate, key.public)]
            if not made_for:
                raise KeyFileError("was made for none of the key files of this host")
        files = [replace(key, certificate=certificate) if key in made_for else key for key in files]
    return tuple(files)
