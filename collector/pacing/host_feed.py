"""Hosts that come while an engine runs, from any thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self

from ...inventory.models import Host

__all__ = ["HostFeed"]


class HostFeed:
    """An iterator of hosts whose end is the present one's until it is closed.

    ``taken`` is called with each host as somebody takes it.
    """

    def __init__(self, taken: Callable[[Host], None]) -> None:
        self._taken = taken
        self._hosts: deque[Host] = deque()
        self._lock = threading.Lock()
        self._more: Callable[[], object] | None = None
        self._is_open = True

    @property
    def is_open(self) -> bool:
        """Whether more hosts may come."""
        return self._is_open

    def on_change(self, call: Callable[[], object] | None) -> None:
        """Call this, in the thread of whoever adds hosts or closes, after each time.

        It must not block. Once this returns, nothing that was to be called before is.
        """
        with self._lock:
            self._more = call
            self._tell()

    def add(self, hosts: Iterable[Host]) -> None:
        """Hand in more hosts; ValueError once it is closed."""
        with self._lock:
            if not self._is_open:
                raise ValueError("this feed is closed")
            self._hosts.extend(hosts)
            self._tell()

    def close(self) -> None:
        """No more hosts come."""
        with self._lock:
            self._is_open = False
            self._tell()

    def _tell(self) -> None:
        if self._more is not None:
            self._more()

    def __len__(self) -> int:
        return len(self._hosts)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Host:
        try:
            host = self._hosts.popleft()
        except IndexError:
            raise StopIteration from None
        self._taken(host)
        return host
