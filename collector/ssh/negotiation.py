"""What both sides offer for a key exchange, and the kind of algorithm that they do not share.

The libraries name only a part of that: their texts lack the server's list or put it last, and where
no host key algorithm is shared, the server hangs up (RFC 4253 section 7.1). But the server's offer
is not encrypted, so it is read from what the stream kept of its first bytes.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import field

from ...core.lazy_pattern import lazy_pattern
from ...core.record import record
from ...core.text import clean
from ...inventory.models import SshSettings
from .algorithms import (
    CIPHERS,
    HOST_KEYS,
    KEX,
    MACS,
    SHA1_RSA,
    choose_algorithms,
    list_added,
    strip_certificate,
)

__all__ = [
    "OPENING_BYTES",
    "Mismatch",
    "Offer",
    "ServerOffer",
    "SupportedAlgorithms",
    "choose_offer",
    "describe_choice",
    "find_mismatch",
    "read_server_offer",
    "takes_sha1_alone",
]

OPENING_BYTES = 16 * 1024
"""How much of a server's first bytes is kept; OpenSSH's version line and offer take 1,200."""

_VERSION = lazy_pattern(rb"(?:^|\n)SSH-(?:2\.0|1\.99)-[^\n]*\n")
_KEXINIT = 20
_SKIPPED = frozenset({2, 4})  # RFC 4253 section 12: IGNORE, DEBUG
_COOKIE_BYTES = 16
_LISTS = 6  # those of compression methods and languages follow
_NAME = lazy_pattern(r"[A-Za-z0-9@._-]{1,64}")
# Markers among the key exchanges, of RFC 8308 and of OpenSSH's PROTOCOL, section 1.10.
_NO_ALGORITHM = ("ext-info-", "kex-strict-")
_OWN_MAC = ("-gcm@openssh.com", "chacha20-poly1305@openssh.com")
_MAX_TRIED = 16  # to ask asyncssh about a name can take 0.15 ms


@record
class SupportedAlgorithms:
    """The names of the algorithms that an SSH library has, by kind."""

    library: str
    """The library's name, for messages."""
    kex: Container[str]
    ciphers: Container[str]
    macs: Container[str]
    signatures: Container[str]
    """For the client's own keys."""
    host_keys: Container[str]
    """For host keys, those of certificates among them."""
    needs_macs: bool = False
    """The library looks for a MAC even where the cipher needs none."""


@record
class Offer:
    """The algorithms that this client offers, the preferred one first."""

    kex: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    host_keys: tuple[str, ...]
    signatures: tuple[str, ...]
    """How the client's keys may sign."""
    supported: SupportedAlgorithms = field(repr=False)
    """All that the library has."""


@record
class ServerOffer:
    """The algorithms that a server offers, in its order."""

    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[tuple[str, ...], tuple[str, ...]]
    """From the client to the server, and back."""
    macs: tuple[tuple[str, ...], tuple[str, ...]]


@record
class Mismatch:
    """A kind of algorithm of which the two sides share none."""

    kind: str
    """``key exchange``, ``host key algorithm``, ``cipher`` or ``MAC``."""
    option: str
    """The option of ssh_config(5) with the client's list."""
    offered: tuple[str, ...]
    """The server's names, as they came."""
    addable: str | None
    """The first of them that the library has; None: it has none."""
    library: str


def choose_offer(ssh: SshSettings, supported: SupportedAlgorithms) -> Offer:
    """Choose the algorithms to offer; `host_key_order` puts a host's known key types first.

    Raises HostError ``config`` where no requested algorithm is supported.
    """
    return Offer(
        kex=choose_algorithms("key exchanges", ssh.kex_algorithms, KEX, supported.kex),
        ciphers=choose_algorithms("ciphers", ssh.ciphers, CIPHERS, supported.ciphers),
        macs=choose_algorithms("MACs", ssh.macs, MACS, supported.macs),
        host_keys=choose_algorithms(
            "host key algorithms", ssh.host_key_algorithms, HOST_KEYS, supported.host_keys
        ),
        signatures=choose_algorithms(
            "public key algorithms", _signatures(ssh), HOST_KEYS, supported.signatures
        ),
        supported=supported,
    )


def _signatures(ssh: SshSettings) -> tuple[str, ...]:
    """A certificate counts by the algorithm that its key signs with."""
    names = ssh.public_key_algorithms
    if names and names[0].startswith("-"):  # patterns
        return names
    return tuple(map(strip_certificate, names))


def describe_choice(ssh: SshSettings, supported: SupportedAlgorithms) -> list[str]:
    """Return notes for the user: what a list names that is not offered, or should not be used."""
    asked = {
        "KexAlgorithms": (ssh.kex_algorithms, supported.kex),
        "Ciphers": (ssh.ciphers, supported.ciphers),
        "MACs": (ssh.macs, supported.macs),
        "HostKeyAlgorithms": (ssh.host_key_algorithms, supported.host_keys),
        "PubkeyAcceptedAlgorithms": (_signatures(ssh), supported.signatures),
    }
    notes = []
    for option, (requested, known) in asked.items():
        names = [*list_added(requested), *(name for name in requested if name == SHA1_RSA)]
        lacking = dict.fromkeys(name for name in names if name not in known)
        if lacking:
            listed = clean(", ".join(lacking))
            notes.append(f"{option}: {supported.library} lacks {listed}: not offered")
        elif SHA1_RSA in names:
            notes.append(
                f"{option}: {SHA1_RSA} is offered, as it is named: RSA signatures with SHA-1, "
                "which is broken"
            )
    return notes


def takes_sha1_alone(opening: bytes | None) -> bool:
    """Whether a server is probably one from before RFC 8332, which signs and takes SHA-1 alone.

    Its host key algorithms tell: they hold ssh-rsa, and none of those that replace it.
    """
    offer = read_server_offer(opening or b"")
    if offer is None or SHA1_RSA not in offer.host_keys:
        return False
    return not any(name.startswith("rsa-sha2-") for name in offer.host_keys)


def read_server_offer(opening: bytes) -> ServerOffer | None:
    """Read the server's KEXINIT from the first bytes of its stream; None where it is not whole.

    Bounded by the length of ``opening``; never raises.
    """
    version = _VERSION().search(opening)
    at = len(opening) if version is None else version.end()
    while at + 6 <= len(opening):
        length = int.from_bytes(opening[at : at + 4], "big")
        end, kind = at + 4 + length, opening[at + 5]
        if length < 2 or end > len(opening):
            return None
        if kind == _KEXINIT:
            return _parse_lists(opening[at + 6 + _COOKIE_BYTES : end - opening[at + 4]])
        if kind not in _SKIPPED:
            return None
        at = end
    return None


def _parse_lists(body: bytes) -> ServerOffer | None:
    lists: list[tuple[str, ...]] = []
    at = 0
    for _ in range(_LISTS):
        start = at + 4
        at = start + int.from_bytes(body[at:start], "big")
        if start > len(body) or at > len(body):
            return None
        text = body[start:at].decode("ascii", "replace")
        lists.append(tuple(text.split(",")) if text else ())
    kex, host_keys, ciphers_there, ciphers_back, macs_there, macs_back = lists
    return ServerOffer(
        kex=tuple(name for name in kex if not name.startswith(_NO_ALGORITHM)),
        host_keys=host_keys,
        ciphers=(ciphers_there, ciphers_back),
        macs=(macs_there, macs_back),
    )


def find_mismatch(ours: Offer, host_keys: Sequence[str], theirs: ServerOffer) -> Mismatch | None:
    """Return the first kind of algorithm of which the two sides share none; None: they agree.

    ``host_keys`` are those offered to this host, instead of ``ours.host_keys``.
    """
    has = ours.supported
    if not _share(ours.kex, theirs.kex):
        return _describe("key exchange", "KexAlgorithms", theirs.kex, has.kex, has.library)
    if not _share(host_keys, theirs.host_keys):
        return _describe(
            "host key algorithm", "HostKeyAlgorithms", theirs.host_keys, has.host_keys, has.library
        )
    for ciphers in theirs.ciphers:
        if not _share(ours.ciphers, ciphers):
            return _describe("cipher", "Ciphers", ciphers, has.ciphers, has.library)
    for ciphers, macs in zip(theirs.ciphers, theirs.macs, strict=True):
        chosen = next(name for name in ours.ciphers if name in ciphers)
        has_own = chosen.endswith(_OWN_MAC) and not has.needs_macs
        if not has_own and not _share(ours.macs, macs):
            return _describe("MAC", "MACs", macs, has.macs, has.library)
    return None


def _share(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    return not set(ours).isdisjoint(theirs)


def _describe(
    kind: str, option: str, offered: tuple[str, ...], supported: Container[str], library: str
) -> Mismatch:
    tried = (name for name in offered[:_MAX_TRIED] if name != "none" and _NAME().fullmatch(name))
    return Mismatch(
        kind=kind,
        option=option,
        offered=offered,
        addable=next((name for name in tried if name in supported), None),
        library=library,
    )
