"""Which scan of a selection of hosts is judged next.

Each is judged once, in the order in which they began, and none that is older than the last judged
one. Where a clock was wrong, the order in which they were saved counts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..core.record import record
from ..history.errors import NoSuchScanError
from ..history.store.alerts.states import Progress
from ..history.store.database.connection import Store
from ..history.store.read import ScanRow, find_scan, list_scans
from .states.alert_state import moment

__all__ = ["MOST_SCANS", "Place", "StreamScans", "start_ms"]

_AHEAD = timedelta(hours=1)
"""A scan that began later than this from now has a wrong clock. Had it been judged, no scan before
that time would be."""
_CATCH_UP = timedelta(days=1)
"""Scans that no run has judged are judged later, if they are at most so old."""
MOST_SCANS = 100
"""Scans that are listed at once, and that one run judges."""


@record
class Place:
    """A scan to judge, or whose alerts are sent again, and how far its stream is judged."""

    row: ScanRow
    progress: Progress | None
    is_new: bool
    """Whether no run has judged it."""
    is_newest: bool = True
    """Whether the stream has no later scan: numbers of the clock count for it alone."""

    def progress_after(self, now_ms: int) -> Progress:
        """How far the stream is judged after this scan, at ``now_ms`` of this machine's clock.

        Alerts that are sent again leave it where it was: after a clock was wrong, their scan may
        be older than the last judged one.
        """
        if self.progress is not None and not self.is_new:
            return replace(self.progress, evaluated_ms=now_ms)
        return Progress(scan_uid=self.row.id, scan_ms=start_ms(self.row), evaluated_ms=now_ms)


class StreamScans:
    """The scans of one selection of hosts at a time of this machine's clock."""

    def __init__(self, store: Store, stream: str, now: datetime) -> None:
        self._store = store
        self._stream = stream
        self._now = now
        self.note: str | None = None
        """What the user should know of them."""

    def next(self, progress: Progress | None) -> Place | None:
        """The oldest scan that is not judged, or else the newest one; None where there is none.

        ``progress`` is how far the selection is judged.
        """
        last = None if progress is None else self._find(progress.scan_uid)
        rows = self._list(last)
        if not rows:
            return None
        if progress is None:
            return Place(row=rows[0], progress=None, is_new=True)
        oldest = self._now - _CATCH_UP
        if moment(progress.scan_ms) > self._now:
            # A clock was wrong: what was saved since is new, whatever its time.
            waiting = rows[:1]
            if last is not None:
                waiting = [row for row in rows if row.number > last.number]
        else:
            if start_ms(rows[-1]) > progress.scan_ms:  # more may wait than are listed
                since = max(oldest, moment(progress.scan_ms))
                rows += self._select(since=since, until=rows[-1].started_at)
            waiting = [row for row in rows if start_ms(row) > progress.scan_ms]
        recent = [row for row in waiting if row.started_at >= oldest] or waiting[:1]
        if recent:
            is_newest = recent[-1] == waiting[0]
            return Place(row=recent[-1], progress=progress, is_new=True, is_newest=is_newest)
        return Place(row=rows[0], progress=progress, is_new=False)

    def _list(self, last: ScanRow | None) -> list[ScanRow]:
        """The newest scans, without those of a clock that was ahead."""
        latest = self._now + _AHEAD
        rows = self._select(most=MOST_SCANS)
        if rows and rows[0].started_at > latest:
            if last is None or rows[0].number > last.number:
                self.note = (
                    f"the scan of {rows[0].started_at:%Y-%m-%d %H:%M}Z is in the future and is not "
                    "judged: check the clocks"
                )
            until = latest + timedelta(milliseconds=1)
            rows = self._select(until=until, most=MOST_SCANS)
        return [row for row in rows if not _was_ahead(row, last)]

    def _select(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        most: int | None = None,
    ) -> list[ScanRow]:
        fleet, _, shards = self._stream.partition(":")
        rows = list_scans(self._store, since=since, until=until, fleet=fleet, most=most)
        return [row for row in rows if row.merged_into is None and (row.shards or "") == shards]

    def _find(self, uid: str) -> ScanRow | None:
        """The scan of that id; None where the store no longer has it."""
        try:
            return find_scan(self._store, uid)
        except NoSuchScanError:
            return None


def start_ms(row: ScanRow) -> int:
    """When a scan began, in Unix milliseconds."""
    return round(row.started_at.timestamp() * 1000)


def _was_ahead(row: ScanRow, last: ScanRow | None) -> bool:
    """Whether the clock of a scan was ahead: it was saved before the last judged one, and claims to
    have begun after that one's end."""
    if last is None or row.number >= last.number:
        return False
    return row.started_at > last.started_at + timedelta(seconds=last.duration_s)
