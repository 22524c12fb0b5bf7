"""The simulated probe's answer has the form of the real one, and the parser reads its numbers."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.errors import Category, HostError
from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.script import new_marker, probe_command
from sockfleet.simulator.host.answer import answer
from sockfleet.simulator.host.contents import Contents, NamespaceSockets
from sockfleet.simulator.host.proc_files import proc_files
from sockfleet.simulator.host.profiles import PROFILES, draw_contents

FILES = {"/proc/net/sockstat": b"sockets: used 1\n", "/proc/net/sockstat6": b"TCP6: inuse 0\n"}


def shape(text: bytes) -> list[bytes]:
    """The lines without values that differ between hosts or over time."""
    return [re.sub(rb"[0-9a-f-]{36}|-?[0-9]+", b"#", line) for line in text.split(b"\n")]


def paths_of(text: bytes) -> list[str]:
    return [label.decode() for label in re.findall(rb"^==> (/\S+) <==$", text, re.MULTILINE)]


def run_in_shell(command: str) -> bytes:
    # sshd sets SHELL to the account's login shell.
    environment = {**os.environ, "SHELL": "/bin/bash"}
    return subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, check=True, env=environment
    ).stdout


def parts(text: bytes) -> tuple[bytes, bytes]:
    """The answer up to its namespaces, and the namespaces."""
    head, label, rest = text.partition(b"==> namespaces <==\n")
    return head + label, rest


def test_the_answer_has_the_form_of_a_real_shells():
    command = probe_command(new_marker())
    real, _ = parts(run_in_shell(command))
    files = {path: Path(path).read_bytes() for path in paths_of(real)}
    played, _ = parts(answer(command, files, page_size=4096).stdout)
    assert "/proc/net/sockstat" in files
    assert shape(played) == shape(real)


def test_files_have_the_lines_and_keys_of_the_kernels():
    contents = draw_contents(Random(1), PROFILES["web"])
    for path, text in proc_files(contents).items():
        real = Path(path).read_bytes()
        if path in FILES:
            # Newer kernels drop or add a line; ours are a subset of the lines of some kernel.
            assert set(shape(text)) <= set(shape(real)) | {
                b"UDPLITE: inuse #",
                b"UDPLITE6: inuse #",
            }
        else:
            assert text.count(b"\n") >= 1


kernels = st.builds(
    Kernel,
    release=st.none() | st.from_regex(r"[0-9]\.[0-9]{1,2}\.[0-9]{1,3}-[a-z]{1,9}", fullmatch=True),
    boot_id=st.none() | st.uuids().map(str),
    page_size=st.none() | st.sampled_from([4096, 16384, 65536]),
    tcp_mem=st.none() | st.tuples(*[st.integers(0, 2**40)] * 3),
    tcp_max_orphans=st.none() | st.integers(0, 2**31),
)
counts = st.integers(0, 2**31)
namespaces = st.builds(
    NamespaceSockets,
    **dict.fromkeys(("inuse", "inuse6", "tw", "established", "tcp_close", "udp"), counts),
)
all_contents = st.builds(
    Contents,
    host=namespaces,
    containers=st.lists(namespaces, max_size=3).map(tuple),
    orphan=counts,
    mem_pages=counts,
    ipv6=st.booleans(),
    kernel=kernels,
)


@given(all_contents)
def test_the_parser_reads_the_hosts_numbers(contents):
    mark = new_marker()
    played = answer(probe_command(mark), proc_files(contents), page_size=contents.kernel.page_size)
    read = parse_probe(played.stdout, mark)
    host = contents.host
    assert read.kernel == replace(contents.kernel, tcp_estab=host.established)
    seen = {key: read.sockstat.get("TCP", key) for key in ("inuse", "tw", "alloc", "orphan", "mem")}
    assert seen == {
        "inuse": host.inuse,
        "tw": host.tw,
        "alloc": contents.alloc,
        "orphan": contents.orphan,
        "mem": contents.mem_pages,
    }
    assert read.sockstat.get("sockets", "used") == host.used
    if contents.ipv6:
        assert read.sockstat6.get("TCP6", "inuse") == host.inuse6
    else:
        assert read.sockstat6 is None


def test_a_host_without_sockstat_is_recognized():
    mark = new_marker()
    with pytest.raises(HostError) as caught:
        parse_probe(answer(probe_command(mark), {}).stdout, mark)
    assert caught.value.category is Category.UNSUPPORTED_HOST


@pytest.mark.parametrize("cat", ["cat", "/bin/cat", "/usr/bin/cat"])
def test_cat_prints_files_in_the_order_of_its_arguments(cat):
    played = answer(f"{cat} /proc/net/sockstat6 '/proc/net/sockstat'", FILES)
    assert played.stdout == b"TCP6: inuse 0\nsockets: used 1\n"
    assert (played.stderr, played.exit_status) == (b"", 0)


@pytest.mark.parametrize(
    ("command", "stdout", "stderr", "status"),
    [
        (
            "cat /proc/net/sockstat /etc/shadow",
            b"sockets: used 1\n",
            b"cat: /etc/shadow: No such file or directory\n",
            1,
        ),
        ("/bin/sh -c 'cat /proc/net/sockstat'", b"sockets: used 1\n", b"", 0),
        ("sh -c 'sh -c \"echo  a b\"'", b"a b\n", b"", 0),
        ("true", b"", b"", 0),
        ("reboot --force", b"", b"sh: 1: reboot: not found\n", 127),
        ("echo 'open", b"", b"sh: 1: Syntax error: No closing quotation\n", 2),
        ("", b"", b"sh: 1: : not found\n", 127),
        ("m=sockfleet-0123", b"", b"sh: 1: m=sockfleet-0123: not found\n", 127),
    ],
)
def test_other_commands(command, stdout, stderr, status):
    played = answer(command, FILES)
    assert (played.stdout, played.stderr, played.exit_status) == (stdout, stderr, status)
