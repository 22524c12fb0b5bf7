"""The errors of the databases as those of the store (`history.errors`)."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ....core.text import clean
from ...errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from .location import Location

__all__ = ["translate_errors"]

_KINDS: dict[str, tuple[type[StoreError], str]] = {
    # Primary result codes of SQLite (https://www.sqlite.org/rescode.html).
    "SQLITE_BUSY": (StoreBusyError, "another process is writing to it; try again"),
    "SQLITE_LOCKED": (StoreBusyError, "another process is writing to it; try again"),
    "SQLITE_PROTOCOL": (StoreBusyError, "its locks do not work on this file system"),
    "SQLITE_FULL": (StoreFullError, "no space is left for it"),
    "SQLITE_READONLY": (StoreReadOnlyError, "this user may not write to it"),
    "SQLITE_PERM": (StoreReadOnlyError, "this user may not open it"),
    "SQLITE_AUTH": (StoreReadOnlyError, "this user may not open it"),
    "SQLITE_CORRUPT": (StoreDamagedError, "it is damaged; sockfleet history check says how much"),
    "SQLITE_NOTADB": (StoreDamagedError, "it is no store: the file is not of SQLite"),
    "SQLITE_CANTOPEN": (StoreError, "it cannot be opened: is the folder there, and yours?"),
    "SQLITE_IOERR": (StoreError, "reading or writing it failed"),
    # SQLSTATE of PostgreSQL (its manual, appendix A), by class or code.
    "55P03": (StoreBusyError, "another process is writing to it; try again"),
    "40": (StoreBusyError, "another process is writing to it; try again"),
    "57014": (StoreBusyError, "the server ended the query after its time limit"),
    "53100": (StoreFullError, "no space is left on its server"),
    "53": (StoreError, "its server lacks a resource"),
    "25006": (StoreReadOnlyError, "its server accepts no writes: is it a standby?"),
    "42501": (StoreReadOnlyError, "this user lacks a right in it"),
    "XX001": (StoreDamagedError, "its server reports damaged data"),
    "XX002": (StoreDamagedError, "its server reports a damaged index"),
    "28": (StoreError, "its server refused the login"),
    "08": (StoreError, "the connection to its server failed"),
    "3D000": (StoreError, "there is no such database"),
}


@contextmanager
def translate_errors(location: Location) -> Iterator[None]:
    """Turn the databases' and the system's errors in the block into StoreError."""
    try:
        yield
    except StoreDamagedError as error:
        # A pack does not know its store.
        if str(location) in str(error):
            raise
        raise StoreDamagedError(f"the store {location} is damaged: {error}") from error
    except DBAPIError as error:
        raise _translate(error.orig or error, location) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise _translate(error, location) from error
    except OSError as error:
        raise _translate_system(error, location) from error


def _translate(error: BaseException, location: Location) -> StoreError:
    said = clean(str(error))
    kind, words = _find_kind(error)
    if not words:
        return kind(f"the store {location}: {said}")
    return kind(f"the store {location}: {words} ({said})")


def _find_kind(error: BaseException) -> tuple[type[StoreError], str]:
    name = getattr(error, "sqlite_errorname", None)
    if name is not None:
        for known, found in _KINDS.items():
            if str(name) == known or str(name).startswith(f"{known}_"):
                return found
        return StoreError, ""
    state = getattr(error, "sqlstate", None)
    if state:
        return _KINDS.get(state) or _KINDS.get(state[:2]) or (StoreError, "")
    if type(error).__module__.startswith("psycopg"):  # no connection, so no state
        return StoreError, "its server cannot be reached"
    return StoreError, ""


def _translate_system(error: OSError, location: Location) -> StoreError:
    said = error.strerror or str(error)
    kinds: dict[int | None, type[StoreError]] = {
        errno.ENOSPC: StoreFullError,
        errno.EDQUOT: StoreFullError,
        errno.EACCES: StoreReadOnlyError,
        errno.EPERM: StoreReadOnlyError,
        errno.EROFS: StoreReadOnlyError,
    }
    return kinds.get(error.errno, StoreError)(f"the store {location}: {said}")
