"""Readings of a store as CSV, NDJSON or Parquet, written as they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from ...core.errors import UsageError
from ...history.store.export import COLUMNS
from ..atomic_file import replace_whole
from .csv import csv_cell

__all__ = ["SUFFIXES", "check_export_file", "write_export"]

SUFFIXES = (".parquet", ".csv", ".ndjson")
_TEXTS = frozenset({"scan", "host", "status", "scope", "category"})

Blocks = Iterable[Sequence[tuple[Any, ...]]]


def check_export_file(path: Path) -> None:
    """Raise UsageError for a suffix that has no format, and for Parquet without pyarrow."""
    if path.suffix not in SUFFIXES:
        raise UsageError(f"-o {path}: expected a file that ends in {', '.join(SUFFIXES)}")
    if path.suffix == ".parquet":
        try:
            import pyarrow as pa  # noqa: F401 (whether it is there)
        except ImportError as error:
            raise UsageError(
                f"-o {path}: Parquet needs pip install 'sockfleet[parquet]'"
            ) from error


def write_export(path: Path, blocks: Blocks) -> int:
    """Write the rows to a file in the format of its suffix, whole or not at all.

    Returns how many rows it has. Raises UsageError as `check_export_file`, and WriteError.
    """
    check_export_file(path)
    count = 0

    def counted() -> Iterator[Sequence[tuple[Any, ...]]]:
        nonlocal count
        for block in blocks:
            count += len(block)
            yield block

    write = {".csv": _write_csv, ".ndjson": _write_ndjson, ".parquet": _write_parquet}[path.suffix]
    replace_whole(path, lambda stream: write(stream, counted()), new_mode=0o600)
    return count


def _write_csv(stream: BinaryIO, blocks: Blocks) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    host = COLUMNS.index("host")
    for block in blocks:
        writer.writerows((*row[:host], csv_cell(row[host]), *row[host + 1 :]) for row in block)
    text.detach()  # flushes; the stream stays open


def _write_ndjson(stream: BinaryIO, blocks: Blocks) -> None:
    for block in blocks:
        named = (dict(zip(COLUMNS, row, strict=True)) for row in block)
        stream.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in named)


def _write_parquet(stream: BinaryIO, blocks: Blocks) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {name: pa.string() if name in _TEXTS else pa.int64() for name in COLUMNS}
    kinds["started_at"] = pa.timestamp("ms", tz="UTC")
    schema = pa.schema(list(kinds.items()))
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for block in blocks:
            columns = dict(zip(COLUMNS, zip(*block, strict=True), strict=True)) if block else {}
            if columns:
                columns["started_at"] = tuple(map(datetime.fromisoformat, columns["started_at"]))
                writer.write_table(pa.table(columns, schema=schema))
