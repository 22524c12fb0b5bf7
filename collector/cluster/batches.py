"""Which hosts go to the workers of a Dask cluster together, and when nobody will ask them."""

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
"""In a handful: each costs about 15 ms in all, as much as a dozen hosts do."""
FEWEST_HOSTS = 10
HANDFULS = 32
"""Of a region's hosts, where there are enough: so that several workers get work."""
MOVES = 3
"""How often hosts are handed in anew after they were lost outside of Dask's own retries."""


@dataclass(slots=True, eq=False)
class HostBatch:
    """Hosts that go together, until the last of them has its outcome."""

    left: set[int]
    """Indexes of hosts without an outcome."""
    region: str | None
    worker: str | None = None
    """The only one that can tell what is left; None: any."""
    task: Task | None = None
    """The newest that asks them."""
    moves: int = 0
    unserved_since: float | None = None
    given_up: tuple[Category, str] | None = None
    """Why nobody is to ask what is left."""

    def move(self) -> None:
        """Let another worker ask: the task was cancelled, or its worker is gone."""
        self.worker = None
        self.moves += 1
        if self.moves > MOVES and self.given_up is None:
            why = f"{self.moves} Dask workers were lost while they had it"
            self.given_up = Category.LOCAL_RESOURCE, why

    def is_stuck(
        self, workers: Mapping[str, frozenset[str]], now: float, *, patience_s: float
    ) -> bool:
        """Whether Dask would let it wait for ever: its worker is gone, or nobody serves its region.

        ``workers`` are those there are, each with what it offers. A region that nobody has served
        for ``patience_s`` is given up.
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
    """Each of these hosts in one handful, the regions by turns.

    Hosts that share a limit (a group's, a jump host's) go to one worker together, so that the
    limit holds for the whole scan.
    """
    by_region: defaultdict[str | None, list[int]] = defaultdict(list)
    for index in indexes:
        by_region[hosts[index].region].append(index)
    turns = zip_longest(
        *(_of_region(hosts, own, region, bastion_connections) for region, own in by_region.items())
    )
    for turn in turns:
        yield from (handful for handful in turn if handful is not None)


def _of_region(
    hosts: Sequence[Host], indexes: list[int], region: str | None, bastion_connections: int
) -> Iterator[HostBatch]:
    bound: list[int] = []
    free: list[int] = []
    for index in indexes:
        (bound if any(caps_of(hosts[index], bastion_connections)) else free).append(index)
    dealt = partition([hosts[i] for i in bound], 1, bastion_connections=bastion_connections)
    for unit in dealt.units:
        yield HostBatch({bound[i] for i in unit}, region)
    size = max(FEWEST_HOSTS, min(MOST_HOSTS, len(free) // HANDFULS))
    for at in range(0, len(free), size):
        yield HostBatch(set(free[at : at + size]), region)
