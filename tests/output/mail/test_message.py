"""A mail's parts; hostile names in its header, text and table."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace

import pytest

from sockfleet.output.mail.message import make_message
from tests.support.history.made_report import planted_report
from tests.support.hostile_text import HOSTILE


@pytest.fixture(scope="module")
def report():
    return planted_report(60, 24)


def parts_of(report):
    sent = bytes(make_message(report, b"<!doctype html>", sender="a@b", recipients=("c@d", "e@f")))
    message = email.message_from_bytes(sent, policy=email.policy.default)
    text, table, page = (part for part in message.walk() if not part.is_multipart())
    return message, text.get_content(), table.get_content(), page


def test_text_comes_first_then_one_table_of_at_most_20_rows(report):
    message, text, table, page = parts_of(report)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/html",
    ]
    assert message["To"] == "c@d, e@f"
    assert message["Auto-Submitted"] == "auto-generated"
    assert text.startswith(f"{len(report.leaks)} hosts leak sockets.")
    assert table.count("<tr>") == 20 + 2
    assert " more in the attached page." in table
    for forbidden in ("<svg", "<script", "<style", "http"):
        assert forbidden not in table
    assert page["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_in_its_place(report, name):
    # As the collector and the inventory give it: decoded, in a name of any characters.
    hostile = HOSTILE[name].decode("utf-8", "replace")[:300]
    leak = replace(report.leaks[0], host=hostile)
    bad = replace(report, title=hostile, leaks=(leak, *report.leaks[1:]))
    message, _, table, _ = parts_of(bad)
    assert len(message.keys()) == len(parts_of(report)[0].keys())
    assert "\n" not in message["Subject"]
    assert "<script>" not in table
    assert table.count("<tr>") == 20 + 2
