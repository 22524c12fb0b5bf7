"""The spread of the budgets' figures over several runs of `budgets`.

    python bench/spread.py FILE [FILE …]

Each FILE holds the runs that `budgets --json FILE` appended, one a line. A largest figure near its
limit shows a budget that another machine, or another hour, could miss. All runs are held against
the newest limits. The exit code is 1 if a run missed a budget.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
"""One budget of one run, as `budget.to_row` makes it."""


def read_runs(paths: Iterable[Path]) -> list[Sequence[Row]]:
    """Return the budgets of each run, in the order of the files and of their lines."""
    return [json.loads(line)["budgets"] for path in paths for line in path.read_text().splitlines()]


def rows_by_name(runs: Iterable[Sequence[Row]]) -> dict[str, list[Row]]:
    """Group the rows of all runs by budget; a run of some sections lacks the others."""
    found: dict[str, list[Row]] = {}
    for run in runs:
        for row in run:
            found.setdefault(row["name"], []).append(row)
    return found


def spread_line(name: str, rows: Sequence[Row]) -> str:
    """Return least, median and largest figure of one budget and its newest limit."""
    figures = [row["figure"] for row in rows if row["figure"] is not None]
    shown = (
        [f"{value:9.3f}" for value in (min(figures), statistics.median(figures), max(figures))]
        if figures
        else [f"{'-':>9}"] * 3
    )
    limit = f"{rows[-1]['limit']:g} {rows[-1]['unit']}".rstrip()
    held = count_held(rows)
    return f"{name:48} {' '.join(shown)}  budget {limit:8} held in {held} of {len(rows)}"


def count_held(rows: Sequence[Row]) -> int:
    """Return how many of the figures of one budget are within its newest limit."""
    limit = rows[-1]["limit"]
    return sum(row["figure"] is not None and row["figure"] <= limit for row in rows)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("file", type=Path, nargs="+")
    found = rows_by_name(read_runs(options.parse_args().file))
    print(f"{'':48} {'least':>9} {'median':>9} {'most':>9}")
    for name, rows in found.items():
        print(spread_line(name, rows))
    return 0 if found and all(count_held(rows) == len(rows) for rows in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
