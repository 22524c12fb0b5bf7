"""The algorithms that this client offers, and how a user's own lists change them.

SHA-1 (ssh-rsa and the *-sha1 key exchanges), CBC and MD5 are broken or nearly so, and left out.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from fnmatch import fnmatchcase

from ...core.text import clean
from ..errors import Category, HostError, Phase

__all__ = [
    "CERTIFIED",
    "CIPHERS",
    "HOST_KEYS",
    "KEX",
    "MACS",
    "SHA1_RSA",
    "choose_algorithms",
    "host_key_order",
    "list_added",
    "may_certify",
    "may_sign",
    "strip_certificate",
]

KEX = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
)
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
)

SHA1_RSA = "ssh-rsa"
"""The kind of an RSA key, and its signature algorithm with SHA-1 (RFC 4253 section 6.6)."""
CERTIFIED = "-cert-v01@openssh.com"
"""The end of a certificate's name, behind that of its key's algorithm."""


def choose_algorithms(
    kind: str,
    requested: Sequence[str],
    policy: Sequence[str],
    supported: Container[str],
) -> tuple[str, ...]:
    """Return the algorithms of one kind to offer, the preferred one first.

    ``requested`` is a list as ssh_config(5) writes it, split at the commas: empty for the policy;
    a leading ``+`` appends to the policy, ``-`` removes what matches, ``^`` puts first. Names
    that ``supported`` lacks are ignored. Raises HostError ``config`` when no name remains.
    """
    names = _apply_request(requested, policy)
    usable = tuple(name for name in dict.fromkeys(names) if name in supported)
    if usable:
        return usable
    raise HostError(
        Category.CONFIG,
        Phase.CONFIG,
        f"this client has none of the requested {kind}: {clean(','.join(requested))}",
    )


def host_key_order(offered: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return ``offered`` with ``known`` (`HostKeyCheck.algorithms`) first.

    A server that has several keys shows the one that comes first here, so a host known by one of
    them is not mistaken for a changed one. Certificates are offered only where ``known`` has
    them: without a known authority they would be refused.
    """
    usable = [name for name in known if name in offered or name.removesuffix(CERTIFIED) in offered]
    return tuple(dict.fromkeys([*usable, *offered]))


def strip_certificate(name: str) -> str:
    """Return the key's algorithm for that of a certificate; any other name stays."""
    key = name.removesuffix(CERTIFIED)
    # Those of FIDO keys have OpenSSH's ending themselves (PROTOCOL.u2f).
    return f"{key}@openssh.com" if key != name and key.startswith("sk-") else key


def may_sign(kind: str, signatures: Sequence[str]) -> bool:
    """Whether a key, or the key of a certificate, of this kind has one of the algorithms."""
    name = strip_certificate(kind)
    if name != SHA1_RSA:
        return name in signatures
    return any(each == SHA1_RSA or each.startswith("rsa-sha2-") for each in signatures)


def may_certify(kind: str, requested: Sequence[str]) -> bool:
    """Whether an authority's key of this kind may sign host certificates.

    ``requested`` is CASignatureAlgorithms, split at the commas. Which hash an RSA key signed with
    is not always seen here, so both must be allowed.
    """
    allowed = _apply_request(requested, HOST_KEYS)
    if kind != SHA1_RSA:
        return kind in allowed
    return {"rsa-sha2-256", "rsa-sha2-512"} <= set(allowed)


def list_added(requested: Sequence[str]) -> tuple[str, ...]:
    """Return the names that a list adds to the policy (``+`` or ``^``); none of another list."""
    if not requested or requested[0][:1] not in ("+", "^"):
        return ()
    return (requested[0][1:], *requested[1:])


def _apply_request(requested: Sequence[str], policy: Sequence[str]) -> list[str]:
    if not requested:
        return list(policy)
    sign, first = requested[0][:1], requested[0]
    if sign not in ("+", "-", "^"):
        return list(requested)
    names = [first[1:], *requested[1:]]
    if sign == "-":
        return [each for each in policy if not any(fnmatchcase(each, pattern) for pattern in names)]
    return [*policy, *names] if sign == "+" else [*names, *policy]
