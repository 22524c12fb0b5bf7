"""Hours and days of a store: the medians of each host, once an hour or a day is over.

An hour is rolled up from its scans, a day from its hours. A scan that is saved later makes its
hour, and the hour its day, pending again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, Table, delete, insert, select

from .. import layout
from ..database.bulk import upsert_rows
from ..id_sets import load_host_set, store_host_set
from ..numbers import BOOT, CODES, EXTREMES, METRICS
from ..pack import pack_numbers, unpack_array
from ..series import scan_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = ["DAY_S", "HOUR_S", "next_pending", "roll_up_day", "roll_up_hour", "watermark"]

HOUR_S = 3600
DAY_S = 86400
_NAMES = ("samples", *METRICS, *EXTREMES)
_MINIMUM, _MAXIMUM = EXTREMES


def next_pending(connection: Connection, table: Table, before: float) -> int | None:
    """The oldest pending hour or day that ends by ``before``, a Unix time; None: there is none."""
    (column,) = table.primary_key
    length = HOUR_S if table is layout.pending_hours else DAY_S
    query = select(column).where(column <= before - length).order_by(column).limit(1)
    found = connection.scalar(query)
    return None if found is None else int(found)


def watermark(connection: Connection, name: str) -> int:
    """The Unix time before which ``raw`` scans or ``hourly`` numbers may be pruned."""
    table = layout.settings.c
    found = connection.scalar(select(table.value).where(table.name == f"pruned_{name}"))
    return int(found) if found else 0


def roll_up_hour(connection: Connection, hour: int) -> None:
    """Write the numbers of an hour from its scans, in the place of those it has.

    Where scans of it may be pruned already, only hosts that it lacks are added.
    """
    columns = list(scan_columns(connection, hour * 1000, (hour + HOUR_S) * 1000))
    set_ids = {set_id for column in columns for set_id in column.set_ids}
    sets = {
        set_id: np.array(load_host_set(connection, set_id), np.int64) for set_id in sorted(set_ids)
    }
    if columns:
        ids = np.unique(np.concatenate(list(sets.values())))
        places = {set_id: np.searchsorted(ids, members) for set_id, members in sets.items()}
        row_of = {
            scan_id: (row, places[set_id])
            for row, column in enumerate(columns)
            for scan_id, set_id in zip(column.scan_ids, column.set_ids, strict=True)
        }
        numbers = _read(connection, row_of, (len(columns), len(ids)))
        keep = hour < watermark(connection, "raw")
        _write_hour(connection, hour, ids, _summarize(numbers), keep=keep)
        day = hour // DAY_S * DAY_S
        upsert_rows(connection, layout.pending_days, ["day"], [(day,)])
    connection.execute(delete(layout.pending_hours).where(layout.pending_hours.c.hour == hour))


def roll_up_day(connection: Connection, day: int) -> None:
    """Write the numbers of a day from its hours; as `roll_up_hour`."""
    table = layout.hourly_packs.c
    query = select(table.hour, table.number, table.host_set_id, table.data).where(
        table.hour >= day, table.hour < day + DAY_S
    )
    rows = connection.execute(query).all()
    if rows:
        set_ids = {row.host_set_id for row in rows}
        sets = {each: np.array(load_host_set(connection, each), np.int64) for each in set_ids}
        ids = np.unique(np.concatenate(list(sets.values())))
        places = {set_id: np.searchsorted(ids, members) for set_id, members in sets.items()}
        hours = {hour: row for row, hour in enumerate(sorted({row.hour for row in rows}))}
        names = {CODES[name]: name for name in _NAMES}
        numbers = {name: np.full((len(hours), len(ids)), np.nan) for name in _NAMES}
        for row in rows:
            if row.number in names:
                name = names[row.number]
                values = _floats(row.data, len(places[row.host_set_id]))
                values = values / 2 if name in METRICS else values
                numbers[name][hours[row.hour], places[row.host_set_id]] = values
        samples = np.nansum(numbers["samples"], axis=0)
        found = {name: _medians(numbers[name]) for name in METRICS}
        found |= _extremes(numbers[_MINIMUM], numbers[_MAXIMUM])
        keep = day < watermark(connection, "hourly")
        _write_rows(connection, layout.daily, day, ids, {"samples": samples, **found}, keep=keep)
    connection.execute(delete(layout.pending_days).where(layout.pending_days.c.day == day))


def _read(
    connection: Connection,
    row_of: Mapping[int, tuple[int, NDArray[np.intp]]],
    shape: tuple[int, int],
) -> dict[str, Numbers]:
    """The numbers of scans by name, a row a column of time, a column a host; NaN: not read."""
    wanted = {CODES[name]: name for name in (*METRICS, BOOT, "scope")}
    numbers = {name: np.full(shape, np.nan) for name in wanted.values()}
    table = layout.packs.c
    query = select(table.scan_id, table.number, table.data).where(
        table.scan_id.in_(sorted(row_of)), table.number.in_(sorted(wanted))
    )
    for scan_id, code, data in connection.execute(query):
        row, places = row_of[scan_id]
        values = _floats(data, len(places))
        target = numbers[wanted[code]]
        # Two scans of one second share a row: a reading goes before none.
        target[row, places] = np.where(np.isnan(values), target[row, places], values)
    return numbers


def _floats(data: bytes, count: int) -> Numbers:
    values, absent = unpack_array(data, count)
    floats = values.astype(np.float64)
    if absent is not None:
        floats[absent] = np.nan
    return floats


def _summarize(numbers: Mapping[str, Numbers]) -> dict[str, Numbers]:
    samples = (~np.isnan(numbers["scope"])).sum(axis=0).astype(np.float64)
    found = {name: _medians(numbers[name]) for name in METRICS}
    found |= _extremes(numbers["tcp_close"], numbers["tcp_close"])
    boot = np.full(samples.shape, np.nan)
    for row in numbers[BOOT]:
        boot = np.where(np.isnan(row), boot, row)
    return {"samples": samples, BOOT: boot, **found}


def _medians(numbers: Numbers) -> Numbers:
    """The median of each column without its NaN; NaN where it has nothing else.

    numpy.nanmedian takes a Python call for each column with a NaN.
    """
    ordered = np.sort(numbers, axis=0)  # NaN comes last
    counts = (~np.isnan(ordered)).sum(axis=0)
    columns = np.arange(numbers.shape[1])
    low = ordered[np.maximum(counts - 1, 0) // 2, columns]
    high = ordered[np.minimum(counts // 2, len(ordered) - 1), columns]
    return np.where(counts > 0, (low + high) / 2, np.nan)


def _extremes(lows: Numbers, highs: Numbers) -> dict[str, Numbers]:
    low = np.where(np.isnan(lows), np.inf, lows).min(axis=0)
    high = np.where(np.isnan(highs), -np.inf, highs).max(axis=0)
    return {
        _MINIMUM: np.where(np.isinf(low), np.nan, low),
        _MAXIMUM: np.where(np.isinf(high), np.nan, high),
    }


def _write_hour(
    connection: Connection,
    hour: int,
    ids: NDArray[np.int64],
    found: Mapping[str, Numbers],
    *,
    keep: bool,
) -> None:
    _write_rows(connection, layout.hourly, hour, ids, found, keep=keep)
    table = layout.hourly_packs
    known = connection.scalar(select(table.c.number).where(table.c.hour == hour).limit(1))
    if known is not None:
        if keep:
            return
        connection.execute(delete(table).where(table.c.hour == hour))
    set_id = store_host_set(connection, ids.tolist())
    rows = [
        {
            "hour": hour,
            "number": CODES[name],
            "host_set_id": set_id,
            "data": pack_numbers(_whole(values * 2 if name in METRICS else values)),
        }
        for name, values in found.items()
    ]
    connection.execute(insert(table), rows)


def _write_rows(
    connection: Connection,
    table: Table,
    begin: int,
    ids: NDArray[np.int64],
    found: Mapping[str, Numbers],
    *,
    keep: bool,
) -> None:
    """Write the row of each host that was read. ``keep``: the rows that are there stay."""
    key = next(iter(table.primary_key)).name
    if not keep:
        connection.execute(delete(table).where(table.c[key] == begin))
    read = found["samples"] > 0
    columns: list[Sequence[Any]] = [
        _whole(found[name][read])
        if name in ("samples", *EXTREMES)
        else _nullable(found[name][read])
        for name in _NAMES
    ]
    rows = zip([begin] * int(read.sum()), ids[read].tolist(), *columns, strict=True)
    upsert_rows(connection, table, [key, "host_id", *_NAMES], rows)


def _nullable(values: Numbers) -> list[float | None]:
    """The values, None for NaN."""
    absent = np.isnan(values)
    return _with_gaps(values.tolist(), absent)


def _whole(values: Numbers) -> list[int | None]:
    """The values, which are whole, as integers; None for NaN."""
    absent = np.isnan(values)
    return _with_gaps(np.where(absent, 0, values).astype(np.int64).tolist(), absent)


def _with_gaps(values: list[Any], absent: NDArray[np.bool_]) -> list[Any]:
    if not absent.any():
        return values
    return [None if gone else value for value, gone in zip(values, absent.tolist(), strict=True)]
