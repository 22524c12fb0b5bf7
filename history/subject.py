"""Of what a number over time is."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Subject"]


class Subject(StrEnum):
    """Of what a number is."""

    HOST = "host"
    GROUP = "group"
    NAMESPACE = "namespace"
