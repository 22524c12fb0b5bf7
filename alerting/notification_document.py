"""The JSON document of a message, as commands and webhooks get it.

Its schema is output/machine/notification.schema.json.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson

from ..aggregator.document_writer import time_text
from ..core.text import escape
from .notification import Alert, Holder, Message

__all__ = ["encode_message", "to_document"]


def encode_message(message: Message, *, most_bytes: int | None = None) -> bytes:
    """Return the document as JSON, the same at each try.

    Where it would be longer than ``most_bytes`` the least severe alerts are left out whole, and
    ``left_out`` counts them; one alert stays always.
    """
    document = to_document(message)
    if most_bytes is None:
        return orjson.dumps(document)
    alerts = document["alerts"]
    sizes = [len(orjson.dumps(alert)) + 1 for alert in alerts]
    room = most_bytes - len(orjson.dumps({**document, "alerts": [], "left_out": len(alerts)}))
    kept = 0
    while kept < len(alerts) and sizes[kept] <= room:
        room -= sizes[kept]
        kept += 1
    kept = max(kept, 1)
    return orjson.dumps({**document, "alerts": alerts[:kept], "left_out": len(alerts) - kept})


def to_document(message: Message) -> dict[str, Any]:
    """Return the document of a message, in the order in which it is written."""
    return {
        "schema": "sockfleet/notification/v1",
        "type": "sockfleet.alerts",
        "timestamp": time_text(max(alert.at for alert in message.alerts)),
        "id": escape(message.id),
        "source": escape(message.source),
        "events": dict(Counter(alert.event.value for alert in message.alerts)),
        "alerts": [_alert(alert) for alert in message.alerts],
        "left_out": 0,
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "id": escape(alert.id),
        "key": escape(alert.key),
        "rule": escape(alert.rule),
        "subject": {
            "kind": escape(alert.subject.kind),
            "name": escape(alert.subject.name),
            "host": _optional(alert.subject.host),
        },
        "event": alert.event.value,
        "severity": alert.severity.value,
        "summary": escape(alert.summary),
        "began_at": time_text(alert.began_at),
        "at": time_text(alert.at),
        "ended_at": None if alert.ended_at is None else time_text(alert.ended_at),
        "reason": _optional(alert.reason),
        "labels": {escape(name): escape(value) for name, value in alert.labels.items()},
        "values": {escape(key): value for key, value in alert.values.items()},
        "holders": [_holder(holder) for holder in alert.holders],
        "evidence": _optional(alert.evidence),
        "groups": [escape(group) for group in alert.groups],
        "runbook": _optional(alert.runbook),
        "next_command": _optional(alert.next_command),
    }


def _holder(holder: Holder) -> dict[str, Any]:
    return {
        "command": escape(holder.command),
        "pid": holder.pid,
        "user": _optional(holder.user),
        "tcp_close": holder.tcp_close,
        "container": _optional(holder.container),
        "open_files": holder.open_files,
        "open_files_limit": holder.open_files_limit,
    }


def _optional(text: str | None) -> str | None:
    return None if text is None else escape(text)
