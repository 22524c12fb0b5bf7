"""Where a store is: a file of SQLite, or a database of PostgreSQL."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ....core.errors import UsageError
from ....core.record import record

__all__ = ["Location", "default_file", "parse_location", "state_folder"]

_PASSWORD = re.compile(r"(?<=:)[^:@/]*(?=@)")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_PASSWORD_PARAMETER = re.compile(r"([?&]password=)[^&]*", re.IGNORECASE)


@record
class Location:
    """A store's place: exactly one of ``file`` and ``url`` is given."""

    file: Path | None = None
    url: str | None = None
    """With the scheme ``postgresql+psycopg``, and its password if it has one."""

    def __str__(self) -> str:
        """The place as messages show it, without a password."""
        if self.file is not None:
            return str(self.file)
        text = (self.url or "").replace("postgresql+psycopg:", "postgresql:", 1)
        return _PASSWORD_PARAMETER.sub(r"\1***", _hide_password(text))

    @property
    def has_password(self) -> bool:
        """Whether the URL holds a password."""
        url = self.url or ""
        return _hide_password(url) != url or _PASSWORD_PARAMETER.search(url) is not None


def parse_location(text: str | None, environment: Mapping[str, str] = os.environ) -> Location:
    """Read what ``--store`` names: a URL, or a file; None: the user's own file.

    Raises UsageError for a URL of another database.
    """
    if not text:
        return Location(file=default_file(environment))
    scheme = _SCHEME.match(text)
    if scheme is None:
        return Location(file=Path(text).expanduser().absolute())
    name, rest = scheme[1].lower(), text[scheme.end() :]
    if name == "sqlite":
        # As SQLAlchemy writes it: three slashes before a relative name, four before an absolute.
        if not rest.startswith("/") or len(rest) < 2:
            raise UsageError(f"--store {text}: expected sqlite:///FILE")
        return Location(file=Path(rest[1:]).expanduser().absolute())
    if name in _POSTGRESQL:
        return Location(url=f"postgresql+psycopg://{rest}")
    raise UsageError(
        f"--store {_hide_password(text)}: expected a file, sqlite:///FILE or "
        "postgresql://[USER@]HOST[:PORT]/DATABASE"
    )


def default_file(environment: Mapping[str, str] = os.environ) -> Path:
    """The user's own store, in the folder for state of the XDG base directory specification."""
    return state_folder(environment) / "history.db"


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder for what sockfleet keeps of this user."""
    named = environment.get("XDG_STATE_HOME") or ""
    # The specification says to ignore a relative one.
    home = Path(named) if named.startswith("/") else Path("~/.local/state").expanduser()
    return home / "sockfleet"


def _hide_password(url: str) -> str:
    head, scheme, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{head}{scheme}{_PASSWORD.sub('***', authority, count=1)}{slash}{path}"
