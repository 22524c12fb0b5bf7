"""Read sources of other packages: ``NAME:ARGUMENT``, where a package registers NAME.

The package's entry point in the group ``sockfleet.inventories`` is a callable that takes the
argument and returns a mapping of the form that ``ansible-inventory --list`` prints; see
`json_listing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import InventoryError
from .json_listing import read_listing
from .unresolved import UnresolvedInventory

if TYPE_CHECKING:  # the import is slow, and few sources are plugins
    from importlib.metadata import EntryPoints

__all__ = ["is_plugin_source", "read_plugin_source"]


def is_plugin_source(source: str) -> bool:
    """Whether the part of ``source`` before its first colon is a registered name."""
    name, colon, _ = source.partition(":")
    return bool(colon) and bool(_find_entry_points(name))


def read_plugin_source(unresolved: UnresolvedInventory, source: str) -> None:
    """Call the registered callable and add its listing.

    Raises InventoryError for any exception of it, and for an invalid listing.
    """
    name, _, argument = source.partition(":")
    (entry, *_) = _find_entry_points(name)
    try:
        provide: Callable[[str], object] = entry.load()
        listing = provide(argument)
    except InventoryError:
        raise
    except Exception as error:  # foreign code may raise any exception
        raise InventoryError(
            source, f"the inventory source {entry.value} failed: {type(error).__name__}: {error}"
        ) from error
    read_listing(unresolved, listing, source)


def _find_entry_points(name: str) -> EntryPoints:
    from importlib.metadata import entry_points

    return entry_points(group="sockfleet.inventories", name=name)
