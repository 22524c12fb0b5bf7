"""The types of sinks by name, and from ``sinks:`` of the rules file to the sinks.

Third parties register theirs in the entry-point group ``sockfleet.notifiers``: a name, and an
object of class `Notifier`. Ours are registered too, but are imported directly: a search of the
metadata of all installed packages takes 15 ms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from importlib import import_module
from pathlib import Path

from ...core.errors import UsageError
from ...core.record import record
from ...core.suggestion import suggest
from ...core.text import escape, quote
from ..notification import Message
from .settings import SettingFault, SinkSettings
from .sink import Answer, Heartbeat, Sink, Unreached

__all__ = ["Notifier", "SinkSet", "build_sinks"]

_OWN = {
    "alertmanager": ".alertmanager",
    "apprise": ".apprise",
    "command": ".command",
    "heartbeat": ".heartbeat",
    "pagerduty": ".pagerduty",
    "smtp": ".smtp",
    "webhook": ".webhook",
}
"""The module that holds the ``NOTIFIER`` of each type; pyproject.toml registers the same."""

# A name is a part of the identity of each delivery, whose parts a bar separates.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME_PROBLEM = "a sink's name is of letters, digits, dots, underscores and hyphens, at most 64"


@record
class Notifier:
    """A type of sinks."""

    build: Callable[[SinkSettings], Sink | Heartbeat]
    """Makes a sink of its settings, without contacting anything. It reads every key that it knows
    and reports faults by `SinkSettings.add_fault`; the sink is thrown away then."""


@record
class SinkSet:
    """The sinks of a rules file, without those that have a fault."""

    sinks: Mapping[str, Sink] = field(default_factory=dict)
    heartbeats: Mapping[str, Heartbeat] = field(default_factory=dict)
    faults: tuple[SettingFault, ...] = ()


def build_sinks(
    document: object,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    reads_secrets: bool = True,
) -> SinkSet:
    """Make the sinks of what stands below ``sinks:``; None: there are none.

    ``folder``: of the rules file; file names are relative to it. ``environment``: that of the
    process without it. Without ``reads_secrets`` a secret may be missing, and the sinks must not
    send. Raises nothing: every fault is in the result.
    """
    if document is None:
        return SinkSet()
    if not isinstance(document, dict):
        problem = f"expected a mapping of names to sinks, found {quote(document)}"
        return SinkSet(faults=(SettingFault(path=(), problem=problem),))
    sinks: dict[str, Sink] = {}
    heartbeats: dict[str, Heartbeat] = {}
    faults: list[SettingFault] = []
    for name, values in document.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            faults.append(SettingFault(path=(escape(str(name)),), problem=_NAME_PROBLEM))
            continue
        if not isinstance(values, dict):
            problem = f"expected a mapping such as {{type: command, ...}}, found {quote(values)}"
            faults.append(SettingFault(path=(name,), problem=problem))
            continue
        settings = SinkSettings(name, values, folder, environment, reads_secrets=reads_secrets)
        built = _build(settings)
        faults += settings.faults
        if built is None or settings.faults:
            continue
        if isinstance(built, Heartbeat):
            heartbeats[name] = built
        else:
            sinks[name] = built
    return SinkSet(sinks=sinks, heartbeats=heartbeats, faults=tuple(faults))


def _build(settings: SinkSettings) -> Sink | Heartbeat | None:
    try:
        kind = settings.text("type")
        if settings.faults:
            return None
        notifier = _load_notifier(kind)
    except UsageError as error:
        settings.add_fault(str(error), "type")
        return None
    try:
        built = notifier.build(settings)
    except Exception as error:
        if kind in _OWN:
            raise
        # The text of a third party's error may hold a secret.
        settings.add_fault(f"the type {kind} cannot be set up: it raised {type(error).__name__}")
        return None
    settings.note_unknown_keys()
    return built if kind in _OWN or isinstance(built, Heartbeat) else _ForeignSink(built)


def _load_notifier(kind: str) -> Notifier:
    """Load the type of sinks registered as ``kind``; raises UsageError."""
    if kind in _OWN:
        own: Notifier = import_module(_OWN[kind], __package__).NOTIFIER
        return own
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group="sockfleet.notifiers")}
    if kind not in found:
        raise UsageError(f"no type {quote(kind)}{suggest(kind, sorted({*_OWN, *found}))}")
    try:
        notifier = found[kind].load()
    except Exception as error:  # a third party's module may raise anything at import
        raise UsageError(f"the type {quote(kind)} cannot be loaded: {error}") from error
    if not isinstance(notifier, Notifier):
        raise UsageError(f"the type {quote(kind)}: its entry point holds {notifier!r}, no Notifier")
    return notifier


class _ForeignSink:
    """A third party's sink: an exception of it is an answer, as no sink may stop another."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.name = sink.name
        self.repeats_all = sink.repeats_all
        self.most_alerts = sink.most_alerts

    def send(self, message: Message) -> Answer:
        try:
            return self._sink.send(message)
        except Exception as error:  # anything, and its text may hold a secret
            return Unreached(reason=f"the sink raised {type(error).__name__}")
