"""List the keys of an ssh-agent, so that the user need not unlock a key that the agent holds."""

from __future__ import annotations

import socket
import struct

__all__ = ["list_agent_keys"]

# draft-ietf-sshm-ssh-agent, "Requesting a list of keys"
_REQUEST_IDENTITIES = struct.pack(">IB", 1, 11)
_IDENTITIES_ANSWER = 12
_LARGEST_ANSWER = 256 * 1024  # OpenSSH's AGENT_MAX_LEN
_TIMEOUT_S = 2.0


def list_agent_keys(path: str) -> tuple[bytes, ...]:
    """Return the public key and certificate blobs of the agent at ``path``, in its order.

    Empty when no agent answers: the login itself reports that.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
            agent.settimeout(_TIMEOUT_S)
            agent.connect(path)
            agent.sendall(_REQUEST_IDENTITIES)
            (length,) = struct.unpack(">I", _read_exactly(agent, 4))
            return _parse_answer(_read_exactly(agent, length)) if length <= _LARGEST_ANSWER else ()
    except (OSError, struct.error, EOFError):
        return ()


def _read_exactly(agent: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = agent.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _parse_answer(answer: bytes) -> tuple[bytes, ...]:
    kind, count = struct.unpack_from(">BI", answer)
    if kind != _IDENTITIES_ANSWER:
        return ()
    blobs, at = [], 5
    for _ in range(count):
        (length,) = struct.unpack_from(">I", answer, at)
        blobs.append(answer[at + 4 : at + 4 + length])
        (comment,) = struct.unpack_from(">I", answer, at + 4 + length)
        at += 8 + length + comment
    return tuple(blobs)
