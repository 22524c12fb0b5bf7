"""Windows that recur, by the clocks of their zone, and the subjects that a silence covers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sockfleet.alerting.judge.past import NoPast
from sockfleet.alerting.judge.scan_view import ScanView
from sockfleet.alerting.notification import Subject
from sockfleet.alerting.states.silences import Silences, parse_window
from sockfleet.core.errors import UsageError
from sockfleet.history.store.alerts.silences import SilenceRow
from tests.support.history.made_scans import host_summary, scan_of

FROM = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = datetime(2027, 1, 1, tzinfo=UTC)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "moment", "holds"),
    [
        ("Sat 02:00-04:00", "2026-11-28 01:30", True),  # 02:30 in Berlin
        ("Sat 02:00-04:00", "2026-11-28 03:30", False),
        ("Sat 02:00-04:00", "2026-11-29 01:30", False),
        ("Sat 02:00-04:00", "2026-07-04 00:30", True),  # summer time
        ("mon-fri 22:00-06:00", "2026-11-28 02:00", True),  # the night that Friday begins
        ("mon-fri 22:00-06:00", "2026-11-28 22:00", False),
        ("fri-mon 10:00-11:00", "2026-11-29 09:30", True),
        ("10:00-11:00", "2026-11-25 09:30", True),
        ("daily 10:00-24:00", "2026-11-25 22:30", True),
    ],
)
def test_a_window_holds_by_the_clocks_of_its_zone(window, moment, holds):
    assert parse_window(window, "Europe/Berlin").holds(at(moment)) is holds


@pytest.mark.parametrize("window", ["", "Sat", "Sat 25:00-26:00", "Xyz 10:00-11:00", "10-11"])
def test_what_is_no_window_says_so(window):
    with pytest.raises(UsageError):
        parse_window(window, "UTC")


def test_what_is_no_zone_says_so():
    with pytest.raises(UsageError, match="no time zone 'Berlin'"):
        parse_window("10:00-11:00", "Berlin")


def find(
    subject, *, hosts="all", rule=None, moment="2026-11-28 01:30", every=None, groups=("web",)
):
    row = SilenceRow(
        id=4,
        hosts=hosts,
        rule=rule,
        from_ms=round(FROM.timestamp() * 1000),
        until_ms=round(UNTIL.timestamp() * 1000),
        every=every,
        zone="Europe/Berlin",
        reason="upgrade",
        made_by="ops",
    )
    scan = scan_of([host_summary("web1"), host_summary("db1", groups=("db",))])
    silences = Silences([row], ScanView(scan, NoPast()), at(moment))
    return silences.find("grow", subject, groups)


WEB = Subject(kind="host", name="web1", host="web1")


def test_a_silence_gives_its_reason_its_number_and_its_end():
    assert find(WEB) == "upgrade (silence 4, until 2027-01-01 00:00Z)"


def test_a_silence_covers_the_hosts_of_its_pattern_and_what_is_on_them():
    assert find(WEB, hosts="web:!web2")
    assert not find(WEB, hosts="db")
    assert find(Subject(kind="holder", name="web1/php", host="web1"), hosts="web1")
    assert find(Subject(kind="group", name="web"), hosts="web")
    assert not find(Subject(kind="fleet", name="all"), hosts="web")
    assert find(Subject(kind="fleet", name="all"))


def test_a_silence_is_of_its_rule_its_time_and_its_window():
    assert not find(WEB, rule="other")
    assert not find(WEB, moment="2027-01-01 00:00")
    assert not find(WEB, moment="2025-12-31 23:59")
    assert find(WEB, every="Sat 02:00-04:00")
    assert not find(WEB, every="Sun 02:00-04:00")
