"""What a user reads about a host key that is not trusted: what was shown, and how to trust it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from ....core.record import record
from ....core.text import clean
from ...errors import Category, HostError, Phase
from ..credentials.public_key import blob_key_type, fingerprint, key_title
from .accept_new import host_key_line
from .known_hosts import SSH_PORT, known_hosts_name
from .known_hosts_file import KnownHostsLine

__all__ = [
    "HostIdentity",
    "changed",
    "mislabelled",
    "no_plain_name",
    "not_written",
    "revoked",
    "uncertified",
    "unknown",
]


@record
class HostIdentity:
    """Where a key was shown, and where it is looked up."""

    where: str
    """``address:port`` of the host or hop."""
    address: str
    address_port: int
    name: str
    """What is looked up: HostKeyAlias, else the address."""
    port: int
    direct: bool
    """False behind a jump host or proxy command, where ssh-keyscan does not reach."""
    files: tuple[str, ...]


def unknown(place: HostIdentity, blob: bytes) -> HostError:
    """No file has a key for the host."""
    return HostError(
        Category.HOSTKEY_UNKNOWN,
        Phase.KEX,
        f"{_shown(place, blob)}, and no key of {_name(place)} is in {_files(place)}. "
        f"Compare it with what the host itself says (ssh-keygen -lf on its "
        f"/etc/ssh/ssh_host_*_key.pub), then trust it: {_trust(place, blob)}",
    )


def changed(place: HostIdentity, blob: bytes, known: tuple[KnownHostsLine, ...]) -> HostError:
    """The files have other keys for the host, ``known``."""
    first = known[0]
    others = f" and {len(known) - 1} more" if len(known) > 1 else ""
    return HostError(
        Category.HOSTKEY_CHANGED,
        Phase.KEX,
        f"{_shown(place, blob)}, but {_name(place)} is known by the {key_title(first.blob)} key "
        f"{fingerprint(first.blob)} ({first.file}:{first.line}){others}: someone may be between, "
        f"or the host was set up anew. Only if you know that it was: {_forget(place, first)}, "
        f"then {_trust(place, blob)}",
    )


def revoked(place: HostIdentity, blob: bytes) -> HostError:
    """The key, or the authority's, is marked @revoked."""
    return HostError(
        Category.HOSTKEY_REVOKED,
        Phase.KEX,
        f"{_shown(place, blob)}, which is marked @revoked in {' or '.join(place.files)}: give the "
        "host a new key",
    )


def uncertified(place: HostIdentity, problem: str) -> HostError:
    """The host showed a certificate that does not prove its key."""
    return HostError(
        Category.HOSTCERT,
        Phase.KEX,
        f"{place.where} showed a host certificate that is not valid for {_name(place)}: {problem}",
    )


def mislabelled(place: HostIdentity, key_type: str, blob: bytes) -> HostError:
    """The key is not of the type that was agreed on."""
    return HostError(
        Category.PROTOCOL,
        Phase.KEX,
        f"{place.where} showed a host key of type {clean(blob_key_type(blob) or '?')!r} where "
        f"{clean(key_type)!r} was agreed on",
    )


def no_plain_name(place: HostIdentity) -> HostError:
    """accept-new for an alias that would be a pattern or a marker in a known_hosts file."""
    return HostError(
        Category.CONFIG,
        Phase.KEX,
        f"HostKeyAlias {clean(place.name)!r} cannot be added to {place.files[0]}: letters, "
        "digits and . _ - : % are expected",
    )


def not_written(place: HostIdentity, error: OSError) -> HostError:
    """accept-new could not write the key down."""
    return HostError(
        Category.LOCAL_RESOURCE,
        Phase.KEX,
        f"the new key of {_name(place)} cannot be added to {place.files[0]}: "
        f"{error.strerror or error}; name a file that can be written with --known-hosts",
    )


def _shown(place: HostIdentity, blob: bytes) -> str:
    return f"{place.where} showed the {key_title(blob)} key {fingerprint(blob)}"


def _name(place: HostIdentity) -> str:
    return known_hosts_name(place.name, place.port)


def _files(place: HostIdentity) -> str:
    others = len(place.files) - 1
    more = f" or {others} other known_hosts file{'s' if others > 1 else ''}" if others else ""
    return _file(place) + more


def _file(place: HostIdentity) -> str:
    return str(Path(place.files[0]).expanduser())


def _trust(place: HostIdentity, blob: bytes) -> str:
    """The command that adds the key: by ssh-keyscan where it would find the host by this name."""
    if place.files[0] == os.devnull:
        return "name a known_hosts file for this host instead of /dev/null, and add the key there"
    file = shlex.quote(_file(place))
    kind = blob_key_type(blob) or ""
    if not place.direct or place.name != place.address.lower() or kind.startswith("sk-"):
        return f"echo {shlex.quote(host_key_line(place.name, place.port, blob))} >> {file}"
    port = "" if place.address_port == SSH_PORT else f" -p {place.address_port}"
    scanned = key_title(blob).lower()
    return f"ssh-keyscan{port} -t {scanned} {shlex.quote(place.address)} >> {file}"


def _forget(place: HostIdentity, line: KnownHostsLine) -> str:
    name = _name(place)
    if line.hashed is None and name.encode() not in line.patterns:
        return f"edit line {line.line} of {line.file}"  # a pattern: ssh-keygen -R leaves it alone
    file = shlex.quote(str(Path(line.file).expanduser()))
    return f"ssh-keygen -f {file} -R {shlex.quote(name)}"
