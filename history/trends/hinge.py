"""The best hinge, step and end of a rise of each series, tried at every bin.

Prefix sums make one pass over the bins serve all knots: O(n) a series, all hosts in one array.
Tukey's weights ignore outliers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.record import record
from .hourly import median_of_rows

__all__ = ["Fit", "Shapes", "fit_shapes", "robust_spread"]

Numbers = NDArray[np.float64]

ROUNDS = 3
TUKEY = 4.685
"""Tukey's constant: 95 % of the efficiency of least squares on normal noise."""
NORMAL = 1.4826
"""The median deviation of normal noise times this is its standard deviation."""
EDGE = 2
"""No knot within the first and last bins: a shape needs points on both sides."""


@record
class Fit:
    """One shape on each row: ``level`` + ``slope`` x shape(time; ``knot``), ``error`` squared."""

    knot: NDArray[np.intp]
    level: Numbers
    slope: Numbers
    error: Numbers


@record
class Shapes:
    """The best fit of each shape.

    ``hinge`` is flat until its knot, then a line (a line throughout with the knot 0); ``step`` has
    two levels; ``rise_end`` is a line until its knot, then flat. ``weights`` has Tukey's weight of
    each bin, 0 where nothing was read.
    """

    hinge: Fit
    step: Fit
    rise_end: Fit
    weights: Numbers


def robust_spread(values: NDArray[np.floating]) -> Numbers:
    """Return the standard deviation of each row as its median deviation shows it."""
    return NORMAL * median_of_rows(np.abs(values - median_of_rows(values)[:, None]))


def fit_shapes(
    hours: Numbers, values: Numbers, *, weights: Numbers | None = None, rounds: int = ROUNDS
) -> Shapes:
    """Fit the three shapes to ``values`` (rows of hosts, NaN where unknown) at ``hours``.

    Each of the ``rounds`` gives outliers less weight; the first begins with ``weights``, those of
    an earlier fit.
    """
    known = np.isfinite(values)
    filled = np.where(known, values, 0)
    weights = known.astype(np.float64) if weights is None else weights
    for _ in range(rounds):
        weights = _weigh(hours, values, known, _fit(hours, filled, weights))
    return _fit(hours, filled, weights)


def _weigh(hours: Numbers, values: Numbers, known: NDArray[np.bool_], shapes: Shapes) -> Numbers:
    """Return Tukey's weight of each bin about the best shape."""
    rest = values - course(hours, shapes)
    # A knot is a bin's middle, so that a steep ramp misses by a part of its rise in a bin.
    coarse = 0.3 * np.abs(shapes.hinge.slope) * float(np.diff(hours).min(initial=1.0))
    scale = np.maximum(robust_spread(rest), np.maximum(coarse, 0.5))
    rest /= TUKEY * scale[:, None]
    weights = np.square(1 - np.minimum(np.square(rest), 1))
    weights[~known] = 0
    starved = (weights > 0).sum(axis=1) < known.sum(axis=1) / 2
    weights[starved] = known[starved]
    return np.asarray(weights)


def course(hours: Numbers, shapes: Shapes) -> Numbers:
    """Return what the shape with the least error says of each bin."""
    hinge, step, end = shapes.hinge, shapes.step, shapes.rise_end
    best = np.argmin(np.stack([hinge.error, step.error, end.error]), axis=0)
    courses = np.empty((len(best), len(hours)))
    rows = best == 0
    courses[rows] = _line(hinge, rows, np.maximum(hours - hours[hinge.knot[rows], None], 0))
    rows = best == 1
    courses[rows] = _line(step, rows, np.arange(len(hours)) >= step.knot[rows, None])
    rows = best == 2
    courses[rows] = _line(end, rows, np.minimum(hours, hours[end.knot[rows], None]))
    return courses


def _line(fit: Fit, rows: NDArray[np.bool_], shape: Numbers | NDArray[np.bool_]) -> Numbers:
    return np.asarray(fit.level[rows, None] + fit.slope[rows, None] * shape)


def _fit(hours: Numbers, values: Numbers, weights: Numbers) -> Shapes:
    def sums_from(terms: Numbers) -> Numbers:
        return np.cumsum(terms[:, ::-1], axis=1)[:, ::-1]

    weighted = weights * values
    timed = weights * hours
    total, sums = sums_from(weights), sums_from(weighted)
    times, squares = sums_from(timed), sums_from(timed * hours)
    products = sums_from(weighted * hours)
    every = np.maximum(total[:, :1], 1e-9)
    mean = sums[:, :1] / every
    variance = (weighted * values).sum(axis=1) - (sums[:, :1] * mean)[:, 0]
    last = max(len(hours) - EDGE, 1)

    def best(first: int, u: Numbers, uu: Numbers, uy: Numbers) -> Fit:
        """Regress on 1 and a shape u of each knot, given the sums of u, u squared and u y."""
        spread = uu - u * (u / every)
        common = uy - u * mean
        explained = np.zeros_like(common)
        np.divide(common * common, spread, out=explained, where=spread > 1e-6)
        first = min(first, last - 1)
        knot = first + np.argmax(explained[:, first:last], axis=1)
        at = np.arange(len(knot)), knot
        usable = spread[at] > 1e-6
        slope = np.where(usable, common[at] / np.where(usable, spread[at], 1), 0)
        return Fit(
            knot=knot,
            level=mean[:, 0] - slope * u[at] / every[:, 0],
            slope=slope,
            error=np.maximum(variance - explained[at], 0),
        )

    late, late_squares, late_products = hours * total, hours * times, hours * sums
    ramp, ramp_products = times - late, products - late_products
    ramp_squares = squares - 2 * late_squares + hours * late
    return Shapes(
        hinge=best(0, ramp, ramp_squares, ramp_products),
        step=best(EDGE, total, total, sums),
        rise_end=best(
            EDGE,
            times[:, :1] - ramp,
            squares[:, :1] - 2 * (squares - late_squares) + ramp_squares,
            products[:, :1] - ramp_products,
        ),
        weights=weights,
    )
