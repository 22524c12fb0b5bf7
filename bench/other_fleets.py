"""Made fleets by other mechanisms than `made_fleets`: what holds on one must hold on the other.

Here numbers are curves with noise added, not sockets that are born and die: AR(1) noise, gamma
lifetimes, days that are no sines, daylight saving, deployments, pools that fill, jobs of cron,
spikes of log-normal size, two levels by turns, quantised numbers, scans that begin late. Each
mechanism is a function of `CARRIERS`. Equal seeds make equal fleets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from made_fleets import DAY, HOUR, START, MadeFleet, Numbers, Truth, judge_best
from numpy.typing import NDArray

from sockfleet.history.series import SeriesBlock

__all__ = ["CARRIERS", "make_other_fleet"]


class _Host:
    """One host without a leak: what is read of it, and what somebody who knows it expects."""

    def __init__(self, random: np.random.Generator, times: NDArray[np.int64]) -> None:
        self.random = random
        self.hours = (times - times[0]) / HOUR
        zone = float(random.choice([-8, -5, 0, 1, 1, 1, 5.5, 9]))
        self.local = times / HOUR + zone
        if random.random() < 0.3:
            # Daylight saving ends or begins within the window.
            changes = self.hours >= random.uniform(0, self.hours[-1])
            self.local = self.local + np.where(changes, random.choice([-1, 1]), 0)
        self.clock = self.local % 24
        self.day = np.floor(self.local / 24).astype(int)
        self.is_weekend = (self.day + 3) % 7 >= 5
        self.step_h = float(np.median(np.diff(self.hours)))
        self.level = float(np.clip(np.exp(random.normal(np.log(50), 1.4)), 1, 60_000))
        self.expected = np.full(len(times), self.level)
        self.values = self.expected
        self.boots = np.zeros(len(times), np.int32)
        self.restarts: list[int] = []

    def ar1(self, hours: float, deviation: float) -> Numbers:
        """Return Gaussian noise whose correlation falls to 1/e in ``hours``."""
        keep = np.exp(-self.step_h / hours)
        pushes = self.random.normal(0, deviation * np.sqrt(1 - keep**2), len(self.hours))
        course, last = np.empty(len(pushes)), float(self.random.normal(0, deviation))
        for at, push in enumerate(pushes.tolist()):
            last = keep * last + push
            course[at] = last
        return course

    def add_noise(self) -> None:
        """Add counting noise and an AR(1) share of the level to ``expected``."""
        random = self.random
        share = float(random.uniform(0.01, 0.12))
        slow = self.ar1(float(np.exp(random.uniform(np.log(0.2), np.log(12)))), share)
        counting = random.normal(0, 1, len(self.hours)) * np.sqrt(np.maximum(self.expected, 0))
        self.values = self.expected * (1 + slow) + counting * random.uniform(0.3, 1.2)

    def forget_levels(self) -> None:
        """Expect the mean: when the host changes its level is chance."""
        self.expected = np.full(len(self.hours), self.expected.mean())


def _steady(host: _Host) -> None:
    host.add_noise()


def _overdispersed(host: _Host) -> None:
    shape = host.random.uniform(2, 20)
    host.values = host.random.poisson(host.random.gamma(shape, host.expected / shape)).astype(float)


def _gamma_lifetimes(host: _Host) -> None:
    random, scans = host.random, len(host.hours)
    shape, life = random.uniform(0.3, 3), np.exp(random.uniform(np.log(0.1), np.log(10)))
    host.level = min(host.level, 3000.0)
    warm = 5 * life
    count = min(int(random.poisson(host.level / life * (host.hours[-1] + warm))), 400_000)
    births = random.uniform(-warm, host.hours[-1], count)
    deaths = births + random.gamma(shape, life / shape, count)
    edges = np.append(host.hours, np.inf)
    born = np.searchsorted(host.hours, births)
    dead = np.searchsorted(edges, deaths)
    change = np.bincount(born, minlength=scans + 2) - np.bincount(dead, minlength=scans + 2)
    host.values = np.cumsum(change)[:scans].astype(float)
    host.expected = np.full(scans, count * life / (host.hours[-1] + warm))


def _office(host: _Host) -> None:
    """Plateaus of working hours with a dip at noon; some days are holidays."""
    random = host.random
    curve = np.interp(
        host.clock, [0, 6, 9, 12, 13, 14, 17, 20, 24], [0, 0, 1, 1, 0.7, 1, 0.9, 0, 0]
    )
    days = host.day - host.day[0]
    heights = np.exp(random.normal(0, random.uniform(0, 0.1), days[-1] + 1))[days]
    holiday = days == (random.integers(0, days[-1] + 1) if random.random() < 0.3 else -1)
    rests = np.where(host.is_weekend | holiday, random.uniform(0.05, 0.5), 1)
    host.expected = host.level * (random.uniform(0.1, 0.6) + curve * heights * rests)
    host.add_noise()


def _evening(host: _Host) -> None:
    """A quick rise, a slow fall, every day."""
    random = host.random
    since = (host.clock - random.uniform(0, 24)) % 24
    bump = since * np.exp(-since / random.uniform(2, 6))
    host.expected = host.level * (0.3 + random.uniform(0.5, 3) * bump / bump.max())
    host.add_noise()


def _deployments(host: _Host) -> None:
    """New levels, lower more often than higher, each reached within some hours."""
    random = host.random
    for at in np.sort(random.uniform(0, host.hours[-1], random.integers(1, 6))):
        share = np.exp(random.normal(-0.1, 0.35))
        reached = 1 - np.exp(-np.maximum(host.hours - at, 0) / random.uniform(0.1, 4))
        host.expected = host.expected * (1 + (share - 1) * reached)
    host.add_noise()
    host.forget_levels()


def _spikes(host: _Host) -> None:
    host.add_noise()
    random, scans = host.random, len(host.hours)
    for at in np.flatnonzero(random.random(scans) < random.uniform(0.002, 0.03)):
        lasts = 1 + int(random.exponential(0.3 / host.step_h))
        host.values[at : at + lasts] += min(host.level * random.lognormal(0, 1.5), 100_000)


def _pool(host: _Host) -> None:
    """A pool that fills and then stays; it was full a day before the window ends at the latest."""
    random, last = host.random, host.hours[-1]
    end = random.uniform(0.1 * last, last - 24)
    begin = end - random.uniform(3, min(end + 3, 150))
    since = np.maximum(host.hours - begin, 0)
    if random.random() < 0.5:
        share = np.minimum(since / (end - begin), 1)
    else:
        share = 1 - np.exp(-since * 4 / (end - begin))
    host.expected = host.level * (1 + random.uniform(0.3, 5) * share)
    host.add_noise()


def _tiny(host: _Host) -> None:
    random, scans = host.random, len(host.hours)
    host.level = float(np.exp(random.uniform(np.log(0.01), np.log(4))))
    host.expected = np.full(scans, host.level)
    host.values = random.poisson(host.expected).astype(float)
    busy = host.ar1(float(random.uniform(0.3, 6)), 1.0) > random.uniform(1.5, 3)
    host.values += np.where(busy, random.poisson(random.uniform(1, 12), scans), 0)


def _cron(host: _Host) -> None:
    """Jobs at 03:00, and one of hours on one day of the week."""
    random = host.random
    since = (host.clock - 3) % 24
    job = np.where(since < random.uniform(0.1, 3), 1, np.exp(-since / random.uniform(0.2, 2)))
    host.expected = host.level * (1 + random.uniform(0.5, 10) * job)
    if random.random() < 0.5:
        weekly = (host.local / 24 + random.uniform(0, 7)) % 7 * 24
        length = random.uniform(2, 18)
        host.expected = host.expected + host.level * random.uniform(0.5, 6) * (weekly < length)
    host.add_noise()


def _two_levels(host: _Host) -> None:
    """Two levels by turns, as a load balancer or a failover makes them."""
    random, at, is_high = host.random, 0.0, False
    high = random.uniform(1.3, 4)
    usual_h = np.exp(random.uniform(np.log(6), np.log(60)))
    while at < host.hours[-1]:
        lasts = random.exponential(usual_h)
        within = (host.hours >= at) & (host.hours < at + lasts)
        host.expected = np.where(within & is_high, host.level * high, host.expected)
        at, is_high = at + lasts, not is_high
    host.add_noise()
    host.forget_levels()


def _drift(host: _Host) -> None:
    """Load that wanders for days and comes back."""
    random = host.random
    share = host.ar1(random.uniform(24, 96), random.uniform(0.05, 0.3))
    host.add_noise()
    host.values = host.values * np.exp(share)


def _surges(host: _Host) -> None:
    """Surges that rise within hours and fade."""
    random = host.random
    host.add_noise()
    for at in random.uniform(0, host.hours[-1], random.integers(1, 8)):
        since = np.maximum(host.hours - at, 0)
        rise, fade = random.uniform(0.2, 8), random.uniform(0.5, 12)
        surge = (1 - np.exp(-since / rise)) * np.exp(-np.maximum(since - rise, 0) / fade)
        host.values = host.values + host.level * random.uniform(0.5, 8) * surge


def _reboots(host: _Host) -> None:
    random, scans = host.random, len(host.hours)
    host.restarts = sorted(map(int, random.integers(1, scans, random.integers(1, 4))))
    for number, at in enumerate(host.restarts):
        since = np.maximum(host.hours - host.hours[at], 0)
        warm = np.where(since > 0, 1 - np.exp(-since / random.uniform(0.2, 5)), 1)
        host.expected = host.expected * np.where(np.arange(scans) >= at, warm, 1)
        host.boots[at:] = number + 1
    host.add_noise()


def _teeth(host: _Host) -> None:
    """A leak that restarts of a process hide, often enough to be seen three times in the window."""
    random = host.random
    period = random.uniform(6, min(96, host.hours[-1] / 4))
    rate = np.exp(random.uniform(np.log(1), np.log(50)))
    host.add_noise()
    gaps = period * random.uniform(0.9, 1.1, int(host.hours[-1] / period * 1.2) + 3)
    falls = np.cumsum(gaps) - random.uniform(0, period)
    latest = np.concatenate([[falls[0] - period], falls])[np.searchsorted(falls, host.hours)]
    host.values = host.values + np.floor(rate * (host.hours - latest))


CARRIERS: dict[str, tuple[float, Callable[[_Host], None]]] = {
    "steady": (0.14, _steady),
    "overdispersed": (0.06, _overdispersed),
    "gamma-lifetimes": (0.1, _gamma_lifetimes),
    "office": (0.14, _office),
    "evening": (0.1, _evening),
    "deployments": (0.07, _deployments),
    "spikes": (0.06, _spikes),
    "pool": (0.03, _pool),
    "tiny": (0.08, _tiny),
    "cron": (0.08, _cron),
    "two levels": (0.03, _two_levels),
    "drift": (0.03, _drift),
    "surges": (0.03, _surges),
    "reboots": (0.03, _reboots),
    "teeth": (0.02, _teeth),
}
"""The share of each mechanism among quiet hosts."""
LEAKING = tuple(name for name in CARRIERS if name not in {"pool", "drift", "teeth"})
UNRATED = {"deployments", "two levels", "surges"}
UNDATED = {*UNRATED, "spikes", "cron", "reboots"}


@dataclass(frozen=True, kw_only=True)
class _Leak:
    leaked: Numbers
    is_even: bool
    """The rate does not depend on the time of day."""


def make_other_fleet(
    seed: int, *, hosts: int = 1000, leaks: int = 10, days: float = 14, interval_s: int = 300
) -> MadeFleet:
    """Return a fleet of ``hosts``, of which ``leaks`` leak at the end of the window."""
    random = np.random.default_rng([seed, 0x07E4])
    start = START + int(random.integers(0, 7 * DAY))
    planned = start + np.arange(int(days * DAY / interval_s)) * interval_s
    late = random.integers(0, max(2, interval_s // 30), len(planned))
    # A scan now and then is put off, or does not take place.
    kept = np.sort(random.permutation(len(planned))[: int(len(planned) * random.uniform(0.97, 1))])
    times = (planned + late)[kept]
    names, quiet = list(CARRIERS), np.array([share for share, _ in CARRIERS.values()])
    values = np.empty((hosts, len(times)), np.float32)
    boots = np.zeros(values.shape, np.int32)
    truths = []
    is_leaking = random.permutation(hosts) < leaks
    for row in range(hosts):
        kind = str(
            random.choice(
                LEAKING if is_leaking[row] else names, p=None if is_leaking[row] else quiet
            )
        )
        host = _Host(random, times)
        CARRIERS[kind][1](host)
        leak = _leak(host) if is_leaking[row] else None
        noise = host.values - host.expected
        total = host.values + (leak.leaked if leak else 0)
        values[row] = _read(random, total)
        boots[row] = np.where(np.isnan(values[row]), -1, host.boots)
        truths.append(
            judge_best(
                kind,
                times,
                leak.leaked,
                noise,
                has_rate=leak.is_even and kind not in UNRATED,
                has_begin=kind not in UNDATED,
            )
            if leak
            else Truth(carrier=kind)
        )
    block = SeriesBlock(
        metric="tcp_close",
        hosts=tuple(f"node{row:05}.example.org" for row in range(hosts)),
        times=times,
        values=values,
        boots=boots,
    )
    return MadeFleet(block=block, truths=tuple(truths))


def _leak(host: _Host) -> _Leak:
    """Return the leaked sockets at each scan: one by one, in batches, or more by day."""
    random, last = host.random, host.hours[-1]
    rate = np.exp(random.uniform(np.log(0.2), np.log(50)))
    begin = -24.0 if random.random() < 0.4 else last * random.uniform(0.1, 0.9)
    spans = np.diff(host.hours, prepend=host.hours[0] - host.step_h)
    since = np.clip((host.hours - begin) / spans, 0, 1)
    since[0] = 24 / spans[0] if begin < 0 else 0
    is_even = random.random() < 0.8
    by_day = 1.0 if is_even else 1 + 0.7 * np.cos((host.clock - 14) * 2 * np.pi / 24)
    # Large batches at a low rate are steps.
    batch = 1 if random.random() < 0.7 else int(random.integers(1, max(2, min(9, rate))))
    leaked = np.cumsum(random.poisson(rate * spans * since * by_day / batch) * batch).astype(float)
    for at in host.restarts:
        leaked[at:] -= leaked[at]
    return _Leak(leaked=leaked, is_even=is_even)


def _read(random: np.random.Generator, values: Numbers) -> Numbers:
    """Return what scans read: whole numbers, some rounded coarsely, some reads failed."""
    scans = len(values)
    grain = random.choice([1, 1, 1, 1, 1, 1, 1, 1, 1, 4]) if values.max() < 10_000 else 1
    read = np.maximum(np.rint(values / grain) * grain, 0)
    lost = random.random(scans) < random.choice([0.001, 0.003, 0.03])
    if random.random() < 0.1:
        begin = int(random.integers(0, scans))
        lost[begin : begin + int(scans * random.uniform(0.005, 0.08))] = True
    read[lost] = np.nan
    return np.asarray(read)
