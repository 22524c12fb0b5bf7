"""Values of a configuration that only the code that uses them can check.

`keys` checks types whenever a command runs. This is for ``sockfleet config --check``, which reports
beforehand what the commands would refuse. It does not check that files exist: another user may run
the scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from ...aggregator.fleet import SORT_KEYS
from ...aggregator.thresholds import parse_thresholds
from ...alerting.levels.levels import Levels
from ...core.errors import UsageError
from ...core.suggestion import suggest
from ...inventory.name_shard import parse_shard
from ...output.formats import format_for_suffix, load_format
from ..runs.output_files import parse_mode
from .file import Configuration
from .keys import Fault

__all__ = ["find_value_faults"]


def find_value_faults(file: Configuration) -> Iterator[Fault]:
    """Yield the settings that the commands would refuse, of all tables."""
    for name, table in file.tables.items():
        for key, value in table.items():
            check = _CHECKS.get(key)
            if check is not None:
                try:
                    check(value)
                except UsageError as error:
                    yield Fault(f"{name}.{key}", str(error))


def _check_sort(key: str) -> None:
    if key not in SORT_KEYS:
        raise UsageError(f"no key {key!r} to sort by{suggest(key, SORT_KEYS)}")


def _check_transport(name: str) -> None:
    names = sorted(entry.name for entry in entry_points(group="sockfleet.transports"))
    if name not in names:
        raise UsageError(f"no transport {name!r}{suggest(name, names)}")


def _check_outputs(targets: list[str]) -> None:
    formats = {entry.name for entry in entry_points(group="sockfleet.outputs")}
    for target in targets:
        prefix, colon, _ = target.partition(":")
        if not colon or prefix not in formats:
            format_for_suffix(target)


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "critical": lambda levels: Levels((), levels),
    "format": load_format,
    "mode": parse_mode,
    "output": _check_outputs,
    "shard": parse_shard,
    "sort": _check_sort,
    "threshold": parse_thresholds,
    "transport": _check_transport,
    "warning": lambda levels: Levels(levels, ()),
}
