"""Sets of ids that most scans share: the hosts of a scan, and its network namespaces."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import orjson
from sqlalchemy import Column, Connection, insert, select

from . import layout
from .pack import pack_numbers, unpack_numbers

__all__ = ["load_host_set", "load_namespace_set", "store_host_set", "store_namespace_set"]

_HOSTS = layout.host_sets.c.host_ids
_NAMESPACES = layout.namespace_sets.c.namespace_ids


def store_host_set(connection: Connection, ids: Sequence[int]) -> int:
    """The id of the set of these hosts, which are ascending; saves it where it is new."""
    return _store(connection, _HOSTS, ids)


def load_host_set(connection: Connection, set_id: int) -> list[int]:
    """The ids of the hosts of a set, ascending."""
    return _load(connection, _HOSTS, set_id)


def store_namespace_set(connection: Connection, ids: Sequence[int]) -> int:
    """As `store_host_set`, for namespaces."""
    return _store(connection, _NAMESPACES, ids)


def load_namespace_set(connection: Connection, set_id: int) -> list[int]:
    """As `load_host_set`, for namespaces."""
    return _load(connection, _NAMESPACES, set_id)


def _store(connection: Connection, column: Column[bytes], ids: Sequence[int]) -> int:
    packed = pack_numbers([after - before for before, after in pairwise((0, *ids))])
    # The packed bytes depend on the version of the compressor; the ids do not.
    digest = hashlib.blake2b(orjson.dumps(list(ids)), digest_size=16).hexdigest()
    table = column.table
    found = connection.scalar(select(table.c.id).where(table.c.digest == digest))
    if found is None:
        row = {"digest": digest, "size": len(ids), column.name: packed}
        found = connection.scalar(insert(table).returning(table.c.id), row)
    return int(found or 0)


def _load(connection: Connection, column: Column[bytes], set_id: int) -> list[int]:
    table = column.table.c
    size, packed = connection.execute(select(table.size, column).where(table.id == set_id)).one()
    ids: list[int] = []
    last = 0
    for distance in unpack_numbers(packed, size):
        last += distance or 0
        ids.append(last)
    return ids
