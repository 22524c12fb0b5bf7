"""What every template does to a text before Jinja escapes it for HTML."""

from __future__ import annotations

from typing import Any

from .text import escape

__all__ = ["escape_text"]


def escape_text(value: Any) -> Any:  # noqa: ANN401 (Jinja gives it every value)
    r"""Show an unsafe character as its escape: ``\u202e`` would turn the text behind it round."""
    is_plain = isinstance(value, str) and not hasattr(value, "__html__")
    return escape(value) if is_plain else value
