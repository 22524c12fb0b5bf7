"""How many bytes a server may send in each stage of a connection.

SSH lets a server send any number of messages without effect: lines before its version, debug and
ignore messages, login banners. Each takes CPU time from other hosts, so a timeout alone does not
bound the cost.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..transport import OUTPUT_LIMIT

__all__ = ["MOST_PROMPTS", "ByteBudget"]

MOST_PROMPTS = 100
"""In one request for answers (RFC 4256); OpenSSH's server takes as many answers (auth2-chall.c)."""

_BEFORE_VERSION_BYTES = 64 * 1024
_LOGIN_BYTES = 1024 * 1024
# The messages around a command's output, which has a limit of its own. Of the smallest ones, of 32
# bytes, which are the dearest to process, these are 8,192.
_COMMAND_BYTES = 256 * 1024
# A bastion's own messages: window adjustments, keepalives, rekeying, the ends of channels. Of the
# smallest ones these are 8,192 at once and then 512 a second.
_BASTION_BYTES = 256 * 1024
_REFILL_BYTES_PER_S = 16 * 1024
_CHANNEL_BYTES = 4 * 1024
# The messages around a repeated sample, and until the next: window adjustments, keepalives,
# rekeying, the ends of sessions. Of the smallest ones these are 4,096 and then 512 a second.
_SAMPLE_BYTES = 128 * 1024
_KEY_EXCHANGE_BYTES = 32 * 1024  # takes about as long as a thousand of the smallest messages
_PACKET_BYTES = 64  # around a channel's data: lengths, numbers, padding and the tag


class ByteBudget:
    """The bytes that one server may still send; starts before the version line.

    Threads may share it.
    """

    def __init__(self) -> None:
        self.exceeded = False
        self._left = _BEFORE_VERSION_BYTES
        self._lock = threading.Lock()
        self._refilled_at: float | None = None
        """When it was last refilled; None before `expect_channels` and `expect_samples`."""
        self._is_sampled = False
        self._takes_back = False
        self._most_left: int | None = None
        """What `give_back` fills up at most; None: all of it counts."""

    @property
    def is_logged_in(self) -> bool:
        """Whether the login is done."""
        return self._takes_back

    def expect_login(self) -> None:
        """Allow the bytes of a key exchange and a login; call it when the version is known."""
        self._left = _LOGIN_BYTES

    def expect_command(self) -> None:
        """Allow the messages of a command, or of one sample after `expect_samples`.

        Call it after the login. The session bounds the output, so `give_back` returns its bytes.
        """
        self._left = self._most_left = _SAMPLE_BYTES if self._is_sampled else _COMMAND_BYTES
        self._takes_back = True

    def expect_channels(self) -> None:
        """Allow a bastion's own messages, more of them as time passes; call it after the login.

        Each host behind it has its own budget, so `give_back` returns the bytes of its channel.
        """
        self._left = _BASTION_BYTES
        self._takes_back, self._most_left = True, None
        self._refilled_at = time.monotonic()

    def expect_samples(self) -> None:
        """Allow the messages around repeated samples, more of them as time passes.

        Call it after the first command on a connection that stays open.
        """
        self._is_sampled = True
        self.expect_command()
        self._refilled_at = time.monotonic()

    def expect_channel(self) -> None:
        """Allow the messages of one more channel through a bastion."""
        self._allow(_CHANNEL_BYTES)

    def _allow(self, count: int) -> None:
        with self._lock:
            self._left += count

    @contextmanager
    def lend(self, count: int) -> Iterator[None]:
        """Allow ``count`` bytes more within the block.

        For a channel whose data the library holds back, and gives back later, while it opens. A
        cancelled block keeps them: the data that came is never given back.
        """
        self._allow(count)
        is_cancelled = False
        try:
            yield
        except asyncio.CancelledError:
            is_cancelled = True
            raise
        finally:
            if not is_cancelled:
                self._allow(-count)

    def give_back(self, count: int) -> None:
        """Return ``count`` bytes of a channel's data, and those of the packet around it.

        The latter up to the data's own size, so that a flood of data of one byte is a flood of
        messages. Without effect before the login is done.
        """
        if self._takes_back:
            with self._lock:
                self._left += count + min(count, _PACKET_BYTES)
                if self._most_left is not None:  # long output saves nothing up
                    self._left = min(self._left, self._most_left)

    def expect_in_flight(self, received: int, *, logged_in: bool) -> None:
        """Allow what may be in flight in a channel that is given up after ``received`` bytes.

        At most its window: so much may come from a host that floods before its login is done, where
        a few bytes may suffice to give it up. After the login it is one that has sent 64 KiB or
        more; any other has sent little beside its login.
        """
        self._allow(min(4 * received, OUTPUT_LIMIT) if logged_in else OUTPUT_LIMIT)

    def spend_key_exchange(self) -> bool:
        """As `spend`, for the arithmetic of one more key exchange that the server begins."""
        return self.spend(_KEY_EXCHANGE_BYTES)

    def spend(self, count: int) -> bool:
        """Take ``count`` bytes; False when the budget is exceeded, and from then on."""
        with self._lock:
            self._left -= count
            if self._left < 0 and self._refilled_at is not None:
                now = time.monotonic()
                refill = int((now - self._refilled_at) * _REFILL_BYTES_PER_S)
                self._left += min(refill, _SAMPLE_BYTES if self._is_sampled else _BASTION_BYTES)
                self._refilled_at = now
            self.exceeded = self.exceeded or self._left < 0
        return not self.exceeded
