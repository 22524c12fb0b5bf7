"""The parts of a fleet that a scan holds under ``--shard``, and what a merge of them lacks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from ..core.record import record

__all__ = ["Shards", "join_shards", "missing_shards_warning"]


@record
class Shards:
    """The ``parts`` of ``of`` that a scan holds, sorted, each from 1 to ``of``."""

    of: int
    parts: tuple[int, ...]

    def __str__(self) -> str:
        return f"{','.join(map(str, self.parts))}/{self.of}"


def missing_shards_warning(shards: Shards) -> str | None:
    """Return the warning about missing shards; None where none is missing."""
    missing = sorted(set(range(1, shards.of + 1)) - set(shards.parts))
    if not missing:
        return None
    named = _named(missing, shards.of)
    verb, whose = ("is", "its") if len(missing) == 1 else ("are", "their")
    return f"{named} {verb} missing: {whose} hosts are not in this scan"


def join_shards(
    scans: Iterable[tuple[Shards | None, str | None]],
) -> tuple[Shards | None, list[str]]:
    """Join the shards of scans, each with its limit; return them with the warnings.

    The shards are None where all are present, where no scan is a shard, and where the scans are
    shards of different wholes (of another limit, or split into another number of parts).
    """
    given = defaultdict[tuple[str | None, int], Counter[int]](Counter)
    for shards, limit in scans:
        if shards is not None:
            given[limit, shards.of].update(shards.parts)
    warnings: list[str] = []
    partial: list[Shards] = []
    for (limit, of), parts in given.items():
        of_limit = "" if len({limit for limit, _ in given}) == 1 else f" of limit {limit}"
        twice = sorted(part for part, times in parts.items() if times > 1)
        if twice:
            warnings.append(f"{_named(twice, of)}{of_limit} stands in more than one scan")
        together = Shards(of=of, parts=tuple(sorted(parts)))
        missing = missing_shards_warning(together)
        if missing is not None:
            partial.append(together)
            warnings.append(missing if not of_limit else f"{missing} ({of_limit.strip()})")
    numbers = sorted({of for _, of in given})
    if len(numbers) > 1 and len({limit for limit, _ in given}) == 1:
        counts = " and ".join(str(number) for number in numbers)
        warnings.append(f"the scans are shards of {counts} parts, which do not make one whole")
    return (partial[0] if len(given) == 1 and partial else None), warnings


def _named(parts: Sequence[int], of: int) -> str:
    shown = [f"{part}/{of}" for part in parts[:5]]
    more = f" and {len(parts) - 5} more" if len(parts) > 5 else ""
    return f"shard{'s' if len(parts) > 1 else ''} {', '.join(shown)}{more}"
