"""Lists of SSH algorithms: what is offered by default, and how ``+``, ``-`` and ``^`` change it.

An inventory that says ``KexAlgorithms=+diffie-hellman-group1-sha1`` for an old switch means "yours,
and this one too", so the default lists have to be known here. They hold nothing with SHA-1, MD5,
CBC or arcfour: those are for the hosts that name them. Forms as in ssh_config(5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

from .plain_text import shown

__all__ = ["DEFAULT_ALGORITHMS", "algorithm_list"]

DEFAULT_ALGORITHMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "kexalgorithms": (
            "mlkem768x25519-sha256",
            "curve25519-sha256",
            "curve25519-sha256@libssh.org",
            "ecdh-sha2-nistp256",
            "ecdh-sha2-nistp384",
            "ecdh-sha2-nistp521",
            "diffie-hellman-group16-sha512",
            "diffie-hellman-group14-sha256",
        ),
        "ciphers": (
            "aes128-gcm@openssh.com",
            "aes256-gcm@openssh.com",
            "chacha20-poly1305@openssh.com",
            "aes128-ctr",
            "aes192-ctr",
            "aes256-ctr",
        ),
        "macs": (
            "hmac-sha2-256-etm@openssh.com",
            "hmac-sha2-512-etm@openssh.com",
            "hmac-sha2-256",
            "hmac-sha2-512",
        ),
        "hostkeyalgorithms": (
            "ssh-ed25519",
            "ecdsa-sha2-nistp256",
            "ecdsa-sha2-nistp384",
            "ecdsa-sha2-nistp521",
            "sk-ssh-ed25519@openssh.com",
            "sk-ecdsa-sha2-nistp256@openssh.com",
            "rsa-sha2-512",
            "rsa-sha2-256",
        ),
    }
)
"""Option (lower case) and the algorithms that stand behind a list that begins with + - or ^."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,63}")
_PATTERN = re.compile(r"[A-Za-z0-9@._*?-]{1,64}")


def algorithm_list(option: str, text: str) -> tuple[str, ...]:
    """The whole list that ``text`` stands for; raises ValueError quoting a name that is none."""
    sign = text[:1] if text[:1] in {"+", "-", "^"} else ""
    names = text[len(sign) :].split(",")
    allowed = _PATTERN if sign == "-" else _NAME
    for name in names:
        if not allowed.fullmatch(name):
            raise ValueError(f"{shown(name)} in {shown(text)} is no algorithm's name")
    default = DEFAULT_ALGORITHMS[option.lower()]
    if sign == "-":
        kept = tuple(d for d in default if not any(fnmatchcase(d, name) for name in names))
        if not kept:
            raise ValueError(f"{shown(text)} leaves no algorithm")
        return kept
    listed = {"": names, "+": [*default, *names], "^": [*names, *default]}[sign]
    return tuple(dict.fromkeys(listed))
