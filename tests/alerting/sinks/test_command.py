"""Programs that get notifications on their standard input."""

from __future__ import annotations

import json
import os
import select
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sockfleet.alerting.notification import Event
from sockfleet.alerting.notification_document import encode_message
from sockfleet.alerting.sinks.sink import Delivered, Refused, Unreached
from sockfleet.output.machine.schema import load_schema
from tests.support.alerting.notifications import (
    HOSTILE_TEXTS,
    make_alert,
    make_hostile_alert,
    make_message,
    make_sink,
    make_storm,
)
from tests.support.hostile_text import assert_harmless

SCHEMA = Draft202012Validator(load_schema("notification"))


@pytest.fixture
def command(tmp_path):
    """A sink that runs a shell script; further settings as keywords."""

    def make(script, **more):
        path = tmp_path / "page"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return make_sink(tmp_path, type="command", command=["./page"], **more)

    return make


def test_the_program_gets_the_notification_on_its_standard_input(command, tmp_path):
    sink = command("cat >got")
    assert sink.send(make_message()) == Delivered()
    document = json.loads((tmp_path / "got").read_bytes())
    SCHEMA.validate(document)
    (alert,) = document["alerts"]
    assert alert["event"] == "firing"
    assert alert["holders"][0]["command"] == "php"
    assert alert["values"] == {
        "growth.tcp_close": 1200.0,
        "tcp_close": 9000,
        "hours_to.nofile": None,
    }


def test_the_words_of_a_command_are_not_split_and_no_shell_reads_them(tmp_path):
    words = ["/bin/sh", "-c", 'printf "%s\\n" "$@" >got', "sh", "a b", "$(id)", ";"]
    sink = make_sink(tmp_path, type="command", command=words)
    assert sink.send(make_message()) == Delivered()
    assert (tmp_path / "got").read_text() == "a b\n$(id)\n;\n"


def test_a_storm_arrives_whole(command, tmp_path):
    sink = command("cat >got")
    assert sink.send(make_storm(1000)) == Delivered()
    document = json.loads((tmp_path / "got").read_bytes())
    assert len(document["alerts"]) == 1000
    assert document["events"] == {"firing": 1000}


def test_a_program_need_not_read_its_input(command):
    assert command("exec 0<&-; exit 0").send(make_storm(1000)) == Delivered()


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("exit 65", Refused(reason="PROGRAM refused it (exit status 65)")),
        ("echo no; exit 65", Refused(reason="PROGRAM refused it (exit status 65): no")),
        ("exit 75", Unreached(reason="PROGRAM ended with exit status 75")),
        (
            "echo first >&2; printf 'the\\033[31m pager is down' >&2; exit 1",
            Unreached(reason="PROGRAM ended with exit status 1: the [31m pager is down"),
        ),
        ("kill -TERM $$", Unreached(reason="PROGRAM was ended by signal 15")),
        ("while :; do echo aaaaaaaaaaaaaaaaaaa; done", None),
    ],
)
def test_the_exit_status_is_the_answer(command, tmp_path, script, answer):
    got = command(script).send(make_message())
    if answer is None:
        assert "wrote more than 64 KiB and was stopped" in got.reason
    else:
        assert got == type(answer)(reason=answer.reason.replace("PROGRAM", f"{tmp_path}/page"))


def wait_for_end(pid: int) -> None:
    """Return once a process has ended."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([process], [], [])
    finally:
        os.close(process)


def test_a_program_that_hangs_is_killed_with_its_children(command, tmp_path):
    sink = command("sleep 1000 & echo $! >child; echo $$ >leader; sleep 1000", timeout=3)
    answer = sink.send(make_message())
    assert answer == Unreached(reason=f"{tmp_path}/page was not done in 3 s and was stopped")
    for name in ("leader", "child"):
        wait_for_end(int((tmp_path / name).read_text()))


def test_a_child_that_stays_with_the_output_open_delays_nothing(command, tmp_path):
    sink = command("sleep 1000 & echo $! >child; echo done", timeout=300)
    assert sink.send(make_message()) == Delivered()
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_a_program_that_vanished_is_one_sentence(command, tmp_path):
    sink = command("exit 0")
    (tmp_path / "page").unlink()
    assert sink.send(make_message()) == Unreached(
        reason=f"{tmp_path}/page cannot be run: No such file or directory"
    )


def test_the_environment_has_no_secret_and_no_text_of_a_host(command, tmp_path, monkeypatch):
    monkeypatch.setenv("SOCKFLEET_SMTP_PASSWORD", "hunter2")
    monkeypatch.setenv("PAGER_URL", "https://pager")
    sink = command("tr '\\000' '\\n' </proc/self/environ >got", environment=["PAGER_URL"])
    for text in HOSTILE_TEXTS.values():
        assert sink.send(make_message(make_hostile_alert(text))) == Delivered()
        names = dict(
            line.partition("=")[::2]
            for line in assert_harmless((tmp_path / "got").read_bytes()).splitlines()
        )
        assert names["PAGER_URL"] == "https://pager"
        assert names["SOCKFLEET_EVENT"] == "firing"
        assert names["SOCKFLEET_SINK"] == "sink"
        assert names["SOCKFLEET_DELIVERY_ID"].removeprefix("msg_").isalnum()
        assert "SOCKFLEET_SMTP_PASSWORD" not in names


def test_a_second_try_has_the_same_identity_and_the_same_bytes():
    first, second = make_message(), make_message()
    assert encode_message(first) == encode_message(second)


@settings(deadline=None)
@given(st.text() | st.sampled_from(sorted(HOSTILE_TEXTS.values())), st.sampled_from(list(Event)))
def test_any_text_gives_a_document_of_the_schema(text, event):
    data = encode_message(make_message(make_hostile_alert(text, event)))
    document = json.loads(assert_harmless(data))
    SCHEMA.validate(document)
    assert document["alerts"][0]["event"] == event


@given(st.integers(1, 40), st.integers(0, 40_000))
def test_a_document_that_is_cut_keeps_the_most_severe_alerts_whole(count, limit):
    message = make_storm(count)
    data = encode_message(message, most_bytes=limit)
    document = json.loads(data)
    SCHEMA.validate(document)
    kept = len(document["alerts"])
    assert kept + document["left_out"] == count
    assert kept == 1 or len(data) <= limit
    whole = json.loads(encode_message(message))
    assert document["alerts"] == whole["alerts"][:kept]
    if len(encode_message(message)) <= limit:
        assert kept == count


def test_every_field_of_an_alert_is_in_the_document():
    from dataclasses import fields

    from sockfleet.alerting.notification import Alert, Holder, Message, Subject

    definitions = load_schema("notification")["$defs"]
    only_for_receivers = {"expires_at", "fired_at", "others_firing"}
    names = {field.name for field in fields(Alert)}
    assert names - only_for_receivers == definitions["alert"]["properties"].keys()
    for kind, name in ((Holder, "holder"), (Subject, "subject")):
        assert {field.name for field in fields(kind)} == definitions[name]["properties"].keys()
    assert {field.name for field in fields(Message)} <= load_schema("notification")[
        "properties"
    ].keys()
    assert definitions["event"]["enum"] == list(Event)
    assert make_alert().severity in definitions["alert"]["properties"]["severity"]["enum"]
