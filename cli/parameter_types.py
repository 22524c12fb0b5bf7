"""Option values that click has no type for."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import click

__all__ = ["EnumChoice", "WorkerCount"]


class WorkerCount(click.IntRange):
    """A number of processes from 1 on, or ``auto``, which stays as it is."""

    def __init__(self) -> None:
        super().__init__(min=1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """An int, or ``auto``."""
        return value if value == "auto" else super().convert(value, param, ctx)


class EnumChoice(click.Choice[str]):
    """One of the values of an enumeration."""

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__([member.value for member in kind])
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The member of the enumeration."""
        return self._kind(super().convert(value, param, ctx))
