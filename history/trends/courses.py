"""The courses of some hosts' numbers: models fitted together, kinds judged one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.record import record
from ..series import SeriesBlock
from .begin import date_begin, is_begin_seen
from .classify import Kind, Verdict, judge_joined, judge_plain
from .hinge import robust_spread
from .hourly import DAY_S, HOUR_S, Bins, bin_medians, median_of_rows
from .rate import Rate, estimate_rate
from .restarts import find_restarts, join_boots
from .rhythm import Rhythm
from .series_model import Model, build_model

__all__ = ["Course", "JudgedHosts"]

Numbers = NDArray[np.float64]

TOO_EARLY_S = 4 * DAY_S - 6 * HOUR_S
"""Less than about four days show no rhythm, and so no trend."""
NO_RESTARTS, NO_TEETH = np.zeros(0, np.intp), np.zeros(0)
MOST_LOST_SCANS = 20
LEVEL_SCANS = 3
"""The latest level is a median of so many scans."""
MOST_JUMPS_REMOVED = 6
"""What is left of a number without more jumps says nothing."""
FEWEST_BEFORE = 24
"""Fewer scans before a leak do not show whether the rhythm is the host's."""
CALMER = 0.7
"""A leak is measured without jumps and restarts if the spread is then at most this share."""
RAMPS = frozenset({Kind.LEAK, Kind.SAWTOOTH, Kind.RECOVERED, Kind.RESTARTED})


@record
class Course:
    """What one host's number does; the fields are those of a finding."""

    kind: Kind
    level: float | None
    begin: float | None = None
    begin_before_window: bool = False
    end: float | None = None
    rate: Rate | None = None
    growth: float | None = None
    spread: float | None = None
    restarts: int = 0


class JudgedHosts:
    """Some hosts of a block, modelled with and without their restarts and jumps."""

    def __init__(self, block: SeriesBlock, rows: slice, bins: Bins, rhythm: Rhythm) -> None:
        self._times, self._bins = block.times, bins
        # A store's block is filled scan by scan: a host's values are far apart in memory.
        self._values = np.ascontiguousarray(block.values[rows])
        self._hours = (bins.middles - bins.middles[0]) / HOUR_S
        self._restarts = find_restarts(
            block.times, self._values, np.ascontiguousarray(block.boots[rows])
        )
        raw = bin_medians(self._values, bins)
        self._latest = _latest_levels(self._values)
        self._is_too_early = _seconds_seen(bins.middles, raw) < TOO_EARLY_S
        self._plain = build_model(bins.middles, raw, rhythm, without_jumps=False)
        self._levels = raw
        self._restarted = np.asarray((self._restarts.falls | self._restarts.boots).any(axis=1))
        jumps = (self._plain.jumps != 0).sum(axis=1)
        changed = np.flatnonzero(self._restarted | ((jumps > 0) & (jumps <= MOST_JUMPS_REMOVED)))
        self._joined_row = {int(row): number for number, row in enumerate(changed)}
        joined = bin_medians(self._values[changed] + self._restarts.added[changed], bins)
        for number, row in enumerate(changed):
            if self._restarts.boots[row].any():
                boots = np.unique(self._bins_of(self._restarts.boots[row]))
                joined[number] = join_boots(bins.middles, joined[number], boots)
        self._joined = (
            build_model(bins.middles, joined, rhythm, without_jumps=True) if len(changed) else None
        )

    def course(self, row: int) -> Course:
        """Return the course of one row."""
        level = float(self._latest[row])
        if self._is_too_early[row]:
            return Course(kind=Kind.TOO_EARLY, level=None if np.isnan(level) else level)
        restarts = NO_RESTARTS
        if self._restarted[row]:
            flags = self._restarts.falls[row] | self._restarts.boots[row]
            restarts = np.unique(self._bins_of(flags))
        verdict, model, at = self._judge(row, restarts)
        if verdict.kind not in RAMPS:
            return self._course_without_ramp(verdict, model, at, level, len(restarts))
        return self._course_of_ramp(row, verdict, model, at, level, restarts)

    def _judge(self, row: int, restarts: NDArray[np.intp]) -> tuple[Verdict, Model, int]:
        peaks, sizes = self._teeth(row) if len(restarts) else (NO_TEETH, NO_TEETH)
        plain = judge_plain(self._hours, self._plain, row, sizes)
        if self._joined is None or row not in self._joined_row:
            return plain, self._plain, row
        number = self._joined_row[row]
        boots = len(np.unique(self._bins_of(self._restarts.boots[row])))
        joined = judge_joined(self._hours, self._joined, number, restarts, boots, peaks)
        is_calmer = self._joined.spread[number] <= CALMER * self._plain.spread[row]
        if _is_plain_better(
            plain.kind, joined.kind, has_restarts=bool(len(restarts)), is_calmer=bool(is_calmer)
        ):
            return plain, self._plain, row
        return joined, self._joined, number

    def _teeth(self, row: int) -> tuple[Numbers, Numbers]:
        """Return the levels before the falls of a row, and by how much each restart lowers it."""
        values, falls = self._values[row], self._restarts.falls[row]
        peaks, sizes = [], []
        for at in np.flatnonzero(falls | self._restarts.boots[row]):
            before = float(np.fmax.reduce(values[max(0, at - 3) : at]))
            after = float(np.fmin.reduce(values[at : at + 3]))
            sizes.append(before - after)
            if falls[at]:
                peaks.append(before)
        return np.array(peaks), np.nan_to_num(np.array(sizes))

    def _course_without_ramp(
        self, verdict: Verdict, model: Model, row: int, level: float, restarts: int
    ) -> Course:
        spread = float(model.spread[row])
        if verdict.kind is not Kind.STEP:
            return Course(kind=verdict.kind, level=level, spread=spread, restarts=restarts)
        return Course(
            kind=verdict.kind,
            level=level,
            begin=float(self._bins.starts[verdict.begin]),
            growth=float(model.shapes.step.slope[row]),
            spread=spread,
            restarts=restarts,
        )

    def _course_of_ramp(
        self,
        row: int,
        verdict: Verdict,
        model: Model,
        at: int,
        level: float,
        restarts: NDArray[np.intp],
    ) -> Course:
        begin, end = verdict.begin, verdict.end
        smooth = model.smooth[at]
        rate = estimate_rate(self._hours[begin : end + 1], smooth[begin : end + 1])
        ended = verdict.kind in {Kind.RECOVERED, Kind.RESTARTED}
        seen = is_begin_seen(self._hours[: end + 1], smooth[: end + 1], begin)
        dated = None
        if seen and rate.per_hour > 0:
            rough = float(self._bins.middles[begin])
            values, rhythm = self._scans_and_rhythm(row, model, at, rough)
            values -= rhythm
            spread = float(robust_spread(np.diff(values[np.isfinite(values)])[None, :])[0])
            dated = date_begin(
                self._times,
                values,
                rough,
                rate.per_hour,
                max(spread / np.sqrt(2), float(model.spread[at])),
                has_rhythm=bool(rhythm.any()),
            )
        first = self._hours[begin] if seen else self._hours[np.isfinite(smooth).argmax()]
        return Course(
            kind=verdict.kind,
            level=level,
            begin=dated,
            begin_before_window=not seen,
            end=float(self._bins.starts[end]) if ended else None,
            rate=rate,
            growth=rate.per_hour * float(self._hours[end] - first),
            spread=float(model.spread[at]),
            restarts=len(restarts),
        )

    def _scans_and_rhythm(
        self, row: int, model: Model, at: int, begin: float
    ) -> tuple[Numbers, Numbers]:
        """Return the scans of a row, joined as the model's bins are, and their rhythm.

        A rhythm that does not show before ``begin`` is that of the leak: it is 0 then.
        """
        values = self._values[row].astype(np.float64)
        if model is not self._plain:
            # The joined bins say by how much each bin was raised or lowered.
            bins = self._bins_of(np.ones(len(self._times), bool))
            moved = model.smooth[at] + model.rhythm[at] - self._levels[row]
            known = np.isfinite(moved)
            if known.any():
                moved = np.interp(np.arange(len(moved)), np.flatnonzero(known), moved[known])
                values += moved[bins]
        rhythm = np.interp(self._times, self._bins.middles, model.rhythm[at])
        before = np.isfinite(values) & (self._times < begin)
        if before.sum() >= FEWEST_BEFORE:
            raw, calm = robust_spread(np.stack([values[before], (values - rhythm)[before]]))
            if raw <= calm:
                return values, np.zeros_like(rhythm)
        return values, rhythm

    def _bins_of(self, flags: NDArray[np.bool_]) -> NDArray[np.intp]:
        starts = self._bins.starts
        return np.asarray((self._times[flags] - starts[0]) // self._bins.length_s, np.intp)


def _is_plain_better(plain: Kind, joined: Kind, *, has_restarts: bool, is_calmer: bool) -> bool:
    """Return whether the kind of a row counts, not that of the row without jumps and restarts.

    A jump that was taken out may be the leak's own, or the end of its rise.
    """
    if joined is Kind.NORMAL:
        return True
    if plain is Kind.RECOVERED:
        return joined is Kind.LEAK and not has_restarts
    return plain is Kind.LEAK and (
        joined in {Kind.SAWTOOTH, Kind.STEP}
        or (joined is Kind.RECOVERED and not has_restarts)
        or (joined is Kind.LEAK and not is_calmer)
    )


def _latest_levels(values: NDArray[np.float32]) -> Numbers:
    """Return the median of the last scans of each row; NaN if it was never read."""
    latest = values[:, -MOST_LOST_SCANS:].copy()
    known = np.isfinite(latest)
    latest[np.cumsum(known[:, ::-1], axis=1)[:, ::-1] > LEVEL_SCANS] = np.nan
    levels = median_of_rows(latest)
    for row in np.flatnonzero(known.sum(axis=1) < LEVEL_SCANS):
        every = values[row][np.isfinite(values[row])]
        levels[row] = np.median(every[-LEVEL_SCANS:]) if len(every) else np.nan
    return levels


def _seconds_seen(middles: NDArray[np.int64], values: Numbers) -> NDArray[np.int64]:
    """Return the time from the first to the last known bin of each row; negative without any."""
    known = np.isfinite(values)
    first, last = np.argmax(known, axis=1), known.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    return np.asarray(np.where(known.any(axis=1), middles[last] - middles[first], -1))
