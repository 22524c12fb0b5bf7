"""The error messages for host keys that are not trusted, and the commands that trust them."""

from __future__ import annotations

import base64
import os
import shlex
from pathlib import Path

from ....core.record import record
from ....core.text import clean
from ...errors import Category, HostError, Phase, UnknownHostKey
from ..credentials.public_key import blob_key_type, fingerprint, key_title
from .accept_new import can_be_written, host_key_line
from .known_hosts import SSH_PORT, known_hosts_name
from .known_hosts_parser import KnownHostsLine

__all__ = [
    "HostIdentity",
    "changed",
    "not_written",
    "revoked",
    "short_rsa_key",
    "uncertified",
    "unknown",
    "unwritable_alias",
    "wrong_key_type",
]


@record
class HostIdentity:
    """The names of a host: where it is connected to, and how known_hosts files call it."""

    where: str
    """``address:port`` of the host or hop."""
    address: str
    address_port: int
    name: str
    """The name to look up, at ``port``: HostKeyAlias, else the address."""
    port: int
    direct: bool
    """False behind a jump host or proxy command, where ssh-keyscan does not reach it."""
    files: tuple[str, ...]
    """Its known_hosts files; accept-new writes to the first."""


def unknown(host: HostIdentity, blob: bytes, *, may_ask: bool) -> HostError:
    """No file has a key for the host; ``may_ask``: the user can be asked to trust this one."""
    key = UnknownHostKey(
        name=host.name,
        port=host.port,
        file=host.files[0],
        key=base64.b64encode(blob).decode(),
        where=host.where,
    )
    return HostError(
        Category.HOSTKEY_UNKNOWN,
        Phase.KEX,
        f"{_shown(host, blob)}, and no key of {_name(host)} is in {_files(host)}. "
        f"Compare it with what the host itself says (ssh-keygen -lf on its "
        f"/etc/ssh/ssh_host_*_key.pub), then trust it: {_trust_command(host, blob)}",
        unknown_key=key if may_ask and can_be_written(host.name) else None,
    )


def changed(host: HostIdentity, blob: bytes, known: tuple[KnownHostsLine, ...]) -> HostError:
    """The files have other keys for the host, ``known``."""
    first = known[0]
    title, shown = key_title(first.blob), fingerprint(first.blob)
    others = f" and {len(known) - 1} more" if len(known) > 1 else ""
    return HostError(
        Category.HOSTKEY_CHANGED,
        Phase.KEX,
        f"{_shown(host, blob)}, but {_name(host)} is known by the {title} key {shown} "
        f"({first.file}:{first.line}){others}: someone may be intercepting the connection, or the "
        f"host was reinstalled. Only if you know that it was: {_forget_command(host, first)}, "
        f"then {_trust_command(host, blob)}",
    )


def revoked(host: HostIdentity, blob: bytes) -> HostError:
    """The host's key, or the key of its authority, is marked @revoked."""
    return HostError(
        Category.HOSTKEY_REVOKED,
        Phase.KEX,
        f"{_shown(host, blob)}, which is marked @revoked in {' or '.join(host.files)}: give the "
        "host a new key",
    )


def uncertified(host: HostIdentity, problem: str) -> HostError:
    """The host showed a certificate that does not prove its key, for the reason ``problem``."""
    return HostError(
        Category.HOSTCERT,
        Phase.KEX,
        f"{host.where} showed a host certificate that is not valid for {_name(host)}: {problem}",
    )


def wrong_key_type(host: HostIdentity, key_type: str, blob: bytes) -> HostError:
    """The key is of another type than the key exchange agreed on."""
    return HostError(
        Category.PROTOCOL,
        Phase.KEX,
        f"{host.where} showed a host key of type {clean(blob_key_type(blob) or '?')!r} where "
        f"{clean(key_type)!r} was agreed on",
    )


def short_rsa_key(host: HostIdentity, blob: bytes, least_bits: int) -> HostError:
    """The host's key, or the key of its authority, is shorter than RequiredRSASize allows."""
    return HostError(
        Category.NO_COMMON_ALG,
        Phase.KEX,
        f"{_shown(host, blob)}, which is shorter than the {least_bits} bits of RequiredRSASize",
    )


def unwritable_alias(host: HostIdentity) -> HostError:
    """accept-new cannot write an alias that is a pattern or a marker in a known_hosts file."""
    return HostError(
        Category.CONFIG,
        Phase.KEX,
        f"HostKeyAlias {clean(host.name)!r} cannot be added to {host.files[0]}: letters, "
        "digits and . _ - : % are expected",
    )


def not_written(host: HostIdentity, error: OSError) -> HostError:
    """accept-new cannot write the key to the file."""
    return HostError(
        Category.LOCAL_RESOURCE,
        Phase.KEX,
        f"the new key of {_name(host)} cannot be added to {host.files[0]}: "
        f"{error.strerror or error}; name a file that can be written with --known-hosts",
    )


def _shown(host: HostIdentity, blob: bytes) -> str:
    return f"{host.where} showed the {key_title(blob)} key {fingerprint(blob)}"


def _name(host: HostIdentity) -> str:
    return known_hosts_name(host.name, host.port)


def _files(host: HostIdentity) -> str:
    others = len(host.files) - 1
    more = f" or {others} other known_hosts file{'s' if others > 1 else ''}" if others else ""
    return _file(host) + more


def _file(host: HostIdentity) -> str:
    return str(Path(host.files[0]).expanduser())


def _trust_command(host: HostIdentity, blob: bytes) -> str:
    """Return the command that adds the key; ssh-keyscan only if it finds the host by this name."""
    if host.files[0] == os.devnull:
        return "name a known_hosts file for this host instead of /dev/null, and add the key there"
    file = shlex.quote(_file(host))
    kind = blob_key_type(blob) or ""
    if not host.direct or host.name != host.address.lower() or kind.startswith("sk-"):
        return f"echo {shlex.quote(host_key_line(host.name, host.port, blob))} >> {file}"
    port = "" if host.address_port == SSH_PORT else f" -p {host.address_port}"
    scanned = key_title(blob).lower()
    return f"ssh-keyscan{port} -t {scanned} {shlex.quote(host.address)} >> {file}"


def _forget_command(host: HostIdentity, line: KnownHostsLine) -> str:
    name = _name(host)
    if line.hashed is None and name.encode() not in line.patterns:
        return f"edit line {line.line} of {line.file}"  # a pattern, which ssh-keygen -R keeps
    file = shlex.quote(str(Path(line.file).expanduser()))
    return f"ssh-keygen -f {file} -R {shlex.quote(name)}"
