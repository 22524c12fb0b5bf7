"""Parsers that read bytes of hosts and users: they return a value or raise our own error.

Each target is a function of bytes that raises another exception only if the parser is wrong.
`test_corpus` runs the targets over the corpus, `fuzz.py` under coverage guidance.
"""

from __future__ import annotations

import io
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sockfleet.aggregator.document_reader import read_document
from sockfleet.aggregator.document_writer import host_document
from sockfleet.aggregator.errors import DocumentError
from sockfleet.aggregator.host import summarize_host
from sockfleet.collector.errors import HostError
from sockfleet.collector.outcome import HostReading
from sockfleet.collector.probe.answer import ProbeAnswer, parse_probe
from sockfleet.collector.probe.forced_probe import FORCED_MARK, ForcedProbe
from sockfleet.collector.probe.namespaces import NamespaceError, parse_namespaces
from sockfleet.collector.probe.processes import ProcessError, parse_processes
from sockfleet.collector.probe.sockstat import SockstatError, parse_sockstat
from sockfleet.collector.sampling.sftp import end_of_packet, parse_reads
from sockfleet.collector.sampling.shell import parse_sample, sample_end
from sockfleet.collector.ssh.host_keys.known_hosts import KnownHosts
from sockfleet.collector.ssh.host_keys.known_hosts_parser import parse_known_hosts
from sockfleet.collector.transport import CommandOutput
from sockfleet.core.text import clean
from sockfleet.inventory.connection.defaults import ConnectionDefaults
from sockfleet.inventory.connection.resolve import check_hosts
from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.models import Host
from sockfleet.inventory.sources.load import load_inventory
from sockfleet.inventory.ssh_options.arguments import read_arguments
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.hostile_text import assert_harmless_text

__all__ = ["TARGETS"]

MARK = "sockfleet-0123456789abcdef"
FORMATS = [load_format(name) for name in ("table", "json", "ndjson", "csv", "prometheus", "influx")]


def probe(data: bytes) -> None:
    """Parse the probe's answer: the data alone, and the data between its marks."""
    for stdout in (data, b"%b begin\n%b\n%b end\n" % (MARK.encode(), data, MARK.encode())):
        try:
            answer = parse_probe(stdout, MARK)
        except HostError as error:
            assert_harmless_text(clean(error.message, limit=1000))
            assert error.message.isprintable()
        else:
            _check_document(answer)


def forced(data: bytes) -> None:
    """Parse the answer of a forced command."""
    whole = b"%b begin\n%b\n%b end\n" % (FORCED_MARK.encode(), data, FORCED_MARK.encode())
    for stdout, status in ((data, 0), (whole, 0), (whole, 1)):
        try:
            answer = ForcedProbe().read(
                CommandOutput(stdout=stdout, stderr=data, exit_status=status)
            )
        except HostError as error:
            assert error.message.isprintable()
        else:
            assert status == 0
            assert answer.namespaces is None
            assert answer.processes is None
            _check_document(answer)


def _check_document(answer: ProbeAnswer) -> None:
    reading = HostReading(
        host=Host(name="web1", address="web1"),
        address="192.0.2.1",
        attempts=1,
        elapsed_s=0.1,
        sockstat=answer.sockstat,
        sockstat6=answer.sockstat6,
        kernel=answer.kernel,
        namespaces=answer.namespaces,
        processes=answer.processes,
    )
    assert_harmless_text(orjson.dumps(host_document(summarize_host(reading))).decode())


def warm_shell(data: bytes) -> None:
    """Parse a sample of the persistent shell: the data alone, and the data between its marks."""
    end = sample_end(MARK)
    for answer in (data + end, b"%b|%b%b" % (MARK.encode(), data, end)):
        try:
            sample = parse_sample(answer, MARK)
        except HostError as error:
            assert error.message.isprintable()
        else:
            assert sample.sockstat.lines
            assert all(pid >= 0 for pid in sample.listed)


def warm_sftp(data: bytes) -> None:
    """Parse an SFTP server's answers to two reads."""
    try:
        end_of_packet(data, 0)
    except HostError as error:
        assert error.message.isprintable()
    for ipv6 in (False, True):
        try:
            four, six = parse_reads(data, ipv6=ipv6)
        except HostError as error:
            assert error.message.isprintable()
        else:
            assert four.lines
            assert (six is not None) == ipv6


def sockstat(data: bytes) -> None:
    """Parse one sockstat file."""
    try:
        found = parse_sockstat(data)
    except SockstatError as error:
        assert str(error).isprintable()
        return
    for name, line in found.lines.items():
        assert name.isascii()
        for key, value in line.items():
            assert key.isascii()
            assert 0 <= value < 10**20


def namespaces(data: bytes) -> None:
    """Parse the lines of all namespaces."""
    try:
        found = parse_namespaces(data)
    except NamespaceError as error:
        assert str(error).isprintable()
        return
    for one in () if found is None else found.seen:
        for text in (one.command, one.container and one.container.id):
            assert text is None or text.isprintable()


def processes(data: bytes) -> None:
    """Parse the lines of all processes."""
    try:
        found = parse_processes(data)
    except ProcessError as error:
        assert str(error).isprintable()
        return
    for one in () if found is None else found.seen:
        for text in (one.command, one.arguments, one.user, one.container and one.container.id):
            assert text is None or text.isprintable()


def known_hosts(data: bytes) -> None:
    """Parse a known_hosts file and look hosts up in it."""
    lines, notes = parse_known_hosts(data, "known_hosts", 1)
    for note in notes:
        assert note.isprintable()
    known = KnownHosts()
    for line in lines:
        known.add(line)
    for names, port in ((["web1", "192.0.2.1"], 22), (["web1"], 2222)):
        known.check(names, port, b"\0\0\0\x0bssh-ed25519")
        known.authorities(names, port)
        known.revoked_keys(names, port)
        known.key_types(names, port)


def inventory(data: bytes) -> None:
    """Load an inventory of any format from standard input and check its hosts.

    PATH must be empty, so that an input that needs Ansible is an error.
    """
    try:
        found = load_inventory(["-"], stdin=io.BytesIO(data))
        hosts, notes, faults = check_hosts(found, list(found.hosts), ConnectionDefaults())
    except InventoryError as error:
        assert_harmless_text(str(error))
        return
    for text in (*found.notes, *notes, *map(str, faults)):
        assert_harmless_text(text)
    for host in hosts:
        for text in (host.name, host.address, host.ssh.user or "x", *host.groups):
            assert text.isprintable()
        for text in (host.name, host.address, host.ssh.user or "x"):
            assert not text.startswith("-"), text
        assert 1 <= host.port <= 65535


def ssh_arguments(data: bytes) -> None:
    """Read the words of ansible_ssh_args."""
    text = data.decode("utf-8", "replace")
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    for proxy in (False, True):
        try:
            read_arguments(words, "ansible_ssh_args", proxy=proxy)
        except InventoryError as error:
            assert_harmless_text(str(error))


def document(data: bytes) -> None:
    """Read a scan's document and render it in every format."""
    try:
        summary = read_document(data)
    except DocumentError as error:
        assert_harmless_text(str(error))
        return
    for chosen in FORMATS:
        for options in (RenderOptions(), RenderOptions(width=60, ascii=True)):
            assert_harmless_text(chosen.render(summary, options).decode())
    again: Mapping[str, Any] = orjson.loads(FORMATS[1].render(summary, RenderOptions()))
    kept = [(host.name, host.status, host.tcp, host.error) for host in summary.hosts]
    assert [(h.name, h.status, h.tcp, h.error) for h in read_document(again).hosts] == kept


def text(data: bytes) -> None:
    """Clean a text that an error message quotes."""
    for limit in (1, 40, 200):
        line = clean(data, limit=limit)
        assert len(line) <= limit
        assert line.isprintable()


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        probe,
        forced,
        warm_shell,
        warm_sftp,
        sockstat,
        namespaces,
        processes,
        known_hosts,
        inventory,
        ssh_arguments,
        document,
        text,
    )
}
"""By name, which is also the name of the folder in the corpus."""
