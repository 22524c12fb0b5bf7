"""Examples that hypothesis makes up, to be compared with another program in one run of it."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

__all__ = ["make_examples"]

T = TypeVar("T")


def make_examples(strategy: SearchStrategy[T], number: int) -> list[T]:
    """Return examples of ``strategy``, at most ``number`` of them, others in each run.

    Examples that are lists of so many would exceed the size that hypothesis allows: it discards
    most of those that it makes, and they take most of its time.
    """
    made: list[T] = []

    @settings(
        phases=[Phase.generate],
        max_examples=number,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: T) -> None:
        made.append(example)

    collect()
    return made
