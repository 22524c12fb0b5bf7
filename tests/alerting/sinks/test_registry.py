"""From ``sinks:`` of a rules file to sinks: all faults at once, each a sentence."""

from __future__ import annotations

import os
import pickle
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.alerting.sinks import registry
from sockfleet.alerting.sinks.registry import Notifier, build_sinks
from sockfleet.alerting.sinks.secrets import Secret, SecretError, read_secret_file
from sockfleet.alerting.sinks.settings import SinkSettings
from sockfleet.alerting.sinks.sink import Delivered, Unreached
from tests.support.alerting.notifications import make_message

COMMAND = {"type": "command", "command": ["/bin/cat"]}


def describe_faults(document, folder, environment=None):
    return [str(fault) for fault in build_sinks(document, folder, environment).faults]


def settings_of(values, folder, environment=None):
    return SinkSettings("page", values, folder, environment)


def test_no_sinks_are_no_fault(tmp_path):
    assert build_sinks(None, tmp_path).sinks == {}
    assert build_sinks({}, tmp_path).faults == ()


def test_a_sink_has_the_name_that_the_file_gives_it(tmp_path):
    found = build_sinks({"page": COMMAND}, tmp_path).sinks
    assert found["page"].name == "page"


def test_all_faults_of_all_sinks_are_found_at_once(tmp_path):
    document = {
        "a": {"type": "comand", "command": ["/bin/cat"]},
        "b": {"type": "command", "command": "/bin/cat --now", "timeuot": 3},
        "c": {"type": "command", "command": ["/no/such/program"], "timeout": "1d"},
        "d": ["command"],
        "e f": COMMAND,
        "g": {"command": ["/bin/cat"]},
        "h": {"type": 7},
        "i": {**COMMAND, "timeout": True},
    }
    assert describe_faults(document, tmp_path) == [
        "sinks.a.type: no type 'comand'; did you mean command?",
        (
            "sinks.b.command: expected a list of words, such as [/usr/local/bin/page, --now], "
            "found '/bin/cat --now'"
        ),
        "sinks.b.timeuot: there is no such setting; did you mean timeout?",
        "sinks.c.command: there is no program /no/such/program that this user may run",
        "sinks.c.timeout: expected more than 0 and at most 600 s, found '1d'",
        "sinks.d: expected a mapping such as {type: command, ...}, found ['command']",
        "sinks.e f: a sink's name is of letters, digits, dots, underscores and hyphens, at most 64",
        "sinks.g: type is missing",
        "sinks.h.type: expected a text, found 7; quote it",
        "sinks.i.timeout: expected seconds, or a duration such as 2m, found True",
    ]


def test_sinks_without_a_fault_are_there_beside_those_with_one(tmp_path):
    found = build_sinks({"good": COMMAND, "bad": {"type": "command"}}, tmp_path)
    assert list(found.sinks) == ["good"]
    assert [fault.path for fault in found.faults] == [("bad",)]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["type", "command", "a", 7]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(sorted(registry._OWN)),
)
def test_no_document_raises(tmp_path_factory, document, kind):
    folder = tmp_path_factory.getbasetemp()
    for each in (document, {"a": document}, {"a": {"type": kind, "url": document, "to": document}}):
        for fault in build_sinks(each, folder, {}).faults:
            assert str(fault).isprintable()


def test_a_secret_in_the_file_is_a_fault_that_does_not_show_it(tmp_path):
    settings = settings_of({"routing-key": "hunter2"}, tmp_path)
    assert settings.secret("routing-key") is None
    (fault,) = settings.faults
    assert str(fault) == (
        "sinks.page.routing-key: a secret does not belong in this file; use routing-key-file or "
        "routing-key-env"
    )


def test_a_secret_comes_from_a_file_or_the_environment(tmp_path):
    (tmp_path / "key").write_text("hunter2\nmore\n")
    (tmp_path / "key").chmod(0o600)
    by_file = settings_of({"token-file": "key"}, tmp_path).secret("token")
    by_name = settings_of({"token-env": "TOKEN"}, tmp_path, {"TOKEN": "hunter2"}).secret("token")
    assert by_file.reveal() == by_name.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "sinks.page: token-file or token-env is missing"),
        ({"token-env": "TOKEN"}, "sinks.page.token-env: the environment has no TOKEN"),
        ({"token-env": "a=b"}, "sinks.page.token-env: 'a=b' is not the name of a variable"),
        ({"token-env": "EMPTY"}, "sinks.page.token-env: EMPTY is empty"),
        ({"token-file": "none"}, "cannot be read: No such file or directory"),
        ({"token-file": "."}, "cannot be read: Is a directory"),
        ({"token-file": "x", "token-env": "y"}, "give token-file or token-env, not both"),
        ({"token-file": "open"}, "can be read by others (mode 0644): chmod 600 "),
        ({"token-file": "raw"}, "is not UTF-8"),
        ({"token-file": "nul"}, "holds a character that is not printable"),
        ({"token-file": "long"}, "is larger than 64 KiB"),
    ],
)
def test_a_secret_that_cannot_be_had_is_a_fault(tmp_path, values, problem):
    for name, data, mode in (
        ("open", b"hunter2", 0o644),
        ("raw", b"\xff", 0o600),
        ("nul", b"a\0b", 0o600),
        ("long", b"x" * 70_000, 0o600),
    ):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(mode)
    settings = settings_of(values, tmp_path, {"EMPTY": " "})
    assert settings.secret("token") is None
    (fault,) = settings.faults
    assert problem in str(fault)
    assert "hunter2" not in str(fault)


def test_secrets_need_not_be_there_where_nothing_is_sent(tmp_path):
    settings = SinkSettings("page", {"token-file": "none"}, tmp_path, reads_secrets=False)
    assert settings.secret("token") is not None
    assert settings.faults == []


def test_a_secret_shows_in_no_text():
    secret = Secret("hunter2")
    for shown in (repr(secret), str(secret), f"{secret}", repr([secret]), ascii({"a": secret})):
        assert "hunter2" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_fifo_that_nobody_writes_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(SecretError, match="not a regular file"):
        read_secret_file(tmp_path / "fifo")


class Recorder:
    """A third party's sink."""

    repeats_all = False
    most_alerts = 5

    def __init__(self, name, colour):
        self.name = name
        self.colour = colour

    def send(self, message):
        if self.colour == "red":
            raise RuntimeError("hunter2")
        return Delivered()


RECORDER = Notifier(build=lambda settings: Recorder(settings.name, settings.text("colour")))
BROKEN = Notifier(build=lambda settings: 1 / 0)


@pytest.fixture
def third_party(monkeypatch):
    entries = [
        EntryPoint(name=name, value=f"{__name__}:{value}", group="sockfleet.notifiers")
        for name, value in (
            ("recorder", "RECORDER"),
            ("broken", "BROKEN"),
            ("odd", "Recorder"),
            ("gone", "no_such_name"),
        )
    ]
    loaded = {"RECORDER": RECORDER, "BROKEN": BROKEN, "Recorder": Recorder}
    monkeypatch.setattr(EntryPoint, "load", lambda self: loaded[self.value.split(":")[1]])
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: EntryPoints(entries).select(group=group)
    )


def test_a_third_party_adds_a_type(third_party, tmp_path):
    document = {"a": {"type": "recorder", "colour": "green"}, "b": {"type": "recorder"}}
    found = build_sinks(document, tmp_path)
    assert found.sinks["a"].send(make_message()) == Delivered()
    assert [str(fault) for fault in found.faults] == ["sinks.b: colour is missing"]


def test_an_exception_of_a_third_party_stops_nothing_and_shows_no_secret(third_party, tmp_path):
    found = build_sinks({"a": {"type": "recorder", "colour": "red"}}, tmp_path)
    assert found.sinks["a"].send(make_message()) == Unreached(reason="the sink raised RuntimeError")
    assert describe_faults({"a": {"type": "broken"}}, tmp_path) == [
        "sinks.a: the type broken cannot be set up: it raised ZeroDivisionError"
    ]


def test_an_entry_point_that_is_no_type_is_a_fault(third_party, tmp_path):
    (odd,) = describe_faults({"a": {"type": "odd"}}, tmp_path)
    assert odd.startswith("sinks.a.type: the type 'odd': its entry point holds")
    (gone,) = describe_faults({"a": {"type": "gone"}}, tmp_path)
    assert "the type 'gone' cannot be loaded" in gone
