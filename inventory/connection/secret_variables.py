"""Recognize variables that hold secrets by their names, and hide their values in output."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ...core.lazy_pattern import lazy_pattern

__all__ = ["HIDDEN", "hide_secrets", "is_secret", "remove_secrets"]

HIDDEN = "…"
"""Replaces a secret's value."""

_SECRET = lazy_pattern(
    r"(?:^|_)(?:pass|passwd|password|passphrase|secret|secret_key|token|api_key|private_key)$",
    re.IGNORECASE,
)


@lru_cache(maxsize=65536)
def is_secret(name: str) -> bool:
    """Whether a variable of this name is considered a secret, such as ``db_token``."""
    return _SECRET().search(name) is not None


def remove_secrets(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the variables without the secret ones; the same mapping where it has none."""
    if not any(is_secret(name) for name in variables):
        return variables
    return {name: value for name, value in variables.items() if not is_secret(name)}


def hide_secrets(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy with `HIDDEN` for each secret, also in nested mappings; keep None and ""."""
    return {key: _hide_secret(key, value) for key, value in variables.items()}


def _hide_secret(key: object, value: object) -> object:
    if isinstance(key, str) and value not in (None, "") and is_secret(key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {inner: _hide_secret(inner, nested) for inner, nested in value.items()}
    if isinstance(value, list):
        return [_hide_secret(None, item) for item in value]
    return value
