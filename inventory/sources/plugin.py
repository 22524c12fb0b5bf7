"""Sources that third parties add: ``NAME:ARGUMENT``, where a package registered NAME.

A package's entry point in the group ``sockfleet.inventories`` is a callable that takes the argument
and returns what ``ansible-inventory --list`` would print, as a mapping: see `listing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import InventoryError
from .json_listing import read_listing
from .unresolved import UnresolvedInventory

if TYPE_CHECKING:  # the module is not light, and few sources are plugins
    from importlib.metadata import EntryPoints

__all__ = ["is_plugin_source", "read_plugin_source"]


def is_plugin_source(source: str) -> bool:
    """Whether the part of ``source`` before its first colon is a registered name."""
    name, colon, _ = source.partition(":")
    return bool(colon) and bool(_registered(name))


def read_plugin_source(draft: UnresolvedInventory, source: str) -> None:
    """Ask the registered callable and add its listing.

    Raises InventoryError for whatever it raises, and for what is no listing.
    """
    name, _, argument = source.partition(":")
    (entry, *_) = _registered(name)
    try:
        provide: Callable[[str], object] = entry.load()
        listing = provide(argument)
    except InventoryError:
        raise
    except Exception as error:  # foreign code: whatever it raises is told by its name
        raise InventoryError(
            source, f"the inventory source {entry.value} failed: {type(error).__name__}: {error}"
        ) from error
    read_listing(draft, listing, source)


def _registered(name: str) -> EntryPoints:
    from importlib.metadata import entry_points

    return entry_points(group="sockfleet.inventories", name=name)
