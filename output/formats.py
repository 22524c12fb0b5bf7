"""The seam between a summary and the formats it can be shown in.

Third parties register theirs in the entry-point group ``sockfleet.outputs``: a name, and an
object of class `Format`. Ours register the same way, and are found by name without it: to go
through the metadata of every installed package takes 15 ms, and more where there are many.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING

from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary
from ..core.errors import UsageError
from ..core.record import record

if TYPE_CHECKING:  # the module is not light either
    from importlib.metadata import EntryPoint, EntryPoints

__all__ = ["Format", "RenderOptions", "format_for_suffix", "load_format"]

_OWN = {
    "table": ".text.table",
    "json": ".machine.json",
    "ndjson": ".machine.ndjson",
    "csv": ".machine.csv",
    "prometheus": ".machine.prometheus",
    "influx": ".machine.influx",
}
"""The module whose ``FORMAT`` each one is; pyproject.toml registers the same."""


@record
class RenderOptions:
    """How a summary is to look; formats for machines pass over what does not concern them."""

    width: int | None = None
    """Columns of the terminal; None: no terminal, lines may be as long as they must."""
    color: bool = False
    ascii: bool = False
    """Only ASCII characters: the reader's encoding is not known to have others."""
    top: int | None = None
    """How many hosts a table shows at most; None: all. Totals are of all hosts in any case, and
    what machines read always has every host."""


@record
class Format:
    """One way to show a summary."""

    name: str
    """As ``--format`` takes it."""
    suffixes: tuple[str, ...]
    """Of files that are written so, with their dot and in lower case."""
    render: Callable[[FleetSummary, RenderOptions], bytes]
    """The whole output, its last newline included."""
    mode: int = 0o600
    """Of new files: names of hosts, users and processes are not for everybody on the machine. A
    format that another user's collector reads says otherwise."""
    host_line: Callable[[HostSummary], bytes] | None = None
    """One host as it finishes, unranked; None: the format needs the whole scan."""
    end_line: Callable[[FleetSummary], bytes] | None = None
    """What follows the last of the ``host_line``; None exactly where that is."""
    repeats: bool = False
    """Whether a reader can tell several outputs one after the other apart (`scan --repeat`)."""


def load_format(name: str) -> Format:
    """The format registered as ``name``; raises UsageError when there is none such."""
    if name in _OWN:
        own: Format = import_module(_OWN[name], __package__).FORMAT
        return own
    found = {entry.name: entry for entry in _registered()}
    if name not in found:
        raise UsageError(f"no format {name!r}: there are {', '.join(sorted(found))}")
    return _loaded(found[name])


def format_for_suffix(path: PurePath | str) -> Format:
    """The format that a file's suffix stands for; raises UsageError when it stands for none."""
    suffix = PurePath(path).suffix.lower()
    known = list[str]()
    for entry in _registered():
        try:
            candidate = _loaded(entry)
        except UsageError:
            continue  # a plugin that is broken is told where it is asked for by name
        if suffix in candidate.suffixes:
            return candidate
        known += candidate.suffixes
    raise UsageError(
        f"{str(path)!r}: no format has the suffix {suffix!r}: there are "
        f"{', '.join(sorted(known))}; or name the format before the file, as in json:{path}"
    )


def _registered() -> EntryPoints:
    from importlib.metadata import entry_points

    return entry_points(group="sockfleet.outputs")


def _loaded(entry: EntryPoint) -> Format:
    try:
        candidate = entry.load()
    except Exception as error:  # whatever another's module raises when it is imported
        raise UsageError(f"format {entry.name!r}: cannot be loaded: {error}") from error
    if not isinstance(candidate, Format):
        raise UsageError(f"format {entry.name!r}: its entry point holds {candidate!r}, no Format")
    return candidate
