"""Hosts that send hostile text, through a fake transport to every output.

A host may send it in place of a name, an error, a banner or its whole answer. No output then holds
a control character but the newline, JSON parses, a host has one line, and no cell is a formula.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import logging
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.document_reader import read_document
from sockfleet.aggregator.fleet import FleetSummary, summarize_fleet
from sockfleet.aggregator.host import HostSummary, summarize_host
from sockfleet.cli.console import streams
from sockfleet.cli.console.log_lines import LogLines
from sockfleet.cli.main import main
from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.outcome import HostOutcome, HostReading
from sockfleet.collector.probe.script import ProbeOptions
from sockfleet.collector.transport import Attempt, CommandOutput
from sockfleet.output.formats import RenderOptions, load_format
from sockfleet.output.text.explanation import explanation, one_host
from tests.support.fleet.fake_transport import SOCKSTAT, FakeTransport, answer, hosts, mark_of
from tests.support.fleet.sample_fleet import scan
from tests.support.hostile_text import HOSTILE, assert_harmless, texts

FORMATS = sorted({entry.name for entry in entry_points(group="sockfleet.outputs")})
VIEWS = (RenderOptions(), RenderOptions(width=80), RenderOptions(width=40, ascii=True, top=1))

Field = Callable[[str, bytes], CommandOutput]


def output(stdout: bytes, stderr: bytes = b"", status: int = 0) -> CommandOutput:
    return CommandOutput(stdout=stdout, stderr=stderr, exit_status=status)


def sections(command: str, sockstat: bytes = SOCKSTAT, **further: bytes) -> bytes:
    whole = answer(command, sockstat)
    more = b"".join(b"==> %b <==\n%b\n" % (name.encode(), data) for name, data in further.items())
    return whole.replace(
        b"\n%b end" % mark_of(command).encode(), b"\n%b\n%b end" % (more, mark_of(command).encode())
    )


def namespaces(comm: bytes, cgroup: bytes) -> bytes:
    return (
        b"own 5\ndenied 0\nnamespace 5 1\nsockets: used 9\nTCP: inuse 143 alloc 247\ncomm systemd\n"
        b"namespace 6 77\nsockets: used 9\nTCP: inuse 3 alloc 247\nprotocols 2\n"
        b"comm %b\ncgroup 0::/machine.slice/machine-%b.scope\n" % (comm, cgroup)
    )


def processes(text: bytes) -> bytes:
    return (
        b"denied 0\ntool python3\nprocess 77 6 90 0\nargs %b\nuser 33 %b\ncomm %b\n"
        b"cgroup 0::/machine.slice/machine-%b.scope\n" % (text, text, text, text)
    )


def escape_like_systemd(text: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in text[:100])


FIELDS: dict[str, Field] = {
    "instead of the answer": lambda _, text: output(text),
    "before and after it": lambda command, text: output(text + answer(command) + text),
    "as sockstat": lambda command, text: output(answer(command, text)),
    "as a line of sockstat": lambda command, text: output(
        answer(command, SOCKSTAT + b"X: " + text)
    ),
    "as a key": lambda command, text: output(answer(command, SOCKSTAT + b"X: " + text + b" 1\n")),
    "as a number": lambda command, text: output(answer(command, b"TCP: inuse %b\n" % text)),
    "as the kernel's release": lambda command, text: output(
        sections(command, **{"/proc/sys/kernel/osrelease": text})
    ),
    "as the boot id": lambda command, text: output(
        sections(command, **{"/proc/sys/kernel/random/boot_id": text})
    ),
    "as a process's name": lambda command, text: output(
        sections(command, namespaces=namespaces(text, b"a"), processes=processes(text))
    ),
    "as a container's name": lambda command, text: output(
        sections(command, namespaces=namespaces(b"a", text))
    ),
    "as a container's escaped name": lambda command, text: output(
        sections(command, namespaces=namespaces(b"a", escape_like_systemd(text)))
    ),
    "on stderr": lambda command, text: output(answer(command), text, 1),
    "on stderr alone": lambda _, text: output(b"", text, 127),
}
"""The fields of an answer that a host controls."""


def scan_hosts(**scripts) -> tuple[list[HostOutcome], FleetSummary]:
    """Scan these hosts and a good one; return the outcomes and their summary."""
    outcomes: list[HostOutcome] = []
    settings = EngineSettings(retries=0, probe=ProbeOptions(processes=True, arguments=True))
    engine = Engine(settings, transports={"asyncssh": FakeTransport(**scripts)})
    asyncio.run(engine.run(hosts(*scripts, "good", groups=("all_of_them",)), outcomes.append))
    return outcomes, summarize_fleet([summarize_host(one) for one in outcomes], scan())


def answer_script(field: Field, text: bytes):
    async def script(attempt: Attempt, command: str) -> CommandOutput:
        return field(command, text)

    return script


def raising_script(error: Exception):
    async def script(attempt: Attempt, command: str) -> CommandOutput:
        raise error

    return script


def assert_outputs_are_harmless(outcomes: Sequence[HostOutcome], summary: FleetSummary) -> None:
    assert summary.fleet.hosts.total == len(outcomes)
    good_one = next(host for host in summary.hosts if host.name == "good")
    assert good_one.tcp is not None
    assert good_one.tcp.tcp_close == 100
    rendered = {
        name: [assert_harmless(load_format(name).render(summary, view)) for view in VIEWS]
        for name in FORMATS
    }
    document = json.loads(rendered["json"][0])
    assert [host["name"] for host in document["hosts"]] == [host.name for host in summary.hosts]
    assert read_document(rendered["json"][0].encode()).fleet == summary.fleet
    lines = [json.loads(line) for line in rendered["ndjson"][0].splitlines()]
    assert [line.get("name") for line in lines[:-1]] == [host.name for host in summary.hosts]
    rows = list(csv.reader(io.StringIO(rendered["csv"][0])))
    assert len(rows) == len(outcomes) + 1
    assert {len(row) for row in rows} == {len(rows[0])}
    for cell in (cell for row in rows[1:] for cell in row):
        assert not cell.startswith(("=", "@", "+")), cell
        assert not cell.startswith("-") or cell[1:].isdecimal(), cell
    for outcome in outcomes:
        if isinstance(outcome, HostReading):
            for view in VIEWS:
                assert_harmless(explanation(one_host(outcome, origin=outcome.host.name), view))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_in_any_field_is_harmless_in_every_output(text):
    outcomes, summary = scan_hosts(
        **{field: answer_script(make_answer, text) for field, make_answer in FIELDS.items()},
        **{
            "a transport's message": raising_script(
                HostError(Category.PROTOCOL, Phase.KEX, text.decode("latin-1"))
            ),
            "an exception": raising_script(RuntimeError(text.decode("utf-8", "surrogateescape"))),
            "an exception's bytes": raising_script(ValueError(text)),
        },
    )
    assert_outputs_are_harmless(outcomes, summary)


@given(st.lists(st.tuples(st.sampled_from(sorted(FIELDS)), texts), min_size=1, max_size=4))
def test_random_text_in_any_field_is_harmless_in_every_output(texts_sent):
    scripts = {
        f"host{n}": answer_script(FIELDS[field], text) for n, (field, text) in enumerate(texts_sent)
    }
    assert_outputs_are_harmless(*scan_hosts(**scripts))


def test_long_text_is_cut(tmp_path):
    _, summary = scan_hosts(liar=answer_script(FIELDS["instead of the answer"], HOSTILE["long"]))
    (liar,) = [host for host in summary.hosts if host.name == "liar"]
    assert liar.error is not None
    assert len(liar.error.message) <= 1000


def test_markup_is_printed_as_text():
    _, summary = scan_hosts(
        liar=answer_script(FIELDS["as a process's name"], HOSTILE["markup"]),
        other=answer_script(FIELDS["instead of the answer"], HOSTILE["markup"]),
    )
    for colour in (False, True):
        shown = load_format("table").render(summary, RenderOptions(color=colour)).decode()
        assert "[red]bold[/red]" in shown
        assert "link=file" in shown
        assert "\x1b]8" not in shown


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_warnings_and_log_lines_are_harmless(text, capsysbinary):
    message = text.decode("latin-1")
    streams.warn(message)
    err = assert_harmless(capsysbinary.readouterr().err)
    assert err.startswith("sockfleet: ")
    try:
        raise RuntimeError(message)
    except RuntimeError as error:
        record = logging.LogRecord(
            "asyncssh", logging.INFO, "x.py", 1, "got %s", (message,), (type(error), error, None)
        )
    lines = assert_harmless(LogLines().format(record).encode()).split("\n")
    assert lines[0].startswith("sockfleet: asyncssh: got ")
    assert all(line.startswith("    ") for line in lines[1:]), "a forged line"


def test_hostile_hosts_do_not_change_the_numbers_of_a_good_one():
    expected = scan_hosts()[1].hosts[0]
    _, summary = scan_hosts(
        liar=answer_script(FIELDS["before and after it"], b"TCP: inuse 999999 alloc 9\n"),
        other=answer_script(FIELDS["as sockstat"], HOSTILE["newline"]),
    )
    (good_one,) = [host for host in summary.hosts if host.name == "good"]
    assert _numbers(good_one) == _numbers(expected)


def _numbers(host: HostSummary) -> object:
    return host.tcp, host.sockets_used, host.scope


NAMES = {name: text.decode("utf-8", "replace")[:300] for name, text in HOSTILE.items()}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("field", ["host", "group", "variable", "address", "user", "port"])
def test_hostile_text_in_an_inventory_is_harmless(field, name, tmp_path, monkeypatch, capsysbinary):
    """A name with control characters is refused, and a value is escaped."""
    variables = {"ansible_connection": "local", "role": "x"}
    connection = {"address": "ansible_host", "user": "ansible_user", "port": "ansible_port"}
    if field in connection:
        variables = {connection[field]: name, "ansible_host": "127.0.0.1"} | {
            connection[field]: name
        }
    if field == "variable":
        variables["role"] = name
    host, group = (name if field == "host" else "here"), (name if field == "group" else "web")
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps({"all": {"children": {group: {"hosts": {host: variables}}}}}))
    for words in (
        ("scan", path, "-f", "json", "--group-by", "role", "--timeout", "0.001"),
        ("scan", path, "-f", "ndjson", "--timeout", "0.001"),
        ("scan", path, "--timeout", "0.001"),
        ("scan", path, "-f", "csv", "-l", group, "--timeout", "0.001"),
        ("scan", path, "--list-hosts"),
        ("inventory", path, "--list"),
        ("inventory", path, "--graph", "--vars"),
    ):
        monkeypatch.setattr(sys, "argv", ["sockfleet", *map(str, words)])
        with pytest.raises(SystemExit):
            main()
        out, err = capsysbinary.readouterr()
        assert_harmless(out)
        assert_harmless(err)
