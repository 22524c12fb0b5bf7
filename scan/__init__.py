"""Scans as a library: what every command stands on. No terminal, no printing.

    from sockfleet.scan import ScanOptions, run_scan

    summary = run_scan(ScanOptions(inventory=["inventory.yml"])).summary

docs/python.md shows more. Names are loaded when they are used: the command line reads `ScanOptions`
for its help, which must not import an SSH library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .hooks import Message, MessageKind, ScanHooks
    from .one_host import HostNotReadError, read_one_host
    from .options import RepeatOptions, ScanOptions
    from .repeat import RepeatedScan
    from .saved_scans import read_scan
    from .scan import Scan, ScanResult, run_scan
    from .selection import Selection, select_hosts

__all__ = [
    "HostNotReadError",
    "Message",
    "MessageKind",
    "RepeatOptions",
    "RepeatedScan",
    "Scan",
    "ScanHooks",
    "ScanOptions",
    "ScanResult",
    "Selection",
    "read_one_host",
    "read_scan",
    "run_scan",
    "select_hosts",
]

_MODULES = {
    "HostNotReadError": "one_host",
    "Message": "hooks",
    "MessageKind": "hooks",
    "RepeatOptions": "options",
    "RepeatedScan": "repeat",
    "Scan": "scan",
    "ScanHooks": "hooks",
    "ScanOptions": "options",
    "ScanResult": "scan",
    "Selection": "selection",
    "read_one_host": "one_host",
    "read_scan": "saved_scans",
    "run_scan": "scan",
    "select_hosts": "selection",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
