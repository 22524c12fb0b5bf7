"""What a message says to people, and cuts that leave characters whole."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.alerting.message_text import cut, fit_text, headline, write_text
from sockfleet.alerting.notification import Event, Severity
from tests.support.alerting.notifications import (
    HOSTILE_TEXTS,
    make_alert,
    make_hostile_alert,
    make_message,
    make_storm,
)
from tests.support.hostile_text import assert_harmless_text


@pytest.mark.parametrize(
    ("event", "fields", "beginning"),
    [
        (Event.FIRING, {}, "WARNING closed-sockets-grow: checkout: +1,200 closed"),
        (Event.WORSE, {"severity": Severity.CRITICAL}, "CRITICAL closed-sockets-grow: checkout: "),
        (Event.RESOLVED, {}, "RESOLVED closed-sockets-grow: checkout: "),
        (Event.FLAPPING, {}, "FLAPPING closed-sockets-grow: checkout: "),
        (Event.CANNOT_JUDGE, {}, "CANNOT JUDGE closed-sockets-grow: checkout: "),
        (Event.MISSED, {}, "FIRED AND RESOLVED closed-sockets-grow: checkout: "),
        (Event.FIRING, {"summary": "it leaks"}, "WARNING closed-sockets-grow: checkout: it leaks"),
    ],
)
def test_a_headline_says_what_happened_to_which_subject(event, fields, beginning):
    assert headline(make_message(make_alert(event=event, **fields))).startswith(beginning)


def test_an_alert_that_still_fires_says_so():
    assert headline(make_message(make_alert(event=Event.REPEATED))).endswith(" (still firing)")


def test_a_storm_has_one_headline_with_the_first_hosts():
    assert headline(make_storm(1000)) == (
        "3 CRITICAL, 997 WARNING host-unread: 1,000 hosts (web1.example.org, web2.example.org, "
        "web3.example.org + 997 more)"
    )
    assert headline(make_storm(2)) == (
        "CRITICAL host-unread: 2 hosts (web1.example.org, web2.example.org)"
    )


def test_a_text_has_the_evidence_and_the_next_command():
    text = write_text(make_message())
    for expected in (
        "Measured: growth.tcp_close 1,200, tcp_close 9,000, hours_to.nofile unknown",
        "Held by: php (pid 123, www-data, docker 3f4a) 8,990 closed, 9,100 of 16,384 open files",
        "Next: sockfleet explain --host checkout --inventory inventory.yml",
        "Runbook: https://example.org/runbook#closed",
    ):
        assert expected in text


hostile = st.text() | st.sampled_from(sorted(HOSTILE_TEXTS.values()))


@given(hostile, st.sampled_from(list(Event)))
def test_any_text_is_harmless_in_lines(text, event):
    message = make_message(make_hostile_alert(text, event))
    assert_harmless_text(headline(message))
    assert "\n" not in headline(message)
    assert_harmless_text(write_text(message))


@given(hostile, st.integers(1, 60))
def test_a_cut_splits_no_character(text, limit):
    short = cut(text, limit)
    assert len(short) <= limit
    if len(text) <= limit:
        assert short == text
        return
    kept = short.removesuffix("…")
    assert text.startswith(kept)
    rest = text[len(kept) :].lstrip()
    assert not kept or not rest or unicodedata.category(rest[0])[0] != "M"


@given(st.integers(1, 30), st.integers(20, 3000), st.integers(1, 3))
def test_a_text_fits_and_counts_what_it_leaves_out(count, limit, width):
    message = make_storm(count)
    text = fit_text(message, limit, measure=lambda part: len(part) * width)
    assert len(text) * width <= limit
    *shown, last = text.splitlines()
    if text != write_text(message) and count > 1 and shown:
        more = int(last.split()[1].replace(",", "")) if last.startswith("+ ") else 0
        assert len(shown) + more + (not more) == count
