"""What can be wrong with a store; `store.database.translation` makes these of a database's errors.

StoreError                exit 5: the store cannot be read or written
├── StoreBusyError        another process writes to it for longer than we wait
├── StoreFullError        no space is left
├── StoreReadOnlyError    this user may not write to it, or its file system is read-only
├── StoreDamagedError     its content is not what sockfleet writes
├── StoreVersionError     a newer sockfleet wrote it
└── StoreMissingError     exit 1: there is none yet
NoSuchScanError           exit 2: no scan of that name is in the store
"""

from __future__ import annotations

from ..core.errors import SockfleetError, UsageError
from ..core.exit_codes import Exit

__all__ = [
    "NoSuchScanError",
    "StoreBusyError",
    "StoreDamagedError",
    "StoreError",
    "StoreFullError",
    "StoreMissingError",
    "StoreReadOnlyError",
    "StoreVersionError",
]


class StoreError(SockfleetError):
    """The store cannot be read or written; the text names it and says what to do."""

    exit_code = Exit.LOCAL


class StoreBusyError(StoreError):
    """Another process holds the store for longer than we wait."""


class StoreFullError(StoreError):
    """No space is left for the store."""


class StoreReadOnlyError(StoreError):
    """This process may not write to the store."""


class StoreDamagedError(StoreError):
    """The store's content is not what sockfleet writes."""


class StoreVersionError(StoreError):
    """A newer sockfleet wrote the store."""


class StoreMissingError(StoreError):
    """There is no store at this place yet."""

    exit_code = Exit.FAILED


class NoSuchScanError(UsageError):
    """No scan, or more than one, has the name that the user gave."""
