"""``scan --save``: save scans, and keep what could not be saved for ``history import``."""

from __future__ import annotations

import logging
import os
import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson

from ...aggregator.document_writer import to_document
from ...aggregator.fleet import FleetSummary
from ...core.errors import SockfleetError, UsageError
from ...history.store.database.connection import Store
from ...history.store.database.location import parse_location, state_folder
from ...history.store.maintenance.due import has_work
from ...history.store.opening import open_store
from ...history.store.save import save_scan
from ..console import streams

__all__ = ["ScanSaver"]

log = logging.getLogger("sockfleet.cli")

_TRENDS_FOR_S = 300.0
"""How long the trends of a round serve the next ones: they change by the hour."""


class ScanSaver:
    """Saves the scans of one run into a store. Raises UsageError for a text that names no store."""

    def __init__(self, store: str | None, *, quiet: bool) -> None:
        self._named = store
        self._location = parse_location(store)
        self._quiet = quiet
        self._store: Store | None = None
        self._failed: SockfleetError | None = None
        self._trends: Mapping[str, str] = {}
        self._trends_end = 0.0

    def save(self, summary: FleetSummary, file: Path | None) -> bool:
        """Save a scan; ``file`` holds it as JSON already. Returns whether it is saved.

        Where it is not, a message names the command that imports it later.
        """
        try:
            store = self._open()
            save_scan(store, summary)
        except UsageError:
            raise
        except SockfleetError as error:
            self._report(summary, file, error)
            return False
        finally:
            self._failed = None  # the next scan of a repeated one tries again
        self._maintain(store)
        return True

    def close(self) -> None:
        """Close the store, if a scan opened it."""
        if self._store is not None:
            self._store.close()

    def describe_over_time(self, summary: FleetSummary) -> Mapping[str, str]:
        """Return a sentence for each of the first ranked hosts whose tcp_close has a trend.

        The scan counts, though it is not saved yet: its table comes first. Empty where the store
        cannot be read, which `save` reports.
        """
        if time.monotonic() < self._trends_end:
            return self._trends
        from .stored_trends import describe_scan

        try:
            self._trends = describe_scan(self._open(), summary)
        except SockfleetError as error:
            log.info("the store is not used: %s", error)
            self._trends = {}
        self._trends_end = time.monotonic() + _TRENDS_FOR_S
        return self._trends

    def _open(self) -> Store:
        """Open the store once. A failure is remembered until `save`: to wait again helps nobody."""
        if self._failed is not None:
            raise self._failed
        if self._store is None:
            try:
                self._store = open_store(self._location, create=True)
            except SockfleetError as error:
                self._failed = error
                raise
            streams.warn_all(self._store.notes, quiet=self._quiet)
        return self._store

    def _maintain(self, store: Store) -> None:
        """Roll up and prune within a bounded time; the scan is saved whatever becomes of it."""
        try:
            if has_work(store, datetime.now(UTC)):
                from ...history.store.maintenance.retention import maintain

                maintain(store, datetime.now(UTC))
        except SockfleetError as error:
            streams.warn(f"warning: the scan is saved, but older ones are not pruned: {error}")

    def _report(self, summary: FleetSummary, file: Path | None, error: SockfleetError) -> None:
        streams.warn(f"error: the scan is not saved: {error}")
        kept = file or _keep(summary)
        if kept is None:
            streams.warn("error: and there is no space to keep it for later")
            return
        store = "" if self._named is None else f" --store {shlex.quote(str(self._location))}"
        streams.warn(f"save it later: sockfleet history import{store} {shlex.quote(str(kept))}")


def _keep(summary: FleetSummary) -> Path | None:
    """Write the scan as JSON where there is space; None: there is none."""
    data = orjson.dumps(to_document(summary))
    name = f"scan-{summary.scan.started_at:%Y%m%dT%H%M%SZ}-{summary.scan.id[:8]}.json"
    for folder in _folders():
        path = folder / name
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, data)
        except OSError:
            continue
        return path
    return None


def _write(path: Path, data: bytes) -> None:
    """Write a new file, whole or not at all."""
    # Only a new file: in a folder for all, another user may have made one of this name.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        path.unlink()
        raise


def _folders() -> Iterator[Path]:
    yield state_folder() / "unsaved"
    yield Path(tempfile.gettempdir())
