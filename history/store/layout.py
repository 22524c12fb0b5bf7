"""The tables of a store, the same in SQLite and PostgreSQL.

Their names begin with ``_``: they may change with the version of the layout. The views of views.py
are for everyone. Times are Unix milliseconds, hours and days Unix seconds of their begin in UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from ...aggregator.numbers import TCP_NUMBERS
from .numbers import METRICS, NAMESPACE_METRICS

__all__ = [
    "VERSION",
    "Id",
    "boots",
    "counted",
    "daily",
    "details",
    "facts",
    "failures",
    "fleets",
    "host_groups",
    "host_sets",
    "hosts",
    "hourly",
    "hourly_packs",
    "latest",
    "mailed",
    "merged",
    "metadata",
    "namespace_packs",
    "namespace_sets",
    "namespaces",
    "packs",
    "pending_days",
    "pending_hours",
    "scans",
    "settings",
]

VERSION = 2
"""The version of these tables and of the views; `migrations` brings older stores to it."""

metadata = MetaData()

Id = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite gives integers of 64 bits to INTEGER PRIMARY KEY alone."""


def _key(name: str = "id") -> Column[int]:
    return Column(name, Id, primary_key=True, autoincrement=True)


def _metrics() -> list[Column[float]]:
    """A column for each number, of which half a socket occurs: the median of an even count."""
    return [Column(name, Float(53)) for name in METRICS]


def _extremes() -> list[Column[int]]:
    return [Column("tcp_close_min", BigInteger), Column("tcp_close_max", BigInteger)]


settings = Table(
    "_setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""``layout``: the version; the limits of retention that were chosen for this store."""

fleets = Table(
    "_fleet",
    metadata,
    _key(),
    Column("key", Text, nullable=False, unique=True),
    Column("inventory", Text, nullable=False),
    Column("host_limit", Text),
)
"""The selections of hosts that scans are of: their inventories (JSON) and their limit."""

host_sets = Table(
    "_host_set",
    metadata,
    _key(),
    Column("digest", Text, nullable=False, unique=True),
    Column("size", Integer, nullable=False),
    Column("host_ids", LargeBinary, nullable=False),
)
"""The hosts of a scan, ascending by id: a pack of the distances. Most scans share one."""

scans = Table(
    "_scan",
    metadata,
    _key(),
    Column("uid", Text, nullable=False, unique=True),
    Column("fleet_id", ForeignKey("_fleet.id"), nullable=False),
    Column("host_set_id", ForeignKey("_host_set.id"), nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("round", Integer),
    Column("shard_of", Integer),
    Column("shard_parts", Text),
    Column("sort", Text, nullable=False),
    Column("hosts", Integer, nullable=False),
    Column("hosts_read", Integer, nullable=False),
    Column("hosts_failed", Integer, nullable=False),
    *(Column(name, BigInteger) for name in TCP_NUMBERS),
    Column("merged_into", Text),
    Index("_scan_started", "started_ms"),
)
"""A scan with its totals. ``merged_into`` is the uid of a scan that holds this one's hosts too."""

merged = Table(
    "_merged",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("merged_into", Text, nullable=False),
)
"""The parts of merged scans, by uid: a part that is saved after the whole counts no second time."""

hosts = Table(
    "_host",
    metadata,
    _key(),
    Column("name", Text, nullable=False, unique=True),
    Column("fact_id", Id),
    Column("fact_digest", Text),
    Column("fact_ms", BigInteger),
    Column("boot_id", Text),
    Column("boot", Integer),
    Column("boot_ms", BigInteger),
)
"""Each host by name, with its newest facts and boot id, and the scans that first had them."""

facts = Table(
    "_fact",
    metadata,
    _key(),
    Column("host_id", ForeignKey("_host.id"), nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("address", Text),
    Column("port", Integer, nullable=False),
    Column("host_groups", Text, nullable=False),
    Column("kernel_release", Text),
    Column("page_size", BigInteger),
    Column("tcp_mem_low", BigInteger),
    Column("tcp_mem_pressure", BigInteger),
    Column("tcp_mem_high", BigInteger),
    Column("tcp_max_orphans", BigInteger),
    Column("file_max", BigInteger),
    Index("_fact_host", "host_id", "since_ms"),
)
"""What seldom changes of a host, a row for each change. ``host_groups`` is a JSON list."""

host_groups = Table(
    "_host_group",
    metadata,
    Column("host_id", ForeignKey("_host.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    sqlite_with_rowid=False,
)

boots = Table(
    "_boot",
    metadata,
    Column("host_id", ForeignKey("_host.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("boot_id", Text, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The boot ids of each host, numbered as they were first saved."""

packs = Table(
    "_pack",
    metadata,
    Column("scan_id", ForeignKey("_scan.id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""One number of all hosts of a scan, in the order of its host set (pack.py)."""

details = Table(
    "_detail",
    metadata,
    Column("scan_id", ForeignKey("_scan.id"), primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""The whole JSON document of a scan, compressed; ``size`` is that of the document."""

failures = Table(
    "_failure",
    metadata,
    Column("scan_id", ForeignKey("_scan.id"), primary_key=True),
    Column("host_id", ForeignKey("_host.id"), primary_key=True),
    Column("category", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("message", Text, nullable=False),
    sqlite_with_rowid=False,
)

latest = Table(
    "_latest",
    metadata,
    Column("host_id", ForeignKey("_host.id"), primary_key=True, autoincrement=False),
    Column("read_ms", BigInteger, nullable=False),
    Column("scope", SmallInteger),
    *(Column(name, BigInteger) for name in METRICS),
    Column("file_nr", BigInteger),
)
"""The newest reading of each host."""

namespaces = Table(
    "_namespace",
    metadata,
    _key(),
    Column("host_id", ForeignKey("_host.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("namespaces", Integer, nullable=False),
    *(Column(name, BigInteger) for name in NAMESPACE_METRICS),
    UniqueConstraint("host_id", "kind", "name"),
)
"""The network namespaces of hosts by a name that lasts, with their newest reading. ``namespaces``
is how many have this name."""

namespace_sets = Table(
    "_namespace_set",
    metadata,
    _key(),
    Column("digest", Text, nullable=False, unique=True),
    Column("size", Integer, nullable=False),
    Column("namespace_ids", LargeBinary, nullable=False),
)
"""The namespaces of a scan, as `host_sets` has its hosts."""

namespace_packs = Table(
    "_namespace_pack",
    metadata,
    Column("scan_id", ForeignKey("_scan.id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("namespace_set_id", ForeignKey("_namespace_set.id"), nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""One number of all namespaces of a scan, in the order of its set of namespaces."""

hourly = Table(
    "_hourly",
    metadata,
    Column("hour", BigInteger, primary_key=True),
    Column("host_id", ForeignKey("_host.id"), primary_key=True),
    Column("samples", Integer, nullable=False),
    *_metrics(),
    *_extremes(),
    sqlite_with_rowid=False,
)
"""The medians of an hour, and the extremes of tcp_close."""

daily = Table(
    "_daily",
    metadata,
    Column("day", BigInteger, primary_key=True),
    Column("host_id", ForeignKey("_host.id"), primary_key=True),
    Column("samples", Integer, nullable=False),
    *_metrics(),
    *_extremes(),
    sqlite_with_rowid=False,
)
"""The medians of the hours of a day, and the extremes of tcp_close."""

hourly_packs = Table(
    "_hourly_pack",
    metadata,
    Column("hour", BigInteger, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("host_set_id", ForeignKey("_host_set.id"), nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""The same numbers, packed, the medians doubled: a fortnight of rows takes seconds to read."""

mailed = Table(
    "_mailed",
    metadata,
    Column("report", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("is_open", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""What the mails of each report named, and whether the last one still did."""

pending_hours = Table(
    "_pending_hour",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
)
"""The hours with scans that no rollup has seen yet."""

pending_days = Table(
    "_pending_day",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
)
"""The days with hours that no rollup has seen yet."""


def counted() -> ColumnElement[bool]:
    """The scans that count: not those whose hosts are in a merged scan too."""
    return scans.c.merged_into.is_(None)
