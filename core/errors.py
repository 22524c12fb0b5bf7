"""The base of all of sockfleet's errors.

SockfleetError            exit 1: the run itself failed
├── UsageError            exit 2: options, configuration, inventory; nothing was contacted
│   └── inventory.errors.InventoryError   a source of hosts, or a variable in it, cannot be used
├── collector.errors.HostError            one host failed: never ends a scan
└── …                     each package's own errors stand in its errors.py
"""

from __future__ import annotations

__all__ = ["SockfleetError", "UsageError"]


class SockfleetError(Exception):
    """Any error that sockfleet reports to its user; the text is complete as it stands."""

    exit_code = 1


class UsageError(SockfleetError):
    """The options, the configuration or the inventory cannot be used; nothing was contacted."""

    exit_code = 2
