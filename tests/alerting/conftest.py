"""The stores of tests/history, for what is kept there."""

from __future__ import annotations

from tests.history.conftest import file_store, store, store_folder, store_url

__all__ = ["file_store", "store", "store_folder", "store_url"]
