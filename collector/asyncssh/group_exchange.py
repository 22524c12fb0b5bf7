"""Bounds asyncssh's arithmetic in a group that the server chooses (`ssh.group_exchange`).

asyncssh has no interface for it, so it replaces the class that `asyncssh.kex_dh` imports. With a
version in which that is not possible, such key exchanges are not offered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..ssh.group_exchange import MOST_BITS, draw_exponent, find_fault
from .slim_import import asyncssh

__all__ = ["GROUP_EXCHANGES", "bound_group_exchange"]

GROUP_EXCHANGES = "diffie-hellman-group-exchange-"
"""How the names of these key exchanges begin."""


class _Exchange(Protocol):
    """The methods of `asyncssh.crypto.DH`."""

    def get_public(self) -> int: ...

    def get_shared(self, peer_public: int) -> int: ...


class _ServerGroup:
    """The exchange in one group of a server."""

    def __init__(self, generator: int, prime: int) -> None:
        fault = find_fault(prime, generator)
        if fault is not None:
            raise asyncssh.ProtocolError(fault)
        self._generator, self._prime = generator, prime
        self._exponent = draw_exponent()

    def get_public(self) -> int:
        """The number to send."""
        return pow(self._generator, self._exponent, self._prime)

    def get_shared(self, peer_public: int) -> int:
        """The shared secret. Raises ProtocolError for a number that makes it known."""
        if not 1 < peer_public < self._prime - 1:
            raise asyncssh.ProtocolError("its number in the key exchange is out of range")
        return pow(peer_public, self._exponent, self._prime)


def bound_group_exchange() -> bool:
    """Bound it for all connections of this process; False where this asyncssh does not allow it.

    The groups of RFC 3526, which have names of their own, stay with cryptography: it knows them.
    """
    module: Any = getattr(asyncssh, "kex_dh", None)
    own: Callable[[int, int], _Exchange] | None = getattr(module, "DH", None)
    groups = getattr(module, "_dh_gex_groups", None)
    if own is None or groups is None:
        return False
    if own is not _choose_exchange:
        _known.update({(generator, prime): own for _, generator, prime in groups})
        module.DH = _choose_exchange
        module.KEX_DH_GEX_MAX_SIZE = MOST_BITS  # what it asks the server for
    return True


_known: dict[tuple[int, int], Callable[[int, int], _Exchange]] = {}


def _choose_exchange(generator: int, prime: int) -> _Exchange:
    return _known.get((generator, prime), _ServerGroup)(generator, prime)
