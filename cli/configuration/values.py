"""What of a configuration only those parts of sockfleet can judge that use it.

`configuration_keys` judges types whenever a command runs; this is for ``sockfleet config --check``,
which tells beforehand what the commands would refuse. Whether files are there is not asked: the
user who checks may be another than the one who scans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from ...aggregator.fleet import SORT_KEYS
from ...aggregator.thresholds import parse_thresholds
from ...alerting.levels import Levels
from ...core.errors import UsageError
from ...inventory.name_shard import parse_shard
from ...output.formats import format_for_suffix, load_format
from ..output_files import parse_mode
from .file import Configuration
from .keys import Fault, suggest

__all__ = ["value_faults"]


def value_faults(file: Configuration) -> Iterator[Fault]:
    """What the commands would refuse of the settings of any table."""
    for name, table in file.tables.items():
        for key, value in table.items():
            judge = _JUDGES.get(key)
            if judge is not None:
                try:
                    judge(value)
                except UsageError as error:
                    yield Fault(f"{name}.{key}", str(error))


def _sort(key: str) -> None:
    if key not in SORT_KEYS:
        raise UsageError(f"no such key to sort by{suggest(key, SORT_KEYS)}")


def _transport(name: str) -> None:
    names = sorted(entry.name for entry in entry_points(group="sockfleet.transports"))
    if name not in names:
        raise UsageError(f"no such transport{suggest(name, names)}")


def _outputs(targets: list[str]) -> None:
    formats = {entry.name for entry in entry_points(group="sockfleet.outputs")}
    for target in targets:
        prefix, colon, _ = target.partition(":")
        if not colon or prefix not in formats:
            format_for_suffix(target)


_JUDGES: Mapping[str, Callable[[Any], object]] = {
    "critical": lambda levels: Levels((), levels),
    "format": load_format,
    "mode": parse_mode,
    "output": _outputs,
    "shard": parse_shard,
    "sort": _sort,
    "threshold": parse_thresholds,
    "transport": _transport,
    "warning": lambda levels: Levels(levels, ()),
}
