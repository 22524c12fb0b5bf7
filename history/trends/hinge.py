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
    bin_h = float(np.diff(hours).min(initial=1.0))
    weights = known.astype(np.float64) if weights is None else weights
    for _ in range(rounds):
        shapes = _fit(hours, filled, weights)
        rest = np.where(known, values - course(hours, shapes), np.nan)
        # A knot is a bin's middle, so that a steep ramp misses by a part of its rise in a bin.
        coarse = 0.3 * np.abs(shapes.hinge.slope) * bin_h
        scale = np.maximum(robust_spread(rest), np.maximum(coarse, 0.5))
        distance = np.where(known, rest, np.inf) / (TUKEY * scale[:, None])
        weights = np.where(np.abs(distance) < 1, (1 - np.minimum(distance**2, 1)) ** 2, 0)
        starved = (weights > 0).sum(axis=1) < known.sum(axis=1) / 2
        weights[starved] = known[starved]
    return _fit(hours, filled, weights)


def course(hours: Numbers, shapes: Shapes) -> Numbers:
    """Return what the shape with the least error says of each bin."""
    hinge, step, end = shapes.hinge, shapes.step, shapes.rise_end
    after = np.arange(len(hours))[None, :] >= step.knot[:, None]
    courses = (
        _line(hinge, np.maximum(hours - hours[hinge.knot][:, None], 0)),
        _line(step, after),
        _line(end, np.minimum(hours, hours[end.knot][:, None])),
    )
    errors = np.stack([hinge.error, step.error, end.error])
    return np.asarray(np.choose(np.argmin(errors, axis=0)[:, None], courses))


def _line(fit: Fit, shape: Numbers | NDArray[np.bool_]) -> Numbers:
    return np.asarray(fit.level[:, None] + fit.slope[:, None] * shape)


def _fit(hours: Numbers, values: Numbers, weights: Numbers) -> Shapes:
    def sums_from(terms: Numbers) -> Numbers:
        return np.cumsum(terms[:, ::-1], axis=1)[:, ::-1]

    weighted = weights * values
    total = sums_from(weights)
    times, squares = sums_from(weights * hours), sums_from(weights * hours**2)
    sums, products = sums_from(weighted), sums_from(weighted * hours)
    every = np.maximum(total[:, :1], 1e-9)
    mean = sums[:, :1] / every
    variance = (weighted * values).sum(axis=1, keepdims=True) - sums[:, :1] * mean

    def best(u: Numbers, uu: Numbers, uy: Numbers, allowed: NDArray[np.bool_]) -> Fit:
        """Regress on 1 and a shape u of each knot, given the sums of u, u squared and u y."""
        spread = uu - u**2 / every
        common = uy - u * mean
        usable = (spread > 1e-6) & allowed
        slope = np.where(usable, common / np.where(usable, spread, 1), 0)
        errors = np.where(usable, variance - slope * common, np.inf)
        knot = np.argmin(errors, axis=1)
        at = knot[:, None]
        slope_at = np.take_along_axis(slope, at, axis=1)
        level = mean - slope_at * np.take_along_axis(u, at, axis=1) / every
        error = np.minimum(np.take_along_axis(errors, at, axis=1), variance)
        return Fit(
            knot=knot, level=level[:, 0], slope=slope_at[:, 0], error=np.maximum(error[:, 0], 0)
        )

    ramp = times - hours * total
    ramp_squares = squares - 2 * hours * times + hours**2 * total
    ramp_products = products - hours * sums
    bins = np.arange(len(hours))
    inside = (bins <= len(hours) - 1 - EDGE)[None, :]
    both = inside & (bins >= EDGE)[None, :]
    return Shapes(
        hinge=best(ramp, ramp_squares, ramp_products, inside),
        step=best(total, total, sums, both),
        rise_end=best(
            times[:, :1] - ramp,
            squares[:, :1] - 2 * (squares - hours * times) + ramp_squares,
            products[:, :1] - ramp_products,
            both,
        ),
        weights=weights,
    )
