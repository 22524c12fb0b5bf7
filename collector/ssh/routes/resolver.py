"""Resolve names to addresses on daemon threads.

The event loop's own look-ups use its default thread pool: with dead name servers that pool is
full, hosts given by address wait too, and the program's exit waits for the stuck threads. Here the
threads are few and daemons, an address needs none, and each name is looked up once per run. Where
look-ups hang, there are more threads: a name that another server or /etc/hosts knows waits a second
for its own at most.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from typing import Any

from ....core.record import record
from ....core.text import clean
from ...errors import Category, HostError, Phase
from ...runtime.daemon_threads import DaemonThreads

__all__ = ["Address", "Resolver"]

_THREADS = 32
_FEW_DESCRIPTORS = 16
_MOST_THREADS = 256
_STUCK_S = 1.0
"""When a look-up that has not ended, or not begun, gets a thread besides the first ones."""

_Info = tuple[Any, Any, int, str, Any]
_Lookup = Callable[..., Sequence[_Info]]
_OUT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)


@record
class Address:
    """One address to connect to."""

    family: int
    """socket.AF_INET or AF_INET6."""
    sockaddr: tuple[Any, ...]
    """As for socket.connect: (IP, port), for IPv6 with flow label and scope too."""

    @property
    def ip(self) -> str:
        """The IP address alone, without its scope."""
        return str(self.sockaddr[0])

    def __str__(self) -> str:
        port = self.sockaddr[1]
        return f"[{self.ip}]:{port}" if self.family == socket.AF_INET6 else f"{self.ip}:{port}"


@record
class _Unresolved:
    category: Category
    message: str
    final: bool
    """Whether another look-up in this run would fail too."""


_Answer = tuple[Address, ...] | _Unresolved


class Resolver:
    """The name look-ups of one scan: few threads, one look-up per name, final answers kept.

    Belongs to one event loop. `close` never waits: a look-up that hangs stays on its daemon
    thread.
    """

    def __init__(self, *, threads: int = _THREADS, lookup: _Lookup = socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._threads = DaemonThreads(threads, "sockfleet-dns")
        self._answers: dict[tuple[str, int], asyncio.Future[_Answer]] = {}

    async def resolve(self, name: str, port: int, family: int) -> tuple[Address, ...]:
        """Return the addresses of ``name`` in the order to try them, at least one.

        ``family`` is AF_INET, AF_INET6 or 0 for both, which then alternate (RFC 8305, section 4).
        Raises HostError: ``dns`` (no such name, or a temporary failure; the message says which) or
        ``local_resource``. Waits as long as the system's resolver: the caller bounds it.
        """
        if family != socket.AF_INET6 and _is_ipv4(name):
            return (Address(family=socket.AF_INET, sockaddr=(name, port)),)
        answer = _read_literal(name, family)
        if answer is None:
            answer = await asyncio.shield(self._start_look_up(name, family))
        if isinstance(answer, _Unresolved):
            raise HostError(answer.category, Phase.DNS, answer.message, transient=not answer.final)
        return tuple(
            Address(family=each.family, sockaddr=(each.ip, port, *each.sockaddr[2:]))
            for each in answer
        )

    def close(self) -> None:
        """End the idle threads; those stuck in a look-up do not delay the exit."""
        self._threads.close()

    def _start_look_up(self, name: str, family: int) -> asyncio.Future[_Answer]:
        key = (name.lower(), family)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._threads.run(lambda: _look_up(self._lookup, name, family))
            self._answers[key] = answer
            loop = asyncio.get_running_loop()
            stuck = loop.call_later(_STUCK_S, self._threads.add_thread, _most_threads())
            answer.add_done_callback(lambda _: stuck.cancel())
            answer.add_done_callback(lambda done: self._forget_unless_final(key, done))
        return answer

    def _forget_unless_final(self, key: tuple[str, int], done: asyncio.Future[_Answer]) -> None:
        answer = done.result()
        if isinstance(answer, _Unresolved) and not answer.final:
            del self._answers[key]


def _most_threads() -> int:
    """How many look-ups may hang at once: each holds a descriptor that no host's slot counts."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_THREADS if limit == resource.RLIM_INFINITY else min(_MOST_THREADS, limit // 32)


def _is_ipv4(name: str) -> bool:
    """Whether ``name`` is an IPv4 address in the usual form, which needs no getaddrinfo."""
    try:
        return socket.inet_ntoa(socket.inet_pton(socket.AF_INET, name)) == name
    except (OSError, UnicodeError, ValueError):
        return False


def _read_literal(name: str, family: int) -> _Answer | None:
    """Return the answer if ``name`` is an address; None if it needs a look-up."""
    if ":" not in name and not name[-1:].isdigit():
        return None
    try:
        infos = socket.getaddrinfo(name, None, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    if family and infos[0][0] != family:
        wanted = "IPv6" if family == socket.AF_INET6 else "IPv4"
        return _Unresolved(
            category=Category.DNS,
            message=f"{clean(name)} is not an {wanted} address, and only {wanted} is allowed "
            "for this host (AddressFamily)",
            final=True,
        )
    return _interleave(infos)


def _look_up(lookup: _Lookup, name: str, family: int) -> _Answer:
    shown = clean(name)
    try:
        infos = lookup(name, None, family, socket.SOCK_STREAM)
    except socket.gaierror as error:
        return _translate_error(shown, error)
    except ValueError:  # the idna codec: a label that is empty or longer than 63
        return _Unresolved(
            category=Category.DNS,
            message=f"no such name: {shown!r} is not a valid name",
            final=True,
        )
    except OSError as error:  # EAI_SYSTEM, whose errno may be that of another call
        return _local_failure(shown, _find_shortage() or error)
    if not infos:
        return _Unresolved(
            category=Category.DNS, message=f"no such name: {shown} has no address", final=True
        )
    return _interleave(infos)


def _translate_error(shown: str, error: socket.gaierror) -> _Unresolved:
    if (shortage := _find_shortage()) is not None:
        return _local_failure(shown, shortage)
    if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
        return _Unresolved(
            category=Category.DNS,
            message=f"no such name: {shown} ({error.strerror}); set ansible_host, or check DNS and "
            "/etc/hosts",
            final=True,
        )
    return _Unresolved(
        category=Category.DNS,
        message=f"temporary failure of the name service for {shown} ({error.strerror}); "
        "another try may succeed",
        final=False,
    )


def _find_shortage() -> OSError | None:
    """Return the error of a process that has no descriptor, or few; None: it has enough.

    Without one getaddrinfo cannot read its own files, and reports an unknown name or an errno of
    another call. Others may have closed theirs since, so that a few free ones prove nothing.
    """
    try:
        with socket.socket() as probe:
            number = probe.fileno()
    except OSError as error:
        return error
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY or number < limit - _FEW_DESCRIPTORS:
        return None
    return OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def _local_failure(shown: str, error: OSError) -> _Unresolved:
    remedy = ""
    if error.errno in _OUT_OF:
        remedy = "; lower --concurrency or raise the limit of open files (ulimit -n)"
    return _Unresolved(
        category=Category.LOCAL_RESOURCE if remedy else Category.DNS,
        message=f"cannot look up {shown}: {error.strerror}{remedy}",
        final=False,
    )


def _interleave(infos: Sequence[_Info]) -> tuple[Address, ...]:
    unique = dict.fromkeys(
        Address(family=int(info[0]), sockaddr=tuple(info[4]))
        for info in infos
        if info[0] in (socket.AF_INET, socket.AF_INET6)
    )
    first = next(iter(unique)).family
    leading = [each for each in unique if each.family == first]
    others = [each for each in unique if each.family != first]
    both = chain.from_iterable(zip_longest(leading, others))
    return tuple(each for each in both if each is not None)
