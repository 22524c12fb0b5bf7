"""What users note about alerts: acknowledgements and silences."""

from __future__ import annotations

import getpass
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ...alerting.judge.judge import subject_key
from ...alerting.overview import Overview
from ...alerting.overview import read_overview as read_store
from ...alerting.states.alert_state import AlertState, moment
from ...alerting.states.silences import parse_window
from ...core.errors import UsageError
from ...core.text import escape, quote
from ...history.host_selection import check_pattern, describe_unmatched
from ...history.moments import parse_duration
from ...history.store.alerts import silences as saved
from ...history.store.alerts.silences import FiringRow, SilenceRow
from ...history.store.alerts.states import ensure_alert_tables
from ...history.store.opening import use_store
from ...history.store.subjects import read_hosts
from ..console import streams

__all__ = ["acknowledge_alerts", "end_silence", "make_silence", "read_overview"]

_LONGEST = timedelta(days=3660)


def read_overview(store: str | None) -> Overview:
    """The alerts of the store."""
    with use_store(store) as opened:
        return read_store(opened, datetime.now(UTC))


def acknowledge_alerts(store: str | None, words: Sequence[str], reason: str | None) -> int:
    """Acknowledge a firing alert by its key, or those of a rule and a subject; returns how many.

    Raises UsageError where none fires.
    """
    import msgspec

    if len(words) > 2:
        raise UsageError("give the KEY of an alert, or its RULE and SUBJECT")
    with use_store(store) as opened:
        ensure_alert_tables(opened)
        with opened.write() as connection:
            rows = [row for row in saved.list_alerts(connection) if row.phase != "pending"]
            states = {row.alert_key: msgspec.json.decode(row.data, type=AlertState) for row in rows}
            chosen = [row for row in rows if _is_meant(words, row, states[row.alert_key])]
            for row in chosen:
                saved.acknowledge(connection, row, reason, _user(), _now_ms())
    if not chosen:
        raise UsageError(
            f"no alert fires that is {quote(' '.join(words))}: sockfleet alert list shows them"
        )
    return len(chosen)


def _is_meant(words: Sequence[str], row: FiringRow, state: AlertState) -> bool:
    if len(words) == 1:
        return row.alert_key == words[0] or state.rule_name == words[0]
    rule, subject = words
    return state.rule_name == rule and subject in (state.subject.name, subject_key(state.subject))


def make_silence(pattern: str | None, given: Mapping[str, Any]) -> str:
    """Save a silence; returns the sentence that says so. Raises UsageError."""
    for name, option in (("span", "--for SPAN"), ("reason", "--reason TEXT")):
        if not given[name]:
            raise UsageError(f"a silence needs {option}: it has an end, and others read why")
    if not pattern:
        raise UsageError("PATTERN is missing: which hosts are silent, as --limit takes it, or all")
    check_pattern(pattern)
    span = parse_duration(given["span"])
    if not timedelta() < span <= _LONGEST:
        raise UsageError(f"--for {given['span']}: expected more than 0 and at most ten years")
    zone = None
    if given["every"] is not None:
        zone = given["zone"] or _local_zone()
        parse_window(given["every"], zone)
    elif given["zone"] is not None:
        raise UsageError("--zone is for --every")
    now_ms = _now_ms()
    row = SilenceRow(
        hosts=pattern,
        rule=given["rule"],
        from_ms=now_ms,
        until_ms=now_ms + round(span.total_seconds() * 1000),
        every=given["every"],
        zone=zone,
        reason=given["reason"],
        made_by=_user(),
    )
    with use_store(given["store"]) as store:
        ensure_alert_tables(store)
        unmatched = describe_unmatched(read_hosts(store), pattern)
        with store.write() as connection:
            number = saved.add_silence(connection, row)
    if unmatched is not None:
        streams.warn(f"warning: {unmatched}")
    until = moment(row.until_ms).astimezone()
    every = "" if row.every is None else f", {row.every} {zone}"
    return f"Silence {number}: {escape(pattern)} until {until:%Y-%m-%d %H:%M}{every}."


def end_silence(store: str | None, number: int) -> None:
    """End a silence. Raises UsageError where there is none of that number."""
    with use_store(store) as opened:
        ensure_alert_tables(opened)
        with opened.write() as connection:
            if not saved.end_silence(connection, number, _now_ms()):
                raise UsageError(f"no silence {number}: sockfleet alert list shows them")


def _local_zone() -> str:
    """The time zone of this machine, as /etc/localtime links to it; UTC where it has none."""
    try:
        target = str(Path("/etc/localtime").resolve())
    except OSError:
        return "UTC"
    _, found, name = target.partition("/zoneinfo/")
    return name if found else "UTC"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _now_ms() -> int:
    return round(time.time() * 1000)
