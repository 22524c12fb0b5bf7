"""The line of authorized_keys that lets a key run the forced probe, and nothing else.

``restrict`` takes away every forwarding, the terminal and the user's own rc file, and whatever else
a later OpenSSH lets a key do; ``from`` says where the key may come from (sshd(8),
"AUTHORIZED_KEYS FILE FORMAT").
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from ....core.errors import UsageError
from ....core.text import clean
from ...probe.forced import FORCED_COMMAND
from .public_key import blob_key_type, key_title

__all__ = ["authorized_line", "check_network"]

_LINE = re.compile(r"([a-z0-9@.-]{1,64})[ \t]+([A-Za-z0-9+/]{1,16000}={0,2})(?:[ \t]+(.*))?")
_PRIVATE = "PRIVATE KEY-----"


def authorized_line(public_key: str, networks: Sequence[str] = ()) -> str:
    """The line for one public key, as ssh-keygen writes it, used from these networks alone.

    ``networks`` are as `check_network` gives them; empty: from anywhere. Raises UsageError for
    what is no public key that sshd takes for a login, saying what it is.
    """
    kind, text, comment = _parts(public_key)
    source = f'from="{",".join(networks)}",' if networks else ""
    line = f'restrict,{source}command="{FORCED_COMMAND}" {kind} {text}'
    return f"{line} {clean(comment)}".rstrip()


def check_network(text: str) -> str:
    """An address or network (CIDR) as sshd's ``from=`` takes it; raises UsageError.

    A network with bits of a host in it is refused, as sshd then refuses every login by the key.
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


def _parts(public_key: str) -> tuple[str, str, str]:
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
    _judge(kind, text)
    return kind, text, comment


def _judge(kind: str, text: str) -> None:
    """Raise where the key cannot be what its type says."""
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
        raise UsageError(f"the key is of type {blob_key_type(blob)!r}, not {kind!r} as it says")
    if key_title(blob) in ("unknown", "DSA"):
        raise UsageError(f"a key of type {kind!r} logs in to no current sshd: take ed25519")
