"""Encode a host's outcome as one line of JSON, sent by a worker to its supervisor.

The line names the host by its index, as the receiver has the host itself. Decoding restores an
equal outcome; None and 0 stay different.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
import orjson

from ..inventory.models import Host
from .errors import Category, Phase, UnknownHostKey
from .outcome import HostFailure, HostOutcome, HostReading
from .probe.kernel import Kernel
from .probe.namespaces import Namespaces
from .probe.processes import Processes
from .probe.sockstat import Sockstat

__all__ = ["OutcomeError", "decode_outcome", "encode_outcome"]

_Lines = Mapping[str, Mapping[str, int]]

_UNUSUAL = b" "
"""Begins a line that orjson cannot write: a counter beyond 64 bits, half of a surrogate pair."""


class OutcomeError(ValueError):
    """Bytes that `encode_outcome` did not write."""


class _Outcome(msgspec.Struct, kw_only=True, frozen=True, tag_field="outcome"):
    index: int
    address: str
    attempts: int
    elapsed_s: float


class _Reading(_Outcome, kw_only=True, frozen=True, tag="reading"):
    sockstat: _Lines
    sockstat6: _Lines | None
    kernel: Kernel
    namespaces: Namespaces | None
    processes: Processes | None


class _Failure(_Outcome, kw_only=True, frozen=True, tag="failure"):
    category: Category
    phase: Phase
    message: str
    unknown_key: UnknownHostKey | None


_DECODER = msgspec.json.Decoder(_Reading | _Failure)


def encode_outcome(index: int, outcome: HostOutcome) -> bytes:
    """One line without its newline; ``index`` is the host's in the receiver's list."""
    fields: dict[str, Any] = {
        "index": index,
        "address": outcome.address,
        "attempts": outcome.attempts,
        "elapsed_s": outcome.elapsed_s,
    }
    if isinstance(outcome, HostReading):
        six = outcome.sockstat6
        fields |= {
            "outcome": "reading",
            "sockstat": outcome.sockstat.lines,
            "sockstat6": None if six is None else six.lines,
            "kernel": outcome.kernel,
            "namespaces": outcome.namespaces,
            "processes": outcome.processes,
        }
    else:
        fields |= {
            "outcome": "failure",
            "category": outcome.category,
            "phase": outcome.phase,
            "message": outcome.message,
            "unknown_key": outcome.unknown_key,
        }
    try:
        return orjson.dumps(fields, default=_to_builtins)
    except orjson.JSONEncodeError:
        return _UNUSUAL + json.dumps(fields, default=_to_builtins).encode("ascii")


def decode_outcome(line: bytes, hosts: Sequence[Host]) -> tuple[int, HostOutcome]:
    """Return the index and the outcome of ``hosts[index]``.

    Raises OutcomeError for anything but a complete line of `encode_outcome` about one of the hosts.
    """
    try:
        if line.startswith(_UNUSUAL):
            decoded = msgspec.convert(json.loads(line), type=_Reading | _Failure)
        else:
            decoded = _DECODER.decode(line)
    except ValueError as error:  # msgspec's errors are ValueErrors too
        raise OutcomeError(f"{line[:80]!r}: {error}") from error
    if not 0 <= decoded.index < len(hosts):
        raise OutcomeError(f"{line[:80]!r}: there are {len(hosts)} hosts")
    host = hosts[decoded.index]
    if isinstance(decoded, _Failure):
        return decoded.index, HostFailure(
            host=host,
            address=decoded.address,
            attempts=decoded.attempts,
            elapsed_s=decoded.elapsed_s,
            category=decoded.category,
            phase=decoded.phase,
            message=decoded.message,
            unknown_key=decoded.unknown_key,
        )
    return decoded.index, HostReading(
        host=host,
        address=decoded.address,
        attempts=decoded.attempts,
        elapsed_s=decoded.elapsed_s,
        sockstat=_sockstat(decoded.sockstat),
        sockstat6=None if decoded.sockstat6 is None else _sockstat(decoded.sockstat6),
        kernel=decoded.kernel,
        namespaces=decoded.namespaces,
        processes=decoded.processes,
    )


def _sockstat(lines: _Lines) -> Sockstat:
    return Sockstat(
        lines=MappingProxyType({name: MappingProxyType(dict(keys)) for name, keys in lines.items()})
    )


def _to_builtins(value: object) -> object:
    """Convert what orjson and json cannot write: read-only mappings, and data classes for json."""
    return dict(value) if isinstance(value, MappingProxyType) else msgspec.to_builtins(value)
