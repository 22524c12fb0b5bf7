"""How many bytes one connection may send before it is cut off, stage by stage.

SSH lets a server send messages that mean nothing, without end: lines before its version, debug
and ignore messages, login banners. Each costs this machine time that other hosts then lack, so a
timeout alone is no bound.
"""

from __future__ import annotations

from ..transport import OUTPUT_LIMIT

__all__ = ["ByteBudget"]

_BEFORE_VERSION_BYTES = 64 * 1024
_LOGIN_BYTES = 1024 * 1024
# A line of output may come in a packet of its own, with some 40 bytes around it; what is no output
# at all costs most, and 2 MiB of it are through before they delay others.
_COMMAND_BYTES = 8 * OUTPUT_LIMIT


class ByteBudget:
    """Of one connection; it begins before the version line."""

    def __init__(self) -> None:
        self.exceeded = False
        self._left: int | None = _BEFORE_VERSION_BYTES

    def expect_login(self) -> None:
        """The version is known: allow a key exchange and a login."""
        self._left = _LOGIN_BYTES

    def expect_command(self) -> None:
        """Logged in: allow what a command may send."""
        self._left = _COMMAND_BYTES

    def expect_channels(self) -> None:
        """Logged in at a bastion: what passes through is bounded at the hosts behind it."""
        self._left = None

    def spend(self, count: int) -> bool:
        """Whether ``count`` further bytes are still within it; once they are not, none are."""
        if self._left is not None:
            self._left -= count
            self.exceeded = self.exceeded or self._left < 0
        return not self.exceeded
