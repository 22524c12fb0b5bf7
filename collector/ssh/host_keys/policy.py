"""The host key policy of both SSH transports: trust a key, add a new one, or refuse it.

A transport gets one `HostKeyCheck` per host from the `HostKeyVerifier`, puts its ``algorithms``
first in the key exchange, and passes it the key or certificate that the server shows.
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
from ..algorithms import may_certify
from ..credentials.public_key import blob_key_type, fingerprint, is_short_rsa
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
    "join_notes",
]

DEFAULT_KNOWN_HOSTS_FILES = (
    "~/.ssh/known_hosts",
    "~/.ssh/known_hosts2",
    "/etc/ssh/ssh_known_hosts",
    "/etc/ssh/ssh_known_hosts2",
)
"""The files that ssh reads: ssh_config(5), UserKnownHostsFile and GlobalKnownHostsFile."""

# The algorithm ssh-rsa signs with SHA-1, and is offered only where an option names it; RFC 8332
# defines others for the same keys. DSA has no algorithm that we offer.
_ALGORITHMS: dict[str, tuple[str, ...]] = {
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
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
    """The server showed a key of an unknown type, but keys of other types are known for the host.

    This happens with large hashed files of several key types, where `KnownHosts.key_types` returns
    nothing before the first check, and with a certificate of an unknown authority where the host's
    own keys are known. Connect again and offer only ``algorithms``.
    """

    def __init__(self, error: HostError, algorithms: tuple[str, ...]) -> None:
        super().__init__(error.category, error.phase, error.message)
        self.algorithms = algorithms


@record
class HostKeyCheck:
    """The keys that one host, or jump host, may show. Thread-safe."""

    algorithms: tuple[str, ...]
    """Host key algorithms to put first in the key exchange; empty: no preference. Those of
    certificates come first if an authority is known for the host; else do not offer them."""
    identity: HostIdentity
    known: KnownHosts = field(repr=False)
    add_key: Callable[[HostIdentity, bytes], Verdict] | None = field(repr=False)
    """accept-new: adds an unknown key to known_hosts; None: strict."""
    may_ask: bool = False
    """Whether the user can be asked to trust an unknown key: as in ssh, unless an option of the
    host says that it must be known."""
    least_rsa_bits: int = 0
    """As in `SshSettings`; so is ``authority_algorithms``."""
    authority_algorithms: tuple[str, ...] = ()

    def check_key(self, key_type: str, blob: bytes) -> None:
        """Raise HostError unless the key is trusted, or accept-new has just added it.

        ``blob`` is the key as the server sent it, ``key_type`` the agreed type. The categories:
        ``hostkey_unknown``; ``hostkey_changed``, as `OtherKeyTypesError` if the host may have a
        known key too; ``hostkey_revoked``; ``protocol`` if the key is of another type; with
        accept-new ``local_resource`` and ``config`` if the key cannot be written.
        """
        identity = self.identity
        if blob_key_type(blob) != key_type:
            raise messages.wrong_key_type(identity, key_type, blob)
        if is_short_rsa(blob, self.least_rsa_bits):
            raise messages.short_rsa_key(identity, blob, self.least_rsa_bits)
        verdict = self.known.check((identity.name,), identity.port, blob)
        if verdict is Verdict.UNKNOWN and self.add_key is not None:
            verdict = self.add_key(identity, blob)
        if verdict is Verdict.TRUSTED:
            return
        if verdict is Verdict.REVOKED:
            raise messages.revoked(identity, blob)
        if verdict is Verdict.UNKNOWN:
            raise messages.unknown(identity, blob, may_ask=self.may_ask)
        self._raise_changed(key_type, blob)

    def check_authority(self, blob: bytes) -> None:
        """Raise HostError unless the authority ``blob`` is trusted to certify this host's keys.

        For a library that checks the rest of a certificate itself; `check_certificate` checks all
        of it. The categories: ``hostkey_revoked``; ``hostcert``, as `OtherKeyTypesError` if the
        host's own keys are known, as ssh falls back to them.
        """
        identity = self.identity
        if self.known.is_revoked((identity.name,), identity.port, blob):
            raise messages.revoked(identity, blob)
        if is_short_rsa(blob, self.least_rsa_bits):
            raise messages.short_rsa_key(identity, blob, self.least_rsa_bits)
        if not may_certify(blob_key_type(blob) or "", self.authority_algorithms):
            raise messages.uncertified(
                identity,
                f"it is signed by {fingerprint(blob)}, a key of a kind that CASignatureAlgorithms "
                "leaves out",
            )
        if self.known.trusts_authority((identity.name,), identity.port, blob):
            return
        error = messages.uncertified(
            identity,
            f"it is signed by {fingerprint(blob)}, and no @cert-authority line for this host has "
            "that key",
        )
        types = self.known.key_types((identity.name,), identity.port)
        raise OtherKeyTypesError(error, _algorithms(types)) if types else error

    def check_certificate(self, blob: bytes, now: float | None = None) -> None:
        """Raise HostError unless the certificate, as the server sent it, proves the host.

        Verifies the authority's signature too; the key exchange proves that the server owns the
        certified key. ``now`` is in seconds since 1970; None: the clock's time. The categories:
        ``hostcert``, ``hostkey_revoked``, and those of `check_authority`.
        """
        try:
            certificate = read_host_certificate(blob)
            self.check_authority(certificate.authority)
            certificate.require_valid_for(self.identity.name, time.time() if now is None else now)
        except CertificateError as problem:
            raise messages.uncertified(self.identity, clean(str(problem))) from problem
        if self.known.is_revoked((self.identity.name,), self.identity.port, certificate.key):
            raise messages.revoked(self.identity, certificate.key)

    @property
    def revoked_keys(self) -> tuple[bytes, ...]:
        """Every key marked @revoked for this host, for a library that checks them itself."""
        return self.known.revoked_keys((self.identity.name,), self.identity.port)

    def _raise_changed(self, key_type: str, blob: bytes) -> NoReturn:
        lines = self.known.find_lines((self.identity.name,), self.identity.port)
        error = messages.changed(self.identity, blob, lines)
        types = dict.fromkeys(line.key_type for line in lines)
        algorithms = _algorithms(types)
        if key_type not in types and not set(algorithms) & set(self.algorithms):
            raise OtherKeyTypesError(error, algorithms)
        raise error


class HostKeyVerifier:
    """Reads each distinct list of known_hosts files once, and gives each host its check.

    One for all hosts of a scan; thread-safe. Raises UsageError when the scan's own known_hosts
    files cannot be read.
    """

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        self._known: dict[tuple[str, ...], KnownHosts] = {}
        self._added: dict[str, int] = {}
        self._lock = threading.Lock()
        self._load(self._files(settings.defaults))

    @property
    def notes(self) -> tuple[str, ...]:
        """For the user: unusable lines, and how many keys were added to which file."""
        unused = [note for known in list(self._known.values()) for note in known.notes]
        added = [f"{_ADDED_TO}{file}: {n}" for file, n in self._added.items()]
        return (*dict.fromkeys(unused), *added)

    def for_host(self, host: Host) -> HostKeyCheck:
        """Return the check for ``host``, which may be a jump host.

        Raises HostError ``config`` when its own known_hosts files cannot be read.
        """
        address, port = host.address, host.port
        ssh = resolve_settings(host.ssh, self._settings.defaults)
        files = self._files(ssh)
        try:
            known = self._load(files)
        except UsageError as error:
            raise HostError(Category.CONFIG, Phase.CONFIG, str(error)) from error
        alias = ssh.host_key_alias
        identity = HostIdentity(
            where=endpoint(address, port),
            address=address,
            address_port=port,
            name=alias or _canonical_address(address).lower(),
            port=SSH_PORT if alias else port,  # ssh looks up an alias without the port
            direct=not (ssh.jumps or ssh.proxy_command),
            files=files,
        )
        policy = ssh.host_keys or self._settings.host_keys
        names = (identity.name,)
        return HostKeyCheck(
            algorithms=(
                *(_CERTIFICATE_ALGORITHMS if known.authorities(names, identity.port) else ()),
                *_algorithms(known.key_types(names, identity.port)),
            ),
            identity=identity,
            known=known,
            add_key=self._add_key if policy is HostKeyPolicy.ACCEPT_NEW else None,
            may_ask=ssh.host_keys is None and files[0] != os.devnull,
            least_rsa_bits=ssh.least_rsa_bits,
            authority_algorithms=ssh.authority_algorithms,
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

    def _add_key(self, identity: HostIdentity, blob: bytes) -> Verdict:
        file = identity.files[0]
        with self._lock:
            try:
                verdict, added = accept_new(
                    self._known[identity.files], file, identity.name, identity.port, blob
                )
            except OSError as error:
                raise messages.not_written(identity, error) from error
            except ValueError as problem:
                raise messages.unwritable_alias(identity) from problem
            if added:
                self._added[file] = self._added.get(file, 0) + 1
            return verdict


def join_notes(parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Join the notes of several processes of one scan: each note once, added keys summed."""
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


def _canonical_address(address: str) -> str:
    """Return an IPv6 address as ssh writes it for the look-up; any other address unchanged."""
    if ":" not in address:
        return address
    bare, percent, zone = address.partition("%")
    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, bare)) + (
            percent + zone
        )
    except OSError:
        return address
