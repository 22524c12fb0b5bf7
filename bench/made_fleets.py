"""Made fleets over time: sockets that are born and die on many hosts, some of which leak.

A host's sockets are a population: some are born in each interval, each dies at random, so one
scan's number depends on the last one's. Hosts differ in level, lifetime and habit (`CARRIERS`);
a leak adds sockets that never die. `Truth` says what each host does, and how much of it can be
known at best from what was read. Equal seeds make equal fleets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sockfleet.history.series import SeriesBlock

__all__ = [
    "CARRIERS",
    "DAY",
    "HOUR",
    "START",
    "MadeFleet",
    "Numbers",
    "Truth",
    "judge_best",
    "make_fleet",
]

HOUR, DAY = 3600, 86_400
START = 1_794_873_600
"""Tuesday, 17 November 2026, 00:00 UTC."""

CARRIERS = (
    "flat",
    "daily",
    "weekly",
    "wander",
    "sawtooth",
    "step",
    "steps",
    "bursts",
    "heavy-tails",
    "tiny",
    "gaps",
    "recovered",
    "reboots",
    "added",
)
QUIET_SHARES = (0.16, 0.16, 0.14, 0.08, 0.04, 0.06, 0.04, 0.06, 0.06, 0.08, 0.04, 0.01, 0.05, 0.02)
LEAKING = tuple(carrier for carrier in CARRIERS if carrier != "recovered")
"""What a host that leaks does otherwise."""

UNRATED = ("wander", "step", "steps", "bursts")
"""What the host adds by itself within the leak's time changes the rate that can be seen."""
UNDATED = ("added", "gaps", "sawtooth", "step", "steps", "bursts", "heavy-tails")
"""A leak may begin while nothing was read, or together with another change."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What one host really does. Times are Unix seconds, rates sockets an hour."""

    carrier: str
    rate: float | None = None
    """Sockets leaked an hour; None if the host does not leak at the window's end."""
    begin: float | None = None
    """None if the leak is older than the window, or there is none."""
    spread: float = 0.0
    """The standard deviation of the carrier's hourly medians about what its habit explains."""
    growth: float = 0.0
    """Sockets leaked within the window."""
    is_clear: bool = False
    """The leak is old and large enough to be found."""
    begin_is_clear: bool = False
    """The best estimator that knows the carrier dates the begin within two scans."""
    rate_is_clear: bool = False
    """The best estimator finds the rate within 5 % of its value."""


@dataclass(frozen=True, kw_only=True)
class MadeFleet:
    """What was read of a fleet, and what its hosts really do, in the same order."""

    block: SeriesBlock
    truths: tuple[Truth, ...]


def make_fleet(
    seed: int,
    *,
    hosts: int = 1000,
    leaks: int = 10,
    days: float = 14,
    interval_s: int = 300,
    leak_carriers: tuple[str, ...] = LEAKING,
) -> MadeFleet:
    """Return a fleet of ``hosts``, of which ``leaks`` leak at the end of the window."""
    random = np.random.default_rng(seed)
    start = START + int(random.integers(0, 7)) * DAY + int(random.integers(0, DAY))
    times = start + np.arange(int(days * DAY / interval_s)) * interval_s
    kinds = [
        *map(str, random.choice(leak_carriers, leaks)),
        *map(str, random.choice(CARRIERS, hosts - leaks, p=QUIET_SHARES)),
    ]
    habits = _Habits(random, kinds, times, interval_s)
    rates = np.zeros(hosts)
    rates[:leaks] = np.exp(random.uniform(np.log(0.2), np.log(50), leaks))
    begins = np.full(hosts, -np.inf)
    old = random.random(leaks) < 0.4
    begins[:leaks][~old] = times[0] + (times[-1] - times[0]) * random.uniform(
        0.2, 0.9, (~old).sum()
    )
    carriers = habits.simulate()
    leaked = _leak(random, rates, begins, habits.restart, times, interval_s)
    whole, boots, kept = _lose_reads(random, carriers + leaked, habits.boots, kinds, times)
    truths = tuple(
        judge_best(
            kind,
            times,
            leaked[host],
            carriers[host] - habits.expected(host, kind),
            has_rate=kind not in UNRATED,
            has_begin=kind not in UNDATED,
        )
        if rates[host]
        else Truth(carrier=kind)
        for host, kind in enumerate(kinds)
    )
    order = random.permutation(hosts)
    names = tuple(f"host{number:05}.example.com" for number in range(hosts))
    block = SeriesBlock(
        metric="tcp_close",
        hosts=names,
        times=times[kept],
        values=whole[order].astype(np.float32),
        boots=boots[order].astype(np.int32),
    )
    return MadeFleet(block=block, truths=tuple(truths[each] for each in order))


class _Habits:
    """How each host's births vary over the window, and when it restarts."""

    def __init__(
        self,
        random: np.random.Generator,
        kinds: list[str],
        times: NDArray[np.int64],
        interval_s: int,
    ) -> None:
        count, scans = len(kinds), len(times)
        self._random, self._interval_s = random, interval_s
        self._level = np.clip(np.exp(random.normal(np.log(40), 1.3, count)), 0.5, 100_000)
        self._life_h = np.exp(random.uniform(np.log(0.1), np.log(8), count))
        self.factor = np.ones((count, scans), np.float32)
        self.restart = np.zeros((count, scans), bool)
        self.boots = np.zeros((count, scans), np.int32)
        self._extra = np.zeros((count, scans), np.float32)
        self._hours = times / HOUR
        for host, kind in enumerate(kinds):
            add = getattr(self, f"_add_{kind.replace('-', '_')}", None)
            if add is not None:
                add(host)

    def simulate(self) -> Numbers:
        """Return the sockets of each host at each scan, as they are born and die."""
        random, (count, scans) = self._random, self.factor.shape
        survival = np.exp(-self._interval_s / HOUR / self._life_h)
        births = self._level * (1 - survival)
        alive = random.poisson(self._level * self.factor[:, 0]).astype(np.int64)
        sockets = np.empty((count, scans))
        for scan in range(scans):
            alive = random.binomial(alive, survival) + random.poisson(births * self.factor[:, scan])
            alive[self.restart[:, scan]] = 0
            sockets[:, scan] = alive
        return np.maximum(np.rint(sockets + self._extra), 0)

    def expected(self, host: int, kind: str) -> Numbers:
        """Return what a watcher who knows the habit expects; when it changes level is chance."""
        survival = np.exp(-self._interval_s / HOUR / self._life_h[host])
        factors = self.factor[host]
        if kind in {"wander", "bursts", "steps"}:
            factors = np.ones(len(factors))
        level, smooth = factors[0], np.empty(len(factors))
        for scan, factor in enumerate(factors):
            level = 0.0 if self.restart[host, scan] else level * survival + (1 - survival) * factor
            smooth[scan] = level
        return np.asarray(smooth * self._level[host])

    def _add_daily(self, host: int) -> None:
        random = self._random
        depth, peak = random.uniform(0.2, 0.95), random.uniform(0, 24)
        wave = np.cos((self._hours - peak) * 2 * np.pi / 24)
        if random.random() < 0.4:
            wave = np.tanh(4 * wave)
        self.factor[host] *= np.maximum(1 + depth * wave, 0.02)

    def _add_weekly(self, host: int) -> None:
        self._add_daily(host)
        day = ((self._hours / 24).astype(int) + 3) % 7
        self.factor[host] *= np.where(day >= 5, self._random.uniform(0.2, 0.8), 1)

    def _add_wander(self, host: int) -> None:
        random = self._random
        keep = np.exp(-self._interval_s / HOUR / random.uniform(12, 60))
        noise = random.normal(0, 1, len(self._hours)) * np.sqrt(1 - keep**2)
        level, course = random.normal(), np.empty(len(self._hours))
        for scan, push in enumerate(noise):
            level = keep * level + push
            course[scan] = level
        self.factor[host] *= np.exp(course * random.uniform(0.1, 0.4))

    def _add_sawtooth(self, host: int) -> None:
        random = self._random
        hour = self._interval_s / HOUR
        # The window shows three restarts at least: with one, it is a leak that restarted.
        longest = (self._hours[-1] - self._hours[0]) / 3.5
        period = min(random.choice([random.uniform(6, 96), 24.0]), longest)
        phase = (self._hours - self._hours[0] + random.uniform(0, period)) % period
        self._extra[host] = np.floor(phase * np.exp(random.uniform(np.log(1), np.log(50))))
        if random.random() < 0.2:
            falls = np.flatnonzero(np.diff(phase, prepend=phase[0]) < -hour)
            self.boots[host] = np.cumsum(np.isin(np.arange(len(phase)), falls))
            self.restart[host, falls] = True

    def _add_step(self, host: int, times: int = 1) -> None:
        random, scans = self._random, len(self._hours)
        for begin in random.integers(int(scans * 0.05), scans, times):
            self.factor[host, begin:] *= np.exp(random.choice([-1, 1]) * random.uniform(0.2, 1.6))

    def _add_steps(self, host: int) -> None:
        self._add_step(host, int(self._random.integers(2, 6)))

    def _add_bursts(self, host: int) -> None:
        random, scans = self._random, len(self._hours)
        for begin in random.integers(0, scans, int(random.integers(1, 12))):
            length = max(1, int(random.uniform(0.3, 30) * HOUR / self._interval_s))
            self.factor[host, begin : begin + length] *= random.uniform(1.5, 12)

    def _add_heavy_tails(self, host: int) -> None:
        random, scans = self._random, len(self._hours)
        spiked = random.random(scans) < random.uniform(0.01, 0.08)
        spikes = self._level[host] * (random.pareto(1.3, scans) + 0.3)
        self._extra[host] = np.minimum(np.where(spiked, spikes, 0), 100_000)

    def _add_tiny(self, host: int) -> None:
        self._level[host] = self._random.uniform(0.02, 3)

    def _add_recovered(self, host: int) -> None:
        random, scans = self._random, len(self._hours)
        begin, end = np.sort(random.integers(0, scans, 2))
        growth = np.exp(random.uniform(np.log(1), np.log(50))) * self._interval_s / HOUR
        self._extra[host, begin:end] = np.arange(end - begin) * growth

    def _add_reboots(self, host: int) -> None:
        random, scans = self._random, len(self._hours)
        at = random.integers(0, scans, int(random.integers(1, 4)))
        self.restart[host, at] = True
        self.boots[host] = np.cumsum(self.restart[host])


def _leak(
    random: np.random.Generator,
    rates: Numbers,
    begins: Numbers,
    restart: NDArray[np.bool_],
    times: NDArray[np.int64],
    interval_s: int,
) -> Numbers:
    """Return the leaked sockets of each host at each scan; a restart frees them all."""
    leaked = np.zeros(restart.shape)
    for host in np.flatnonzero(rates):
        per_scan = rates[host] * interval_s / HOUR
        since = np.clip((times - begins[host]) / interval_s, 0, 1)
        born = random.poisson(per_scan * since)
        born[0] += random.poisson(per_scan * DAY / interval_s) if np.isinf(begins[host]) else 0
        total = np.cumsum(born).astype(float)
        falls = np.where(restart[host], total, 0)
        leaked[host] = total - np.maximum.accumulate(falls)
    return leaked


def _lose_reads(
    random: np.random.Generator,
    values: Numbers,
    boots: NDArray[np.int32],
    kinds: list[str],
    times: NDArray[np.int64],
) -> tuple[Numbers, NDArray[np.int32], NDArray[np.intp]]:
    """Lose 0.3 % of the reads, some scans, and a stretch of hours; hosts with gaps lose more."""
    scans = values.shape[1]
    values, boots = values.copy(), boots.copy()
    lost = random.random(values.shape) < 0.003
    for host, kind in enumerate(kinds):
        if kind == "gaps":
            for begin in random.integers(0, scans, int(random.integers(1, 6))):
                lost[host, begin : begin + int(scans * random.uniform(0.005, 0.1))] = True
        if kind == "added":
            # Four days at least are read: less is too early.
            longest = max(0.0, 1 - 4.5 * DAY / (times[-1] - times[0]))
            lost[host, : int(scans * min(random.uniform(0.05, 0.5), longest))] = True
    values[lost] = np.nan
    boots[lost] = -1
    missing = random.random(scans) < 0.01
    begin = int(random.integers(0, scans))
    missing[begin : begin + int(scans * random.uniform(0.005, 0.03))] = True
    kept = np.flatnonzero(~missing)
    return values[:, kept], boots[:, kept], kept


def judge_best(
    kind: str,
    times: NDArray[np.int64],
    leaked: Numbers,
    noise: Numbers,
    *,
    has_rate: bool,
    has_begin: bool,
) -> Truth:
    """Return what can be known of a leak: its sockets are counted, not the rate that was drawn.

    Another habit of the host may hide the rate or the begin: ``has_rate``, ``has_begin``.
    """
    interval_s = float(np.median(np.diff(times)))
    born = np.diff(leaked, prepend=leaked[0])
    restarts = np.flatnonzero(born < 0)
    last_restart = int(restarts[-1]) if len(restarts) else 0
    first = int(np.argmax(leaked > leaked[0])) if not leaked[0] else None
    since = max(first or 0, last_restart)
    hours = float(times[-1] - times[since]) / HOUR
    growth = float(leaked[-1] - leaked[since])
    per_hour = max(1, round(HOUR / interval_s))
    medians = np.median(noise[: len(noise) // per_hour * per_hour].reshape(-1, per_hour), axis=1)
    spread, scan_noise = _clipped_deviation(medians), _clipped_deviation(noise)
    rate = growth / max(hours, 1.0)
    is_clear = hours >= 30 and growth >= max(20, (10 if hours < 72 else 8) * spread)
    per_scan = rate * interval_s / HOUR
    return Truth(
        carrier=kind,
        rate=rate,
        begin=None if first is None else float(times[first]) - interval_s / 2,
        spread=spread,
        growth=growth,
        is_clear=is_clear,
        begin_is_clear=is_clear
        and first is not None
        and first > 24 * HOUR / interval_s
        and not len(restarts)
        and has_begin
        and 2 * per_scan >= 3 * max(scan_noise, 1.0),
        rate_is_clear=is_clear and has_rate and growth >= max(200.0, 40 * spread),
    )


def _clipped_deviation(noise: Numbers) -> float:
    """Return the standard deviation without the rarest values: a median ignores those too."""
    return float(np.std(np.clip(noise, *np.quantile(noise, [0.02, 0.98]))))
