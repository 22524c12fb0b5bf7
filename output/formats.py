"""The formats of a summary, by name and by suffix.

Third parties register theirs in the entry-point group ``sockfleet.outputs``: a name, and an
object of class `Format`. Ours are registered too, but `load_format` imports them directly: a
search of the metadata of all installed packages takes 15 ms, and longer with many packages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING

from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary
from ..core.errors import UsageError
from ..core.record import record
from ..core.suggestion import suggest

if TYPE_CHECKING:  # its import takes time
    from importlib.metadata import EntryPoint, EntryPoints

__all__ = ["Format", "NextCommands", "RenderOptions", "format_for_suffix", "load_format"]

_OWN = {
    "table": ".text.table",
    "json": ".machine.json",
    "ndjson": ".machine.ndjson",
    "csv": ".machine.csv",
    "prometheus": ".machine.prometheus",
    "influx": ".machine.influx",
}
"""The module that holds the ``FORMAT`` of each name; pyproject.toml registers the same."""


@record
class NextCommands:
    """How commands begin that repeat a scan, each as words: its inventory and its options."""

    scan: tuple[str, ...]
    """``sockfleet scan INVENTORY`` with the options given, without outputs and ``--limit``."""
    explain: tuple[str, ...]
    """``sockfleet explain --inventory INVENTORY`` with the options that it shares with a scan."""
    inventory: tuple[str, ...]
    """``sockfleet inventory INVENTORY --connection`` with the options of a login."""
    limit: str | None = None
    """The pattern that ``--limit`` gave."""
    given: frozenset[str] = frozenset()
    """The names of the options given: ``processes``, ``become``."""


@record
class RenderOptions:
    """The looks of a summary; formats for machines ignore them."""

    width: int | None = None
    """Columns of the terminal; None: no terminal, lines may have any length."""
    height: int | None = None
    """The most lines that the table may take; None: as many as it needs."""
    is_terminal: bool = False
    """Whether a person reads it at a terminal: numbers get separators, and long names are cut."""
    color: bool = False
    ascii: bool = False
    """Whether to use only ASCII characters, as the reader's encoding may lack others."""
    top: int | None = None
    """The most hosts that a table shows; None: all. Totals always cover all hosts, and formats for
    machines always have every host."""
    failures: bool = False
    """Whether each failed host is shown with its message, or one of each category."""
    trends: Mapping[str, str] = field(default_factory=dict)
    """What the tcp_close of a host does over time, by its name: ``grows by 38 an hour since …``,
    without a full stop."""
    commands: NextCommands | None = None
    """What the next command of a table begins with; None: the table shows none."""


@record
class Format:
    """A format of a summary."""

    name: str
    """The name that ``--format`` takes."""
    suffixes: tuple[str, ...]
    """The suffixes of its files, in lower case with the dot."""
    render: Callable[[FleetSummary, RenderOptions], bytes]
    """Returns the whole output, with its last newline."""
    mode: int = 0o600
    """The mode of new files. Other users of the machine may not read names of hosts, users and
    processes, unless the format is for another user's collector."""
    host_line: Callable[[HostSummary], bytes] | None = None
    """Returns one host as it finishes, unranked; None: the format needs the whole scan."""
    end_line: Callable[[FleetSummary], bytes] | None = None
    """Returns the line after the last ``host_line``; None exactly where that is None."""
    repeats: bool = False
    """Whether a reader can separate consecutive outputs (`scan --repeat`)."""


def load_format(name: str) -> Format:
    """Load the format registered as ``name``; raises UsageError for an unknown name."""
    if name in _OWN:
        own: Format = import_module(_OWN[name], __package__).FORMAT
        return own
    found = {entry.name: entry for entry in _entry_points()}
    if name not in found:
        raise UsageError(f"no format {name!r}{suggest(name, sorted(found))}")
    return _load(found[name])


def format_for_suffix(path: PurePath | str) -> Format:
    """Find the format of a file's suffix; raises UsageError for an unknown suffix."""
    suffix = PurePath(path).suffix.lower()
    known = list[str]()
    for entry in _entry_points():
        try:
            candidate = _load(entry)
        except UsageError:
            continue  # a broken plugin is reported when a user names it
        if suffix in candidate.suffixes:
            return candidate
        known += candidate.suffixes
    raise UsageError(
        f"{str(path)!r}: no format has the suffix {suffix!r}; there are "
        f"{', '.join(sorted(known))}; or name the format before the file, as in json:{path}"
    )


def _entry_points() -> EntryPoints:
    from importlib.metadata import entry_points

    return entry_points(group="sockfleet.outputs")


def _load(entry: EntryPoint) -> Format:
    try:
        candidate = entry.load()
    except Exception as error:  # a third party's module may raise anything at import
        raise UsageError(f"format {entry.name!r}: cannot be loaded: {error}") from error
    if not isinstance(candidate, Format):
        raise UsageError(f"format {entry.name!r}: its entry point holds {candidate!r}, no Format")
    return candidate
