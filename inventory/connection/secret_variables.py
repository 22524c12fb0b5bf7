"""Which variables hold secrets, told by their names, and how a value is shown without them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

__all__ = ["HIDDEN", "is_secret", "with_secrets_hidden", "without_secrets"]

HIDDEN = "…"
"""What stands in the place of a secret."""

_SECRET = re.compile(
    r"(?:^|_)(?:pass|passwd|password|passphrase|secret|secret_key|token|api_key|private_key)$",
    re.IGNORECASE,
)


@lru_cache(maxsize=65536)
def is_secret(name: str) -> bool:
    """Whether a variable of this name is taken for a secret such as ``db_token``."""
    return _SECRET.search(name) is not None


def without_secrets(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """The variables but for the secret ones; the very same mapping where there are none."""
    if not any(is_secret(name) for name in variables):
        return variables
    return {name: value for name, value in variables.items() if not is_secret(name)}


def with_secrets_hidden(variables: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with `HIDDEN` for every secret, in nested mappings too; None and "" hide nothing."""
    return {key: _shown(key, value) for key, value in variables.items()}


def _shown(key: object, value: object) -> object:
    if isinstance(key, str) and value not in (None, "") and is_secret(key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {inner: _shown(inner, held) for inner, held in value.items()}
    if isinstance(value, list):
        return [_shown(None, held) for held in value]
    return value
