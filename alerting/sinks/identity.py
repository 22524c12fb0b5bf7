"""The identity of a delivery, an incident and a thread at a receiver: the same at each try.

Each is a hash: names of hosts in them may hold any character and have any length, and receivers
limit both. None needs a memory: all events of an alert have its key, its rule and when it fired.
"""

from __future__ import annotations

import hashlib

from ..notification import Alert, Message

__all__ = ["hash_text", "make_delivery_id", "make_incident_id"]


def make_delivery_id(message: Message) -> str:
    """The identity of a message: a second delivery of it has the same."""
    return f"msg_{hash_text(message.id)}"


def make_incident_id(alert: Alert, sink: str) -> str:
    """The identity of what fires at once: all alerts of a rule that fired in the same scan."""
    fired_at = alert.fired_at or alert.began_at
    return hash_text(f"{sink}|{alert.rule}|{fired_at.timestamp():.6f}")


def hash_text(text: str) -> str:
    """32 hexadecimal digits of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
