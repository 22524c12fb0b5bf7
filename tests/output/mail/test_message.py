"""A mail's parts; hostile names in its header, text and table."""

from __future__ import annotations

import email
import email.policy
import re

import pytest

from sockfleet.output.mail.message import make_message
from tests.support.history.hostile_report import with_texts
from tests.support.history.made_report import planted_report
from tests.support.hostile_text import HOSTILE, assert_harmless_text


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
    bad = with_texts(report, lambda _: hostile)
    message, text, table, _ = parts_of(bad)
    usual, _, usual_table, _ = parts_of(report)
    assert message.keys() == usual.keys()
    assert_harmless_text(message["Subject"])
    assert_harmless_text(text.replace("\r\n", "\n").replace("\u2007", " "))
    assert_harmless_text(table.replace("\r\n", "\n").replace("\u2007", " "))
    assert re.findall(r"<[^>]*>", table) == re.findall(r"<[^>]*>", usual_table)
