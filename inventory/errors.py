"""The base of all of sockfleet's errors, and those of the inventory.

SockfleetError            exit 1: the run itself failed
├── UsageError            exit 2: options, configuration, inventory; nothing was contacted
│   └── InventoryError    a source of hosts, or a variable in it, cannot be used
├── collector.errors.HostError   one host failed: never ends a scan
└── …                     each package's own stand in its errors.py
"""

from __future__ import annotations

__all__ = ["InventoryError", "SockfleetError", "UsageError"]


class SockfleetError(Exception):
    """Whatever sockfleet itself reports to its user; the text is complete as it stands."""

    exit_code = 1


class UsageError(SockfleetError):
    """What was asked for cannot be done as asked; nothing was contacted."""

    exit_code = 2


class InventoryError(UsageError):
    """A source of hosts that cannot be read, or says what cannot be right.

    ``where`` is the file with its line, or the path of keys within it (``inventory.yml:12``,
    ``inventory.yml: all.children.web.hosts``); ``problem`` says what was found and what was
    expected.
    """

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}")
