"""The JSON of ``sockfleet report``: ``sockfleet/report/v1``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ...aggregator.document_writer import time_text
from ...core.version import VERSION
from ...history.report.model import (
    Course,
    FailedHost,
    FleetReport,
    Forecast,
    GroupLine,
    Holder,
    HostDetail,
    HostLine,
    Leak,
)
from ..report_sentences import verdict, verdict_details

__all__ = ["report_document"]


def report_document(report: FleetReport) -> dict[str, Any]:
    """The report as JSON writes it: numbers as they are, times in UTC."""
    return {
        "schema": "sockfleet/report/v1",
        "sockfleet": VERSION,
        "title": report.title,
        "store": report.store,
        "since": _time(report.since),
        "until": _time(report.until),
        "against": _time(report.against),
        "made": report.is_made,
        "verdict": "".join(verdict(report)),
        "details": verdict_details(report),
        "scans": report.scans,
        "missing_scans": report.missing_scans,
        "hosts": {
            "total": report.hosts,
            "ok": report.hosts_read,
            "failed": len(report.failed),
        },
        "tcp_close": _whole(report.tcp_close),
        "tcp_close_change": _whole(report.tcp_close_change),
        "kinds": {str(state): number for state, number in report.counts},
        "new_leaks": report.new_leaks,
        "known_since": _time(report.known_since),
        "leaks": [_leak(leak) for leak in report.leaks],
        "steps": [
            {"host": step.host, "at": _time(step.at), "by": _whole(step.by)}
            for step in report.steps
        ],
        "growing_namespaces": [
            {
                "host": one.host,
                "name": one.name,
                "tcp_close_max": _whole(one.tcp_close_max),
                "per_hour": _rate(one.rate),
                "since": _time(one.since),
            }
            for one in report.growing_namespaces
        ],
        "apart": [
            {
                "host": one.host,
                "group": one.group,
                "tcp_close": _whole(one.tcp_close),
                "median": one.median,
            }
            for one in report.apart
        ],
        "recovered": list(report.recovered),
        "rebooted": list(report.rebooted),
        "appeared": list(report.appeared),
        "disappeared": list(report.disappeared),
        "failures": [_failed(failed) for failed in report.failed],
        "group_by": report.group_by,
        "groups": [_group(group) for group in report.groups],
        "distribution": {
            "before": _time(report.distribution_before),
            "bins": [
                {"label": each.label, "hosts": each.hosts, "hosts_before": each.hosts_before}
                for each in report.distribution
            ],
        },
        "host_details": [_detail(detail) for detail in report.details],
        "host_lines": [_line(line) for line in report.lines],
    }


def _time(unix: float | None) -> str | None:
    return None if unix is None else time_text(datetime.fromtimestamp(unix, UTC))


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _rate(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _course(course: Course) -> dict[str, Any]:
    return {
        "start": _time(course.start),
        "step_s": course.step,
        "values": [None if value is None else round(value, 1) for value in course.values],
    }


def _leak(leak: Leak) -> dict[str, Any]:
    return {
        "host": leak.host,
        "groups": list(leak.groups),
        "since": _time(leak.since),
        "tcp_close": _whole(leak.now),
        "per_hour": _rate(leak.rate),
        "per_hour_low": _rate(leak.rate_low),
        "per_hour_high": _rate(leak.rate_high),
        "forecast": None if leak.forecast is None else _forecast(leak.forecast),
        "share": _rate(leak.share),
        "new": leak.is_new,
        "holders": None if leak.holders is None else [_holder(each) for each in leak.holders],
        "next": leak.next,
        "course": _course(leak.course),
    }


def _forecast(forecast: Forecast) -> dict[str, Any]:
    return {
        "limit": forecast.limit,
        "limit_at": _whole(forecast.limit_at),
        "hours": _rate(forecast.hours),
        "earliest_hours": _rate(forecast.earliest_hours),
        "latest_hours": _rate(forecast.latest_hours),
    }


def _holder(holder: Holder) -> dict[str, Any]:
    return {
        "command": holder.command,
        "user": holder.user,
        "container": holder.container,
        "tcp_close": holder.tcp_close,
        "open_files": holder.open_files,
        "open_files_limit": holder.open_files_limit,
    }


def _failed(failed: FailedHost) -> dict[str, Any]:
    return {
        "host": failed.host,
        "category": failed.category,
        "message": failed.message,
        "last_read": _time(failed.since),
        "read_share": _rate(failed.read_share),
    }


def _group(group: GroupLine) -> dict[str, Any]:
    return {
        "name": group.name,
        "hosts": group.hosts,
        "tcp_close": _whole(group.tcp_close),
        "change": _whole(group.change),
        "leaks": group.leaks,
        "course": _course(group.course),
    }


def _detail(detail: HostDetail) -> dict[str, Any]:
    return {
        "host": detail.host,
        "tcp_close": detail.tcp_close,
        "namespaces": [
            {"name": one.name, "inuse": one.inuse, "tcp_close_max": one.tcp_close_max}
            for one in detail.namespaces
        ],
        "more_namespaces": detail.more_namespaces,
        "holders": [_holder(each) for each in detail.holders],
        "more_holders": detail.more_holders,
    }


def _line(line: HostLine) -> dict[str, Any]:
    return {
        "host": line.name,
        "groups": list(line.groups),
        "kind": str(line.state),
        "tcp_close": _whole(line.tcp_close),
        "day_change": _whole(line.day_change),
        "change": _whole(line.change),
        "per_hour": _rate(line.rate),
        "since": _time(line.since),
        "restarts": line.restarts,
        "course": _course(line.course),
    }
