"""A host's outcome as one line of JSON, for the way from a worker to whoever asked it to work.

The host itself is not in it: the receiver has it, and the line names it by its index. Nothing else
is lost: what is decoded equals what was encoded, None and 0 told apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
import orjson

from ..inventory.models import Host
from .errors import Category, Phase
from .outcome import HostFailure, HostOutcome, HostReading
from .probe.kernel import Kernel
from .probe.namespaces import Namespaces
from .probe.processes import Processes
from .probe.sockstat import Sockstat

__all__ = ["OutcomeError", "decode_outcome", "encode_outcome"]

_Lines = Mapping[str, Mapping[str, int]]

_UNUSUAL = b" "
"""Begins a line that orjson could not write: a counter beyond 64 bits, half of a surrogate pair."""


class OutcomeError(ValueError):
    """Bytes that `encode_outcome` has not written."""


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


_DECODER = msgspec.json.Decoder(_Reading | _Failure)


def encode_outcome(index: int, outcome: HostOutcome) -> bytes:
    """One line without its line end; ``index`` is where the receiver finds the host."""
    plain: dict[str, Any] = {
        "index": index,
        "address": outcome.address,
        "attempts": outcome.attempts,
        "elapsed_s": outcome.elapsed_s,
    }
    if isinstance(outcome, HostReading):
        six = outcome.sockstat6
        plain |= {
            "outcome": "reading",
            "sockstat": outcome.sockstat.lines,
            "sockstat6": None if six is None else six.lines,
            "kernel": outcome.kernel,
            "namespaces": outcome.namespaces,
            "processes": outcome.processes,
        }
    else:
        plain |= {
            "outcome": "failure",
            "category": outcome.category,
            "phase": outcome.phase,
            "message": outcome.message,
        }
    try:
        return orjson.dumps(plain, default=_plain)
    except orjson.JSONEncodeError:
        return _UNUSUAL + json.dumps(plain, default=_plain).encode("ascii")


def decode_outcome(line: bytes, hosts: Sequence[Host]) -> tuple[int, HostOutcome]:
    """The index and the outcome of ``hosts[index]``.

    Raises OutcomeError for anything but a whole line of `encode_outcome` about one of the hosts.
    """
    try:
        if line.startswith(_UNUSUAL):
            wire = msgspec.convert(json.loads(line), type=_Reading | _Failure)
        else:
            wire = _DECODER.decode(line)
    except ValueError as error:  # msgspec's errors are ValueErrors too
        raise OutcomeError(f"{line[:80]!r}: {error}") from error
    if not 0 <= wire.index < len(hosts):
        raise OutcomeError(f"{line[:80]!r}: there are {len(hosts)} hosts")
    host = hosts[wire.index]
    if isinstance(wire, _Failure):
        return wire.index, HostFailure(
            host=host,
            address=wire.address,
            attempts=wire.attempts,
            elapsed_s=wire.elapsed_s,
            category=wire.category,
            phase=wire.phase,
            message=wire.message,
        )
    return wire.index, HostReading(
        host=host,
        address=wire.address,
        attempts=wire.attempts,
        elapsed_s=wire.elapsed_s,
        sockstat=_sockstat(wire.sockstat),
        sockstat6=None if wire.sockstat6 is None else _sockstat(wire.sockstat6),
        kernel=wire.kernel,
        namespaces=wire.namespaces,
        processes=wire.processes,
    )


def _sockstat(lines: _Lines) -> Sockstat:
    return Sockstat(
        MappingProxyType({name: MappingProxyType(dict(keys)) for name, keys in lines.items()})
    )


def _plain(value: object) -> object:
    """What the two writers do not know: read-only mappings, and json no data classes either."""
    return dict(value) if isinstance(value, MappingProxyType) else msgspec.to_builtins(value)
