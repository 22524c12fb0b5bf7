"""The version that documents name; pyproject.toml has the same, which a test compares.

A literal: to import importlib.metadata takes a scan of one host as long as 40 modules of ours.
"""

from __future__ import annotations

__all__ = ["VERSION"]

VERSION = "0.1.0"
