"""Write many rows at once, past the work that SQLAlchemy does for each row.

10,000 rows of 12 columns: 260 ms of SQLAlchemy's own beside 25 ms of SQLite. So the statement is
made once, and the rows go to the driver as tuples; PostgreSQL gets them by COPY.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table

__all__ = ["upsert_rows"]

_STAGE = "_stage"


def upsert_rows(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    changed: Sequence[str] = (),
    newer: str | None = None,
    key: str | None = None,
) -> None:
    """Insert rows of the columns ``names``; of one that is there already, change ``changed``.

    With ``newer``, only where the new row's value of that column is not less. Without ``changed``,
    a row that is there already stays. ``key`` is the unique column by which it is there; None: the
    primary key.
    """
    columns = ", ".join(names)
    conflict = _conflict(table, changed, newer, key)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) {conflict}"
        ready = [tuple(row) for row in rows]
        if ready:
            connection.exec_driver_sql(statement, ready)
        return
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {_STAGE} ON COMMIT DROP AS SELECT {columns} FROM {table.name} "
        "WITH NO DATA"
    )
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(f"COPY {_STAGE} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    finally:
        cursor.close()
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {_STAGE} {conflict}"
    )
    connection.exec_driver_sql(f"DROP TABLE {_STAGE}")


def _conflict(table: Table, changed: Sequence[str], newer: str | None, key: str | None) -> str:
    keys = key or ", ".join(column.name for column in table.primary_key)
    if not changed:
        return f"ON CONFLICT ({keys}) DO NOTHING"
    sets = ", ".join(f"{name} = excluded.{name}" for name in changed)
    condition = "" if newer is None else f" WHERE {table.name}.{newer} <= excluded.{newer}"
    return f"ON CONFLICT ({keys}) DO UPDATE SET {sets}{condition}"
