"""Scans that were saved as JSON: read as input, or to compare with."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from ..aggregator.comparison import Comparison
from ..aggregator.document import from_document
from ..aggregator.errors import ComparisonError, DocumentError
from ..aggregator.fleet import FleetSummary
from ..core.errors import UsageError
from . import streams

__all__ = ["comparison_with", "earlier_scan", "read_scan"]


def read_scan(name: str) -> FleetSummary:
    """The scan in a file, or on standard input for ``-``; raises UsageError, naming it."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror or error}") from error
    try:
        return from_document(data)
    except DocumentError as error:
        raise UsageError(f"{name}: {error}") from error


def earlier_scan(name: str, *, quiet: bool) -> FleetSummary | None:
    """The scan of an earlier run, for `comparison_with`; None, said on stderr, without one.

    A comparison is never worth losing a scan for. A file that is not there is what the first run
    from cron finds: ``quiet`` leaves out that remark, and no other.
    """
    try:
        return read_scan(name)
    except UsageError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            _nothing_compared(str(error))
        elif not quiet:
            streams.warn(f"--against {name}: no such file yet, so nothing is compared")
    return None


def comparison_with(
    earlier: FleetSummary, name: str, *, started_at: datetime, names: Collection[str]
) -> Comparison | None:
    """The comparison with the scan that was read from ``name``; None, said on stderr, where the
    two cannot be compared."""
    try:
        return Comparison(earlier, started_at=started_at, names=names)
    except ComparisonError as error:
        _nothing_compared(f"{name}: {error}")
    return None


def _nothing_compared(problem: str) -> None:
    streams.warn(f"warning: --against: {problem}; nothing is compared")
