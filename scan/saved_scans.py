"""Scans that were saved as JSON: read as input, or to compare with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from ..aggregator.comparison import Comparison
from ..aggregator.document_reader import read_document
from ..aggregator.errors import ComparisonError, DocumentError
from ..aggregator.fleet import FleetSummary, ScanInfo
from ..core.errors import SockfleetError, UsageError
from .hooks import FindScan, Message, MessageKind, no_store

__all__ = ["Baseline", "NoEarlierScanError", "read_scan"]


class NoEarlierScanError(SockfleetError):
    """There is no earlier scan yet: this is the first one."""


def read_scan(name: str) -> FleetSummary:
    """The scan in a file, or on standard input for ``-``; raises UsageError, naming it."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror or error}") from error
    try:
        return read_document(data)
    except DocumentError as error:
        raise UsageError(f"{name}: {error}") from error


class Baseline:
    """The earlier scan that ``--against`` names.

    A comparison is never worth losing a scan for: where the file cannot be read or compared, a
    message says so and nothing is compared. A missing file is what the first run from cron finds,
    and so is a store without a scan. ``now`` is the scan that is compared, as far as it is known,
    and ``find_scan`` finds names in a store.
    """

    def __init__(
        self,
        name: str,
        now: ScanInfo,
        on_message: Callable[[Message], None],
        find_scan: FindScan = no_store,
    ) -> None:
        self._name = name
        self._on_message = on_message
        self._earlier = self._read(now, find_scan)

    def comparison(self, *, started_at: datetime, names: Collection[str]) -> Comparison | None:
        """The comparison for a scan of these hosts that starts then; None where there is none."""
        if self._earlier is None:
            return None
        try:
            return Comparison(self._earlier, started_at=started_at, names=names)
        except ComparisonError as error:
            self._warn(f"{self._name}: {error}")
        return None

    def _read(self, now: ScanInfo, find_scan: FindScan) -> FleetSummary | None:
        try:
            return find_scan(self._name, now) or read_scan(self._name)
        except NoEarlierScanError as error:
            text = f"--against {self._name}: {error}, so nothing is compared"
            self._on_message(Message(MessageKind.REMARK, text))
        except SockfleetError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                text = f"--against {self._name}: no such file yet, so nothing is compared"
                self._on_message(Message(MessageKind.REMARK, text))
            else:
                self._warn(str(error))
        return None

    def _warn(self, problem: str) -> None:
        text = f"--against: {problem}; nothing is compared"
        self._on_message(Message(MessageKind.WARNING, text))
