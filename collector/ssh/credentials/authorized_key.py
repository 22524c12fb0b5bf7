"""Format the authorized_keys line that restricts a key to one command.

``restrict`` forbids forwarding, the terminal, the user's rc file and whatever a later OpenSSH
adds; ``from`` limits the addresses of clients (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from ....core.errors import UsageError
from ....core.text import clean
from .public_key import blob_key_type, key_title

__all__ = ["check_network", "format_authorized_key"]

_LINE = re.compile(r"([a-z0-9@.-]{1,64})[ \t]+([A-Za-z0-9+/]{1,16000}={0,2})(?:[ \t]+(.*))?")
_PRIVATE = "PRIVATE KEY-----"


def format_authorized_key(public_key: str, command: str, networks: Sequence[str] = ()) -> str:
    """Return the line that lets ``public_key`` run ``command`` and nothing else.

    ``public_key`` is one line as ssh-keygen writes it. ``networks`` come from `check_network`;
    empty: the key is accepted from any address. Raises UsageError when ``public_key`` is no public
    key that sshd accepts for a login.
    """
    kind, text, comment = _parse_public_key(public_key)
    source = f'from="{",".join(networks)}",' if networks else ""
    quoted = command.replace('"', '\\"')
    line = f'restrict,{source}command="{quoted}" {kind} {text}'
    return f"{line} {clean(comment)}".rstrip()


def check_network(text: str) -> str:
    """Return an address or network (CIDR) as sshd's ``from=`` takes it; raises UsageError.

    A network with host bits set is refused: with it sshd would refuse every login by the key.
    """
    try:
        network = ipaddress.ip_network(text, strict=False)
        address = ipaddress.ip_address(text.partition("/")[0])
    except ValueError:
        raise UsageError(
            f"{clean(text)!r} is no network: expected one such as 10.1.0.0/16, 2001:db8::/32 or "
            "192.0.2.7"
        ) from None
    if getattr(address, "scope_id", None):
        raise UsageError(f"{clean(text)!r}: sshd compares addresses without a zone")
    if network.network_address != address:
        raise UsageError(
            f"{text!r} is an address within a network: {network} is the network, {address} the "
            "address alone"
        )
    return str(address) if network.num_addresses == 1 else str(network)


def _parse_public_key(public_key: str) -> tuple[str, str, str]:
    if _PRIVATE in public_key:
        raise UsageError("that is a private key, which stays here: name the file ending in .pub")
    rows = [row.strip() for row in public_key.split("\n")]
    rows = [row for row in rows if row and not row.startswith("#")]
    if len(rows) != 1:
        raise UsageError(f"expected one public key on one line, found {len(rows)} lines")
    found = _LINE.fullmatch(rows[0])
    if found is None:
        raise UsageError(
            f"{clean(rows[0], limit=60)!r} is no public key: expected a type, a text in base64 "
            "and a comment, as in a file that ssh-keygen wrote"
        )
    kind, text, comment = found[1], found[2], found[3] or ""
    _check_key(kind, text)
    return kind, text, comment


def _check_key(kind: str, text: str) -> None:
    """Raise UsageError unless the key is of the type ``kind`` and sshd accepts that type."""
    import asyncssh

    try:
        blob = asyncssh.import_public_key(f"{kind} {text}").public_data
    except (asyncssh.KeyImportError, ValueError) as error:
        if "-cert-" in kind:
            raise UsageError(
                "that is a certificate: hosts trust the authority that signed it, not the key "
                "(TrustedUserCAKeys); ForceCommand in it or in sshd_config restricts it"
            ) from error
        raise UsageError(f"the {kind} key cannot be read: {clean(str(error))}") from error
    if blob_key_type(blob) != kind:
        raise UsageError(f"the line says {kind!r}, but its key is of type {blob_key_type(blob)!r}")
    if key_title(blob) in ("unknown", "DSA"):
        raise UsageError(f"a key of type {kind!r} logs in to no current sshd: take ed25519")
