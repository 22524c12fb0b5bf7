"""Times as people type them mean what they say, and what is printed parses back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.core.errors import UsageError
from sockfleet.history.moments import (
    format_duration,
    format_moment,
    parse_duration,
    parse_moment,
    parse_size,
)

CET = timezone(timedelta(hours=1), "CET")
NOW = datetime(2026, 11, 18, 15, 30, 20, tzinfo=CET)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", "2026-11-18T15:30:20+01:00"),
        ("today", "2026-11-18T00:00:00+01:00"),
        ("Yesterday", "2026-11-17T00:00:00+01:00"),
        ("Wednesday", "2026-11-18T00:00:00+01:00"),
        ("monday", "2026-11-16T00:00:00+01:00"),
        ("thu", "2026-11-12T00:00:00+01:00"),
        ("2d", "2026-11-16T15:30:20+01:00"),
        ("1w3d", "2026-11-08T15:30:20+01:00"),
        ("90min", "2026-11-18T14:00:20+01:00"),
        ("90m", "2026-11-18T14:00:20+01:00"),
        ("3 days ago", "2026-11-15T15:30:20+01:00"),
        ("1 hour ago", "2026-11-18T14:30:20+01:00"),
        ("03:10", "2026-11-18T03:10:00+01:00"),
        ("14 Nov", "2026-11-14T00:00:00+01:00"),
        ("14 nov 03:10", "2026-11-14T03:10:00+01:00"),
        ("14 November 2025 03:10", "2025-11-14T03:10:00+01:00"),
        ("30 Dec", "2025-12-30T00:00:00+01:00"),
        ("2026-11-14", "2026-11-14T00:00:00+01:00"),
        ("2026-11-14T03:10", "2026-11-14T03:10:00+01:00"),
        ("2026-11-14 03:10:05.25", "2026-11-14T03:10:05.250000+01:00"),
        ("2026-11-14T03:10Z", "2026-11-14T03:10:00+00:00"),
        ("2026-11-14T03:10-0530", "2026-11-14T03:10:00-05:30"),
        ("@1794800000", "2026-11-16T04:33:20+01:00"),
    ],
)
def test_a_time_means_what_it_says(text, meant):
    assert parse_moment(text, NOW).isoformat() == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "10/11", "11/10/2026", "2026-13-01", "31 Feb", "25:00", "soon", "2 fortnights ago"),
        *("-2d", "1d 2h", "next Monday", "2026-11-14T03:10X", "999999999w", "@99999999999"),
        *("14 Foo", "24:00"),
    ],
)
def test_what_is_no_time_is_an_error_with_the_spelling_to_use(text):
    with pytest.raises(UsageError, match="the time"):
        parse_moment(text, NOW)


def test_a_date_with_slashes_is_refused_with_the_iso_spelling():
    with pytest.raises(UsageError, match="write it as 2026-11-18"):
        parse_moment("10/11", NOW)


ZONES = st.sampled_from(
    [
        UTC,
        CET,
        ZoneInfo("America/New_York"),
        ZoneInfo("Australia/Lord_Howe"),
        ZoneInfo("Asia/Tehran"),
    ]
)
MOMENTS = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 (hypothesis wants bounds without a zone)
    datetime(2100, 1, 1),  # noqa: DTZ001 (as above)
)


@given(MOMENTS, ZONES, ZONES)
def test_a_time_that_is_printed_parses_back(naive, zone, local):
    moment = naive.replace(tzinfo=UTC).astimezone(zone)
    now = datetime(2026, 11, 18, tzinfo=UTC).astimezone(local)
    assert parse_moment(format_moment(moment), now) == moment


@given(st.timedeltas(timedelta(0), timedelta(days=20000)))
def test_a_duration_that_is_printed_parses_back(span):
    assert parse_duration(format_duration(span)) == timedelta(seconds=int(span.total_seconds()))


@given(st.text(max_size=30))
def test_no_text_breaks_the_grammar(text):
    for parse in (lambda: parse_moment(text, NOW), lambda: parse_duration(text)):
        try:
            parse()
        except UsageError:
            continue


def test_two_days_ago_is_48_hours_ago_where_the_clock_changed():
    now = datetime(2026, 11, 2, 12, tzinfo=ZoneInfo("America/New_York"))
    assert now.astimezone(UTC) - parse_moment("2d", now).astimezone(UTC) == timedelta(hours=48)


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 << 30), ("500M", 500 << 20), ("1.5 GiB", 3 << 29), ("4096", 4096), ("1kb", 1024)],
)
def test_a_size_is_in_units_of_1024(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1G", "2 gigs", "1e9"])
def test_what_is_no_size_is_an_error(text):
    with pytest.raises(UsageError, match="the size"):
        parse_size(text)
