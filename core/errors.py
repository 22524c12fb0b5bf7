"""The base of every sockfleet error.

SockfleetError            exit 1: the run itself failed
├── UsageError            exit 2: options, configuration, inventory; no host was contacted
│   └── inventory.errors.InventoryError   a source of hosts, or a variable in it, is unusable
├── collector.errors.HostError            one host failed; it never ends a scan
└── …                     the other errors of each package
"""

from __future__ import annotations

from .exit_codes import Exit

__all__ = ["SockfleetError", "UsageError"]


class SockfleetError(Exception):
    """An error that the command reports to its user; its text is a complete message."""

    exit_code: int = Exit.FAILED


class UsageError(SockfleetError):
    """The options, the configuration or the inventory are unusable; no host was contacted."""

    exit_code = Exit.USAGE
