"""Types of option values that click does not have."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["WorkerCount"]


class WorkerCount(click.IntRange):
    """A number of processes from 1 on, or ``auto``, which stays as it is."""

    def __init__(self) -> None:
        super().__init__(min=1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """An int, or ``auto``."""
        return value if value == "auto" else super().convert(value, param, ctx)
