"""What an ssh-agent lists, requested once for all logins of a run."""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading

from ..core.record import record

__all__ = ["AgentError", "AgentListings", "ListedKey"]

# draft-ietf-sshm-ssh-agent, "Requesting a list of keys"
_REQUEST_IDENTITIES = struct.pack(">IB", 1, 11)
_IDENTITIES_ANSWER = 12
_LARGEST_ANSWER = 256 * 1024  # OpenSSH's AGENT_MAX_LEN
_TIMEOUT_S = 10.0
"""Some agents ask their user before they list keys."""

_LACKS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What this process lacks says nothing about the agent."""


class AgentError(Exception):
    """Why an agent lists no keys; the message follows the agent's path."""


@record
class ListedKey:
    """A key that an agent holds."""

    blob: bytes
    """The public key, or the certificate."""
    comment: bytes


class AgentListings:
    """The keys of each agent, in its order. Thread-safe; each agent is contacted once.

    The answer of an agent is kept, also that it gave none, for later logins. A pickled one is empty
    where it arrives: the agents there are others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[ListedKey, ...] | str] = {}

    def __reduce__(self) -> tuple[type[AgentListings], tuple[()]]:
        return AgentListings, ()

    def find(self, path: str) -> tuple[ListedKey, ...] | None:
        """What `list` returns or raises without contacting the agent; None: it has to."""
        known = self._known.get(path)
        if isinstance(known, str):
            raise AgentError(known)
        return known

    def list(self, path: str) -> tuple[ListedKey, ...]:
        """The keys of the agent at ``path``; may block.

        Raises AgentError where it does not answer, OSError where this process lacks a resource.
        """
        with self._lock:
            found = self.find(path)
            if found is not None:
                return found
            try:
                keys = self._known[path] = _request_listing(path)
            except AgentError as error:
                self._known[path] = str(error)
                raise
            return keys

    def forget(self) -> None:
        """Request the keys again when they are needed next: a long run may see other keys."""
        with self._lock:
            self._known.clear()


def _request_listing(path: str) -> tuple[ListedKey, ...]:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
            agent.settimeout(_TIMEOUT_S)
            agent.connect(path)
            agent.sendall(_REQUEST_IDENTITIES)
            (length,) = struct.unpack(">I", _read_exactly(agent, 4))
            if length > _LARGEST_ANSWER:
                raise AgentError(f"its list of keys takes {length} bytes")
            return _parse_answer(_read_exactly(agent, length))
    except TimeoutError:
        raise AgentError(f"no answer in {_TIMEOUT_S:g} s") from None
    except OSError as error:
        if error.errno in _LACKS:
            raise
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise AgentError(reason) from error
    except EOFError:
        raise AgentError("it closed the connection") from None
    except struct.error:
        raise AgentError("its list of keys is malformed") from None


def _read_exactly(agent: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = agent.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _parse_answer(answer: bytes) -> tuple[ListedKey, ...]:
    kind, count = struct.unpack_from(">BI", answer)
    if kind != _IDENTITIES_ANSWER:
        raise AgentError("it lists no keys")
    keys, at = [], 5
    for _ in range(count):
        blob, at = _read_string(answer, at)
        comment, at = _read_string(answer, at)
        keys.append(ListedKey(blob=blob, comment=comment))
    return tuple(keys)


def _read_string(answer: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">I", answer, at)
    return struct.unpack_from(f"{length}s", answer, at + 4)[0], at + 4 + length
