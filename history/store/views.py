"""The views that anyone may query: an interface with the version of the layout (docs/sql.md).

Their columns have the same names and meanings in SQLite and PostgreSQL. A name stays for ever; a
newer layout may add columns and views.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...aggregator.numbers import TCP_NUMBERS
from .numbers import METRICS

__all__ = ["VIEWS", "create_statements"]

_METRICS = ", ".join(METRICS)
_TOTALS = ", ".join(f"s.{name}" for name in TCP_NUMBERS)
_SCOPE = (
    "CASE scope WHEN 0 THEN 'all-namespaces' WHEN 1 THEN 'visible-namespaces' "
    "WHEN 2 THEN 'host-namespace' END AS scope"
)

VIEWS = {
    "store": "SELECT name, value FROM _setting",
    "scans": f"""
        SELECT s.uid AS scan, {{started}} AS started_at, {{finished}} AS finished_at,
            s.duration_ms / 1000.0 AS duration_s, s.complete, f.key AS fleet, f.inventory,
            f.host_limit, s.round, s.shard_parts, s.shard_of, s.hosts, s.hosts_read,
            s.hosts_failed, {_TOTALS}, s.merged_into, s.started_ms / 1000 AS started_unix
        FROM _scan s JOIN _fleet f ON f.id = s.fleet_id""",
    "hosts": """
        SELECT h.name AS host, f.address, f.port, f.kernel_release, h.boot_id, f.page_size,
            f.tcp_mem_low, f.tcp_mem_pressure, f.tcp_mem_high, f.tcp_max_orphans, f.file_max
        FROM _host h LEFT JOIN _fact f ON f.id = h.fact_id""",
    "host_groups": """
        SELECT h.name AS host, g.name AS group_name
        FROM _host_group g JOIN _host h ON h.id = g.host_id""",
    "boots": """
        SELECT h.name AS host, b.boot_id, {seen} AS first_seen_at
        FROM _boot b JOIN _host h ON h.id = b.host_id""",
    "failures": """
        SELECT h.name AS host, s.uid AS scan, {started} AS started_at, x.category, x.phase,
            x.message, s.started_ms / 1000 AS started_unix
        FROM _failure x JOIN _scan s ON s.id = x.scan_id JOIN _host h ON h.id = x.host_id
        WHERE s.merged_into IS NULL""",
    "latest": f"""
        SELECT h.name AS host, {{read}} AS read_at, {_SCOPE}, {_METRICS},
            l.read_ms / 1000 AS read_unix, l.file_nr
        FROM _latest l JOIN _host h ON h.id = l.host_id""",
    "namespaces": """
        SELECT h.name AS host, n.kind, n.name, n.namespaces, {named} AS read_at,
            n.tcp_close AS tcp_close_max, n.inuse, n.inuse6, n.tw, n.sockets_used,
            n.seen_ms / 1000 AS read_unix
        FROM _namespace n JOIN _host h ON h.id = n.host_id""",
    "hourly": f"""
        SELECT h.name AS host, {{hour}} AS hour, samples, {_METRICS}, tcp_close_min, tcp_close_max,
            t.hour AS hour_unix
        FROM _hourly t JOIN _host h ON h.id = t.host_id""",
    "daily": f"""
        SELECT h.name AS host, {{day}} AS day, samples, {_METRICS}, tcp_close_min, tcp_close_max,
            t.day AS day_unix
        FROM _daily t JOIN _host h ON h.id = t.host_id""",
}
"""The select of each view; its fields in braces are times."""

_TIMES = {
    "started": "s.started_ms / 1000.0",
    "finished": "s.finished_ms / 1000.0",
    "seen": "b.seen_ms / 1000.0",
    "read": "l.read_ms / 1000.0",
    "named": "n.seen_ms / 1000.0",
    "hour": "t.hour",
}


def create_statements(dialect: str) -> Iterator[str]:
    """Yield the statements that create the views in ``sqlite`` or ``postgresql``.

    A time is an ISO 8601 text in UTC in SQLite, which sorts as times do, and a timestamp with time
    zone in PostgreSQL; a day is a date in both. PostgreSQL replaces a view that is there, so
    that the rights to it stay: its columns may only be followed by new ones.
    """
    create = "CREATE VIEW" if dialect == "sqlite" else "CREATE OR REPLACE VIEW"
    if dialect == "sqlite":
        times = {
            name: f"strftime('%Y-%m-%dT%H:%M:%fZ', {value}, 'unixepoch')"
            for name, value in _TIMES.items()
        }
        times["hour"] = "strftime('%Y-%m-%dT%H:%M:%SZ', t.hour, 'unixepoch')"
        times["day"] = "date(t.day, 'unixepoch')"
    else:
        times = {name: f"to_timestamp({value})" for name, value in _TIMES.items()}
        times["day"] = "(to_timestamp(t.day) AT TIME ZONE 'UTC')::date"
    for name, select in VIEWS.items():
        yield f"{create} {name} AS {select.format_map(times)}"
