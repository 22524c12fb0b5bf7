"""The hooks of a scan at a terminal: messages on stderr, prompts, signals that stop it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from ...aggregator.fleet import FleetSummary, ScanInfo
from ...aggregator.host import HostSummary
from ...collector.runtime.signals import StopSignals
from ...core.stop_signals import received
from ...scan.hooks import Message, MessageKind, ScanHooks, UnknownKeys, ignore
from ..console import streams
from ..console.prompts import prompt

__all__ = ["terminal_hooks"]

_PREFIX = {
    MessageKind.REMARK: "",
    MessageKind.NOTE: "warning: ",
    MessageKind.WARNING: "warning: ",
    MessageKind.ERROR: "error: ",
}
_MUTED_BY_QUIET = frozenset({MessageKind.REMARK, MessageKind.NOTE})


def terminal_hooks(
    signals: StopSignals,
    *,
    quiet: bool,
    on_host: Callable[[HostSummary], None] = ignore,
    around_message: Callable[[], AbstractContextManager[object]] = nullcontext,
    store: str | None = None,
) -> ScanHooks:
    """The hooks of a command; ``signals`` records the signals that stopped the scan.

    ``around_message`` clears the terminal of what is being drawn there while a message or a
    question is. ``store`` is where --against finds scans that are no files; None: the user's own
    store.
    """

    def find_scan(name: str, now: ScanInfo) -> FleetSummary | None:
        if is_file_name(name):
            return None
        from .earlier_scans import find_earlier

        return find_earlier(name, now, store)

    def on_message(message: Message) -> None:
        if not (quiet and message.kind in _MUTED_BY_QUIET):
            with around_message():
                streams.warn(f"{_PREFIX[message.kind]}{message.text}")

    def confirm_keys(unknown: UnknownKeys) -> Collection[str]:
        from ..console.host_key_question import ask_about_keys

        with around_message():
            return ask_about_keys(
                unknown,
                quiet=quiet,
                on_interrupt=lambda: signals.received.extend(received),
            )

    return ScanHooks(
        on_host=on_host,
        on_message=on_message,
        prompt=prompt,
        confirm_keys=confirm_keys,
        stoppable=signals,
        find_scan=find_scan,
    )


def is_file_name(name: str) -> bool:
    """Whether ``--against`` names a file: one that is there, or a name like those of files."""
    if name == "-" or "/" in name or name.lower().endswith(".json"):
        return True
    try:
        return Path(name).exists() or Path(name).is_symlink()  # a link may lead nowhere
    except OSError:  # no file has so long a name
        return False
