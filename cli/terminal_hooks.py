"""The hooks of a scan at a terminal: messages on stderr, prompts, signals that stop it."""

from __future__ import annotations

from collections.abc import Callable

from ..aggregator.host import HostSummary
from ..collector.runtime.signals import StopSignals
from ..scan.hooks import Message, MessageKind, ScanHooks, ignore
from . import streams
from .prompts import prompt

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
) -> ScanHooks:
    """The hooks of a command; ``signals`` records the signals that stopped the scan."""

    def on_message(message: Message) -> None:
        if not (quiet and message.kind in _MUTED_BY_QUIET):
            streams.warn(f"{_PREFIX[message.kind]}{message.text}")

    return ScanHooks(on_host=on_host, on_message=on_message, prompt=prompt, stoppable=signals)
