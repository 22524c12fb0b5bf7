"""Option values that click has no type for."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import click

from ...core.suggestion import nearest

__all__ = ["EnumChoice", "Number", "WholeNumber", "WordChoice", "WorkerCount"]


class WholeNumber(click.IntRange):
    """A whole number, and called so in messages."""

    name = "whole number"


class Number(click.FloatRange):
    """A number, and called so in messages."""

    name = "number"


class WorkerCount(WholeNumber):
    """A number of processes from 1 on, or ``auto``, which stays as it is."""

    name = "whole number or auto"

    def __init__(self) -> None:
        super().__init__(min=1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """An int, or ``auto``."""
        return value if value == "auto" else super().convert(value, param, ctx)


class WordChoice(click.Choice[str]):
    """One of some words; a message about another word names the nearest."""

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__(list(words))

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Click's words, and the nearest choice."""
        near = nearest(str(value), map(str, self.choices))
        message = super().get_invalid_choice_message(value, ctx)
        return message if near is None else f"{message.rstrip('.')}; did you mean {near}?"


class EnumChoice(WordChoice):
    """One of the values of an enumeration."""

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__([member.value for member in kind])
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The member of the enumeration."""
        return self._kind(super().convert(value, param, ctx))
