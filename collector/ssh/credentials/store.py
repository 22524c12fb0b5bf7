"""The private keys to log in with; each file is read, checked and unlocked once per scan."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from pathlib import Path

from ....core.record import record
from ....inventory.models import Secret, SshSettings
from ...agent_listing import AgentError
from ...errors import Category, HostError, Phase
from ...transport import TransportSettings
from ..algorithms import may_sign
from .key_files import is_certificate_for, read_certificate, read_private_key, read_public_key
from .private_keys import KeyFileError, read_key_file, unlock
from .public_key import is_short_rsa

__all__ = [
    "PASSPHRASE_VARIABLE",
    "Credentials",
    "PrivateKeyFile",
    "find_default_identity_files",
    "split_by_algorithm",
]

PASSPHRASE_VARIABLE = "SOCKFLEET_PASSPHRASE"  # noqa: S105 (the variable's name)

_DEFAULT_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


def find_default_identity_files() -> tuple[str, ...]:
    """Return the default keys of ~/.ssh that exist, in the order to offer them."""
    folder = Path("~/.ssh").expanduser()
    return tuple(str(folder / name) for name in _DEFAULT_NAMES if (folder / name).exists())


@record
class PrivateKeyFile:
    """One private key to offer, in a form that an SSH library can load."""

    path: str
    pem: bytes = field(repr=False)
    """Decrypted, unless ``passphrase`` is set."""
    passphrase: Secret | None
    """For the SSH library, where only it can decrypt the key (a locked FIDO key); else None."""
    certificate: bytes | None
    """The content of its certificate file, one line; None without one."""
    kind: str
    """``ssh-ed25519``, ``ecdsa-sha2-nistp256``, ``ssh-rsa``, ``sk-ssh-ed25519@openssh.com`` …"""
    public: bytes
    """The public key's blob."""


@record
class _Offer:
    """What the hosts with one set of settings offer."""

    files: tuple[PrivateKeyFile, ...]
    left_to_agent: tuple[bytes, ...]
    """Public keys of the locked files that the agent holds."""


class _UnusableError(Exception):
    """The message for the user: which file is unusable, and why."""


class Credentials:
    """Finds the keys for hosts' settings. One for all hosts of a scan; thread-safe.

    The first use of a file may block: key derivation is slow by design, and the user may be
    prompted. Later uses return the same key or the same failure from memory.
    """

    def __init__(self, settings: TransportSettings) -> None:
        self._ask_passphrase = settings.ask_passphrase
        self._may_ask_password = settings.ask_password is not None
        self._lock = threading.Lock()
        self._offers: dict[object, _Offer | str] = {}
        self._keys: dict[str, PrivateKeyFile | str] = {}
        self._listings = settings.agent_listings
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """For the user: keys, certificates and methods of login that are left out, and why."""
        return tuple(self._notes)

    def leave_out(self, problems: Iterable[str]) -> None:
        """Note what the hosts are logged in to without, as other keys or methods remain."""
        for problem in problems:
            self._notes[f"{problem}; it is not offered"] = None

    def key_files(self, ssh: SshSettings) -> tuple[PrivateKeyFile, ...]:
        """Return the keys to offer, in order, without the locked ones that the agent holds.

        An unusable file (missing, unreadable, open to others, not a private key, not unlocked) is
        left out with a note, as ssh does. Raises HostError ``config`` where only unusable files are
        configured, and no agent, password or Kerberos. The certificate of a key is the one of
        ``certificate_files`` that certifies it, else the file KEY-cert.pub.
        """
        return self._get_offer(ssh).files

    def agent_keys(self, ssh: SshSettings) -> tuple[bytes, ...]:
        """Return the public keys of the files that `key_files` leaves to the agent.

        Offer these keys of the agent first, or other keys may use up the server's limit of
        attempts. A public key configured as identity is among them. Raises as `key_files` does.
        """
        return self._get_offer(ssh).left_to_agent

    def _get_offer(self, ssh: SshSettings) -> _Offer:
        has_agent = ssh.agent is not None and not ssh.identities_only
        has_others = bool(has_agent or ssh.password or ssh.gssapi)
        wanted = (
            *(ssh.identity_files, ssh.certificate_files, ssh.agent, ssh.least_rsa_bits),
            has_others,
        )
        offer = self._offers.get(wanted)
        if offer is None:
            with self._lock:  # also during a prompt, so that a second thread does not repeat it
                offer = self._offers.get(wanted)
                if offer is None:
                    offer = self._offers[wanted] = self._look_up(ssh, has_others=has_others)
        if isinstance(offer, str):
            raise HostError(Category.CONFIG, Phase.CONFIG, offer)
        return offer

    def _look_up(self, ssh: SshSettings, *, has_others: bool) -> _Offer | str:
        """Return the keys to offer, or why there are none and no other method remains."""
        files: list[PrivateKeyFile] = []
        left: list[bytes] = []
        problems: list[str] = []
        paths = ssh.identity_files
        for path in find_default_identity_files() if paths is None else paths:
            public, locked = read_public_key(path)
            # The agent is only contacted for a key that it may hold.
            if locked and public is not None and public in self._list_agent_keys(ssh.agent):
                left.append(public)
                continue
            try:
                key = self._load_key(path)
                if is_short_rsa(key.public, ssh.least_rsa_bits):
                    raise _UnusableError(
                        f"key file {path} is shorter than the {ssh.least_rsa_bits} bits of "
                        "RequiredRSASize"
                    )
                files.append(key)
            except _UnusableError as problem:
                problems.append(str(problem))
        if problems and paths and not (files or left or has_others or self._may_ask_password):
            return "; ".join(problems)
        files, unused = _add_certificates(files, ssh.certificate_files)
        self.leave_out((*problems, *unused))
        return _Offer(files=tuple(files), left_to_agent=tuple(left))

    def _list_agent_keys(self, path: str | None) -> tuple[bytes, ...]:
        if path is None:
            return ()
        try:
            return tuple(key.blob for key in self._listings.list(path))
        except (AgentError, OSError):  # the login itself reports that
            return ()

    def _load_key(self, path: str) -> PrivateKeyFile:
        found = self._keys.get(path)
        if found is None:
            try:
                with _report_unusable(f"key file {path}"):
                    key = self._unlock(path)
                    found = replace(key, certificate=self._read_certificate_of(path))
            except _UnusableError as problem:
                found = str(problem)
            self._keys[path] = found
        if isinstance(found, str):
            raise _UnusableError(found)
        return found

    def _unlock(self, path: str) -> PrivateKeyFile:
        data = read_private_key(path)
        if not read_key_file(data).encrypted:
            return _decrypt(path, data, None)
        problem = KeyFileError(
            f"is locked by a passphrase: set {PASSPHRASE_VARIABLE}, or have an ssh-agent hold it "
            "(ssh-add)"
        )
        for passphrase in self._passphrases(path):
            try:
                return _decrypt(path, data, passphrase)
            except KeyFileError as wrong:
                problem = wrong
        raise problem

    def _passphrases(self, path: str) -> Iterator[Secret]:
        from_environment = os.environ.get(PASSPHRASE_VARIABLE)
        if from_environment:
            yield Secret(from_environment)
        answer = self._ask_passphrase(path) if self._ask_passphrase else None
        if answer is not None:
            yield answer

    def _read_certificate_of(self, path: str) -> bytes | None:
        certificate = f"{path}-cert.pub"
        if not Path(certificate).expanduser().exists():
            return None
        try:
            return read_certificate(certificate)
        except KeyFileError as problem:
            self._notes[f"certificate {certificate} {problem}; it is not offered"] = None
            return None


def split_by_algorithm(
    files: Iterable[PrivateKeyFile], signatures: Sequence[str]
) -> tuple[list[PrivateKeyFile], list[str]]:
    """Return the keys that may sign with one of the algorithms, and why the others are left out."""
    usable: list[PrivateKeyFile] = []
    problems: list[str] = []
    for file in files:
        if may_sign(file.kind, signatures):
            usable.append(file)
        else:
            problems.append(
                f"key file {file.path} is of the kind {file.kind}, which PubkeyAcceptedAlgorithms "
                "leaves out"
            )
    return usable, problems


@contextmanager
def _report_unusable(what: str) -> Iterator[None]:
    try:
        yield
    except KeyFileError as problem:
        raise _UnusableError(f"{what} {problem}") from problem


def _decrypt(path: str, data: bytes, passphrase: Secret | None) -> PrivateKeyFile:
    key = unlock(data, passphrase.reveal() if passphrase else None)
    return PrivateKeyFile(
        path=path,
        pem=key.pem,
        passphrase=passphrase if key.still_encrypted else None,
        certificate=None,
        kind=key.kind,
        public=key.public,
    )


def _add_certificates(
    files: list[PrivateKeyFile], certificate_files: tuple[str, ...]
) -> tuple[list[PrivateKeyFile], list[str]]:
    """Return the files with their certificates, and why the other certificates are not used."""
    unused: list[str] = []
    for path in certificate_files:
        try:
            with _report_unusable(f"certificate {path}"):
                certificate = read_certificate(path)
                made_for = [key for key in files if is_certificate_for(certificate, key.public)]
                if not made_for:
                    raise KeyFileError("was made for none of the key files of this host")
        except _UnusableError as problem:
            unused.append(str(problem))
            continue
        files = [replace(key, certificate=certificate) if key in made_for else key for key in files]
    return files, unused
