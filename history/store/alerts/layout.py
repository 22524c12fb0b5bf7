"""The tables of alerts, in the same database: states, what is to be sent, leases, silences.

A rules file is named by its path, and a selection of hosts (``stream``) by the key of its fleet,
with its shards behind a colon. Times are Unix milliseconds.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

from ..layout import Id, metadata

__all__ = [
    "TABLES",
    "acknowledgements",
    "evidence",
    "messages",
    "progress",
    "silences",
    "sinks",
    "states",
]

progress = Table(
    "_alert_progress",
    metadata,
    Column("rules", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("scan_uid", Text, nullable=False),
    Column("scan_ms", BigInteger, nullable=False),
    Column("evaluated_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The last scan of each stream that a rules file has judged, and when."""

states = Table(
    "_alert_state",
    metadata,
    Column("rules", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("phase", Text, nullable=False),
    Column("severity", Text),
    Column("alert_key", Text),
    Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The alerts that are, or once were, not normal. ``data`` is JSON."""

messages = Table(
    "_alert_message",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("rules", Text, nullable=False),
    Column("sink", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("alert_key", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("is_repeat", Boolean, nullable=False),
    Column("is_sending", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("done_ms", BigInteger),
    Index("_alert_message_waiting", "rules", "sink", "state"),
)
"""The outbox: an alert for a sink, in the order in which they are sent. ``state`` is ``waiting``,
``sent`` or ``refused``; those of one ``message`` are sent together. ``is_sending`` is set before a
try, so one that a kill cuts off may have arrived."""

sinks = Table(
    "_alert_sink",
    metadata,
    Column("rules", Text, primary_key=True),
    Column("sink", Text, primary_key=True),
    Column("owner", Text),
    Column("lease_ms", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("retry_ms", BigInteger),
    Column("problem", Text),
    sqlite_with_rowid=False,
)
"""Which process sends to a sink now, and when one that did not answer is tried again."""

silences = Table(
    "_alert_silence",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("hosts", Text, nullable=False),
    Column("rule", Text),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("every", Text),
    Column("zone", Text),
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
)
"""Silences of direct sinks; ``every`` is the window of one that recurs."""

acknowledgements = Table(
    "_alert_acknowledgement",
    metadata,
    Column("alert_key", Text, primary_key=True),
    Column("severity", Text, nullable=False),
    Column("reason", Text),
    Column("made_by", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

evidence = Table(
    "_alert_evidence",
    metadata,
    Column("host", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Who held the sockets of a host when an alert last began on it: its processes, as JSON."""

TABLES = (progress, states, messages, sinks, silences, acknowledgements, evidence)
