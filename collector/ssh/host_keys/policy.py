"""The policy for host keys, one for both SSH transports: trust, learn, or refuse and say why.

A transport asks `HostKeyVerifier` once per host for a `HostKeyCheck`, puts its ``algorithms`` first
in the key exchange, and hands it the key or certificate that the server shows.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from itertools import chain
from typing import NoReturn

from ....core.errors import UsageError
from ....core.record import record
from ....core.text import clean, endpoint
from ....inventory.models import Host, HostKeyPolicy, SshSettings
from ...errors import Category, HostError, Phase
from ...transport import TransportSettings
from ..credentials.public_key import blob_key_type, fingerprint
from ..settings import resolve_settings
from . import messages
from .accept_new import accept_new
from .certificates import CertificateError, read_host_certificate
from .known_hosts import SSH_PORT, KnownHosts, Verdict
from .messages import HostIdentity

__all__ = [
    "DEFAULT_KNOWN_HOSTS_FILES",
    "HostKeyCheck",
    "HostKeyVerifier",
    "OtherKeyTypesError",
    "fingerprint",
    "join_notes",
]

DEFAULT_KNOWN_HOSTS_FILES = (
    "~/.ssh/known_hosts",
    "~/.ssh/known_hosts2",
    "/etc/ssh/ssh_known_hosts",
    "/etc/ssh/ssh_known_hosts2",
)
"""What ssh reads: ssh_config(5), UserKnownHostsFile and GlobalKnownHostsFile."""

# The algorithm named ssh-rsa signs with SHA-1; RFC 8332 gives the same keys better ones. DSA has
# none that we would offer.
_ALGORITHMS: dict[str, tuple[str, ...]] = {
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
    "ssh-dss": (),
}

_ADDED_TO = "new host keys added to "

_CERTIFICATE_ALGORITHMS = tuple(
    f"{algorithm}-cert-v01@openssh.com"
    for algorithm in (
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "rsa-sha2-512",
        "rsa-sha2-256",
    )
)


class OtherKeyTypesError(HostError):
    """The server showed a key of a type that the host is not known by, but it is known by others.

    Happens with large hashed files of several key types, where the known types cannot be found
    beforehand, and where a certificate is not by an authority that is known though the host's own
    keys are: connect once more and offer nothing but ``algorithms``.
    """

    def __init__(self, error: HostError, algorithms: tuple[str, ...]) -> None:
        super().__init__(error.category, error.phase, error.message)
        self.algorithms = algorithms


@record
class HostKeyCheck:
    """What one host, or jump host, must show. May be used from any thread."""

    algorithms: tuple[str, ...]
    """Host key algorithms to put first in the key exchange; empty: no preference. Those of
    certificates stand before all others where an authority is known for the host, and should not
    be offered at all where they do not stand here."""
    place: HostIdentity
    known: KnownHosts = field(repr=False)
    learn: Callable[[HostIdentity, bytes], Verdict] | None = field(repr=False)
    """accept-new: makes an unknown key known; None: strict."""

    def check_key(self, key_type: str, blob: bytes) -> None:
        """Return where the key is trusted, or is from now on; else raise HostError.

        ``blob`` is the key as the server sent it, ``key_type`` what it names itself.
        ``hostkey_unknown``, ``hostkey_changed`` (`OtherKeyTypesError` where the host may have the
        right key too), ``hostkey_revoked``; ``local_resource`` where a new key cannot be kept.
        """
        place = self.place
        if blob_key_type(blob) != key_type:
            raise messages.mislabelled(place, key_type, blob)
        verdict = self.known.check((place.name,), place.port, blob)
        if verdict is Verdict.UNKNOWN and self.learn is not None:
            verdict = self.learn(place, blob)
        if verdict is Verdict.TRUSTED:
            return
        if verdict is Verdict.REVOKED:
            raise messages.revoked(place, blob)
        if verdict is Verdict.UNKNOWN:
            raise messages.unknown(place, blob)
        self._raise_changed(key_type, blob)

    def check_authority(self, blob: bytes) -> None:
        """Return where the authority ``blob`` may certify this host's keys; else raise HostError.

        For a library that judges the rest of a certificate itself; `check_certificate` does all of
        it. ``hostkey_revoked`` or ``hostcert``, as `OtherKeyTypesError` where the host's own keys
        are known: ssh falls back to them.
        """
        place = self.place
        if self.known.is_revoked((place.name,), place.port, blob):
            raise messages.revoked(place, blob)
        if self.known.trusts_authority((place.name,), place.port, blob):
            return
        error = messages.uncertified(
            place,
            f"it is signed by {fingerprint(blob)}, and no @cert-authority line for this host has "
            "that key",
        )
        types = self.known.key_types((place.name,), place.port)
        raise OtherKeyTypesError(error, _algorithms(types)) if types else error

    def check_certificate(self, blob: bytes, now: float | None = None) -> None:
        """Return where the certificate, as the server sent it, proves the host; else raise.

        Verifies the authority's signature too; that the server owns the certified key is the key
        exchange's part. ``now`` is seconds since 1970, by default the clock's. ``hostcert``,
        ``hostkey_revoked``, and what `check_authority` raises.
        """
        try:
            certificate = read_host_certificate(blob)
            self.check_authority(certificate.authority)
            certificate.require_valid_for(self.place.name, time.time() if now is None else now)
        except CertificateError as problem:
            raise messages.uncertified(self.place, clean(str(problem))) from problem
        if self.known.is_revoked((self.place.name,), self.place.port, certificate.key):
            raise messages.revoked(self.place, certificate.key)

    @property
    def revoked_keys(self) -> tuple[bytes, ...]:
        """Every key marked @revoked for this host, for a library that looks at them itself."""
        return self.known.revoked((self.place.name,), self.place.port)

    def _raise_changed(self, key_type: str, blob: bytes) -> NoReturn:
        lines = self.known.known((self.place.name,), self.place.port)
        error = messages.changed(self.place, blob, lines)
        types = dict.fromkeys(line.key_type for line in lines)
        algorithms = _algorithms(types)
        if key_type not in types and not set(algorithms) & set(self.algorithms):
            raise OtherKeyTypesError(error, algorithms)
        raise error


class HostKeyVerifier:
    """Reads each distinct list of known_hosts files once, and judges every host by them.

    One for all hosts of a scan; safe for threads. Raises UsageError where the scan's own
    known_hosts files cannot be read.
    """

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        self._known: dict[tuple[str, ...], KnownHosts] = {}
        self._added: dict[str, int] = {}
        self._lock = threading.Lock()
        self._load(self._files(settings.defaults))

    @property
    def notes(self) -> tuple[str, ...]:
        """For the user: lines that could not be used, and how many keys were added where."""
        unused = [note for known in list(self._known.values()) for note in known.notes]
        added = [f"{_ADDED_TO}{file}: {n}" for file, n in self._added.items()]
        return (*dict.fromkeys(unused), *added)

    def for_host(self, host: Host) -> HostKeyCheck:
        """What ``host``, or a jump host as one, must show.

        Raises HostError (config) where its own known_hosts files cannot be read.
        """
        address, port = host.address, host.port
        ssh = resolve_settings(host.ssh, self._settings.defaults)
        files = self._files(ssh)
        try:
            known = self._load(files)
        except UsageError as error:
            raise HostError(Category.CONFIG, Phase.CONFIG, str(error)) from error
        alias = ssh.host_key_alias
        place = HostIdentity(
            where=endpoint(address, port),
            address=address,
            address_port=port,
            name=alias or _canonical(address).lower(),
            port=SSH_PORT if alias else port,  # ssh looks an alias up without the port
            direct=not (ssh.jumps or ssh.proxy_command),
            files=files,
        )
        policy = ssh.host_keys or self._settings.host_keys
        names = (place.name,)
        return HostKeyCheck(
            algorithms=(
                *(_CERTIFICATE_ALGORITHMS if known.authorities(names, place.port) else ()),
                *_algorithms(known.key_types(names, place.port)),
            ),
            place=place,
            known=known,
            learn=self._learn if policy is HostKeyPolicy.ACCEPT_NEW else None,
        )

    def _files(self, ssh: SshSettings) -> tuple[str, ...]:
        if ssh.known_hosts_files is None:
            return self._settings.known_hosts_files or DEFAULT_KNOWN_HOSTS_FILES
        return ssh.known_hosts_files or (os.devnull,)  # "none" for the user's and the machine's

    def _load(self, files: tuple[str, ...]) -> KnownHosts:
        known = self._known.get(files)
        if known is None:
            with self._lock:
                known = self._known.get(files)
                if known is None:
                    known = self._known[files] = KnownHosts.load(files)
        return known

    def _learn(self, place: HostIdentity, blob: bytes) -> Verdict:
        file = place.files[0]
        with self._lock:
            try:
                verdict, added = accept_new(
                    self._known[place.files], file, place.name, place.port, blob
                )
            except OSError as error:
                raise messages.not_written(place, error) from error
            except ValueError as problem:
                raise messages.no_plain_name(place) from problem
            if added:
                self._added[file] = self._added.get(file, 0) + 1
            return verdict


def join_notes(parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The notes of several processes of one scan as those of one: none twice, added keys summed."""
    added = Counter[str]()
    others = dict[str, None]()
    for note in chain.from_iterable(parts):
        what, _, count = note.rpartition(": ")
        if what.startswith(_ADDED_TO) and count.isdecimal():
            added[what] += int(count)
        else:
            others[note] = None
    return (*others, *(f"{what}: {count}" for what, count in added.items()))


def _algorithms(key_types: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for kind in key_types for name in _ALGORITHMS.get(kind, (kind,)))


def _canonical(address: str) -> str:
    """An IPv6 address as ssh writes it before the look-up; anything else as it is."""
    if ":" not in address:
        return address
    bare, percent, zone = address.partition("%")
    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, bare)) + (
            percent + zone
        )
    except OSError:
        return address
