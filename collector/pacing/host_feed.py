"""A queue of hosts that any thread extends while an engine takes from it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self

from ...inventory.models import Host

__all__ = ["HostFeed"]


class HostFeed:
    """An iterator of hosts that may continue after StopIteration, until it is closed.

    ``on_take`` is called with each host that is taken.
    """

    def __init__(self, on_take: Callable[[Host], None]) -> None:
        self._on_take = on_take
        self._hosts: deque[Host] = deque()
        self._lock = threading.Lock()
        self._changed: Callable[[], object] | None = None
        self._is_open = True

    @property
    def is_open(self) -> bool:
        """Whether more hosts may be added."""
        return self._is_open

    def on_change(self, call: Callable[[], object] | None) -> None:
        """Call ``call`` now and after each `add` and `close`, in the thread that calls these.

        It must not block. It replaces the function before, which is not called once this returns;
        None: call nothing.
        """
        with self._lock:
            self._changed = call
            self._notify()

    def add(self, hosts: Iterable[Host]) -> None:
        """Append hosts; raises ValueError once closed."""
        with self._lock:
            if not self._is_open:
                raise ValueError("this feed is closed")
            self._hosts.extend(hosts)
            self._notify()

    def close(self) -> None:
        """Let no more hosts be added."""
        with self._lock:
            self._is_open = False
            self._notify()

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed()

    def __len__(self) -> int:
        return len(self._hosts)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Host:
        try:
            host = self._hosts.popleft()
        except IndexError:
            raise StopIteration from None
        self._on_take(host)
        return host
