"""``sockfleet alert list -f json``: alerts, silences and what waits, as plain values.

Its schema is output/machine/alert-list.schema.json.
"""

from __future__ import annotations

from typing import Any

from ...aggregator.document_writer import time_text
from ...alerting.overview import Listed, Overview
from ...alerting.states.alert_state import moment

__all__ = ["alert_list_document"]


def alert_list_document(overview: Overview) -> dict[str, Any]:
    """The document of a list."""
    return {
        "schema": "sockfleet/alert-list/v1",
        "store": overview.location,
        "alerts": [_alert(one) for one in overview.alerts],
        "waiting": [
            {
                "rules": rules,
                "sink": sink,
                "alerts": count,
                "problem": overview.find_problem(rules, sink),
            }
            for (rules, sink), count in overview.waiting.items()
        ],
        "silences": [
            {
                "id": one.id,
                "hosts": one.hosts,
                "rule": one.rule,
                "until": time_text(moment(one.until_ms)),
                "every": one.every,
                "zone": one.zone,
                "reason": one.reason,
                "made_by": one.made_by,
                "unmatched": overview.unmatched.get(one.id),
            }
            for one in overview.silences
        ],
    }


def _alert(one: Listed) -> dict[str, Any]:
    state, course = one.state, one.state.course
    began, unknown = course.began_ms, course.unknown_ms
    evidence = state.evidence
    return {
        "key": one.key,
        "rules": one.rules,
        "rule": state.rule_name,
        "subject": {
            "kind": state.subject.kind,
            "name": state.subject.name,
            "host": state.subject.host,
        },
        "state": str(course.phase),
        "severity": None if course.severity is None else str(course.severity),
        "since": None if began is None else time_text(moment(began)),
        "unknown_since": None if unknown is None else time_text(moment(unknown)),
        "reason": state.reason,
        "flapping": course.is_flapping,
        "acknowledged": one.acknowledged,
        "summary": state.summary,
        "values": dict(state.values),
        "evidence": None if evidence is None else evidence.text,
    }
