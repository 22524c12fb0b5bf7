"""Diffie-Hellman in a group that the server chooses (RFC 4419), offered where the user names it.

The server decides how much arithmetic each side has, and all of it holds the event loop or the
interpreter's lock. In a group of 4096 bits it takes 0.05 s with a short exponent, as OpenSSH draws
it; with one as long as the group, 0.5 s, and 3.3 s for 8192 bits. To test whether the numbers are
primes, as cryptography does for any group of 4096 bits that it does not know, takes 6 s. OpenSSH
does not test it either: the server's signature stands for the group too.
"""

from __future__ import annotations

import secrets

__all__ = ["MOST_BITS", "draw_exponent", "find_fault"]

LEAST_BITS = 2048
MOST_BITS = 4096
_EXPONENT_BITS = 512  # twice the strength of the longest key of a cipher


def find_fault(prime: int, generator: int) -> str | None:
    """Why the server's group is not used; None for one that is."""
    bits = prime.bit_length()
    if not LEAST_BITS <= bits <= MOST_BITS:
        return f"its group for the key exchange has {bits} bits, not {LEAST_BITS} to {MOST_BITS}"
    if prime % 2 == 0 or not 1 < generator < prime - 1:
        return "its group for the key exchange is none"
    return None


def draw_exponent() -> int:
    """A random exponent for one key exchange, below half of any group that is used."""
    return secrets.randbits(_EXPONENT_BITS - 1) | 1 << (_EXPONENT_BITS - 1)
