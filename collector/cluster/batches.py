"""Batches of hosts for the workers of a Dask cluster, and when a batch is given up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from ...inventory.models import Host
from ..errors import Category
from ..pacing.partition import partition
from ..pacing.schedule import caps_of
from .dask_client import Task

__all__ = ["HostBatch", "make_batches"]

MOST_HOSTS = 100
"""Hosts in a batch: each batch costs about 15 ms in all, as much as a dozen hosts."""
FEWEST_HOSTS = 10
BATCHES = 32
"""Of a region's hosts, where there are enough, so that several workers get work."""
MOVES = 3
"""How often a batch is sent again after it was lost outside of Dask's own retries."""


@dataclass(slots=True, eq=False)
class HostBatch:
    """Hosts that are sent together, until the last of them has its outcome."""

    left: set[int]
    """Indexes of hosts without an outcome."""
    region: str | None
    worker: str | None = None
    """The address of the worker whose engine has what is left; None: any worker will do."""
    task: Task | None = None
    """The latest task for these hosts."""
    moves: int = 0
    unserved_since: float | None = None
    given_up: tuple[Category, str] | None = None
    """The category and reason for the hosts that are left; None: they may still be read."""

    def move(self) -> None:
        """Let any worker take what is left: the task was cancelled, or its worker was lost."""
        self.worker = None
        self.moves += 1
        if self.moves > MOVES and self.given_up is None:
            why = f"{self.moves} Dask workers were lost while they had it"
            self.given_up = Category.LOCAL_RESOURCE, why

    def is_stuck(
        self, workers: Mapping[str, frozenset[str]], now: float, *, patience_s: float
    ) -> bool:
        """Whether Dask would let the task wait forever: no worker there may run it.

        ``workers`` maps the address of each worker to the resources it offers. The batch is given
        up when no worker has offered its region for ``patience_s``.
        """
        if self.worker is not None:
            return self.worker not in workers
        if any(self.region is None or self.region in offered for offered in workers.values()):
            self.unserved_since = None
            return False
        if self.unserved_since is None:
            self.unserved_since = now
        if now - self.unserved_since < patience_s:
            return False
        if self.region is None:
            why = "the Dask scheduler has no worker: start one with dask worker"
        else:
            why = (
                f"no Dask worker offers the region {self.region}: start one there with "
                f'dask worker --resources "{self.region}=1"'
            )
        self.given_up = Category.NOT_ATTEMPTED, why
        return True


def make_batches(
    hosts: Sequence[Host], indexes: Sequence[int], *, bastion_connections: int
) -> Iterator[HostBatch]:
    """Put each of these hosts in one batch; the regions alternate.

    Hosts that share a limit (a group's, a jump host's) are in one batch, so that one worker keeps
    the limit for the whole scan.
    """
    by_region: defaultdict[str | None, list[int]] = defaultdict(list)
    for index in indexes:
        by_region[hosts[index].region].append(index)
    turns = zip_longest(
        *(
            _batches_of_region(hosts, own, region, bastion_connections)
            for region, own in by_region.items()
        )
    )
    for turn in turns:
        yield from (batch for batch in turn if batch is not None)


def _batches_of_region(
    hosts: Sequence[Host], indexes: list[int], region: str | None, bastion_connections: int
) -> Iterator[HostBatch]:
    limited: list[int] = []
    free: list[int] = []
    for index in indexes:
        (limited if any(caps_of(hosts[index], bastion_connections)) else free).append(index)
    parts = partition([hosts[i] for i in limited], 1, bastion_connections=bastion_connections)
    for unit in parts.units:
        yield HostBatch({limited[i] for i in unit}, region)
    size = max(FEWEST_HOSTS, min(MOST_HOSTS, len(free) // BATCHES))
    for at in range(0, len(free), size):
        yield HostBatch(set(free[at : at + size]), region)
