"""How many bytes a server may send in each stage of a connection.

SSH lets a server send any number of messages without effect: lines before its version, debug and
ignore messages, login banners. Each takes CPU time from other hosts, so a timeout alone does not
bound the cost.
"""

from __future__ import annotations

from ..transport import OUTPUT_LIMIT

__all__ = ["MOST_PROMPTS", "ByteBudget"]

MOST_PROMPTS = 100
"""In one request for answers (RFC 4256); OpenSSH's server takes as many answers (auth2-chall.c)."""

_BEFORE_VERSION_BYTES = 64 * 1024
_LOGIN_BYTES = 1024 * 1024
# Each line of output may come in its own packet with some 40 bytes around it. 2 MiB of messages
# that are no output, the dearest to process, do not delay other hosts noticeably.
_COMMAND_BYTES = 8 * OUTPUT_LIMIT


class ByteBudget:
    """The bytes that one server may still send; starts before the version line."""

    def __init__(self) -> None:
        self.exceeded = False
        self._left: int | None = _BEFORE_VERSION_BYTES

    def expect_login(self) -> None:
        """Allow the bytes of a key exchange and a login; call it when the version is known."""
        self._left = _LOGIN_BYTES

    def expect_command(self) -> None:
        """Allow the bytes of a command; call it after the login."""
        self._left = _COMMAND_BYTES

    def expect_channels(self) -> None:
        """Lift the limit after the login at a bastion: each host behind it has its own budget."""
        self._left = None

    def spend(self, count: int) -> bool:
        """Take ``count`` bytes; False when the budget is exceeded, and from then on."""
        if self._left is not None:
            self._left -= count
            self.exceeded = self.exceeded or self._left < 0
        return not self.exceeded
