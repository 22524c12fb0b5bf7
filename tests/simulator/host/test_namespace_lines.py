"""The simulated namespace part, compared with the real script, and read by the parser."""

from __future__ import annotations

import re
import subprocess
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.namespaces import parse_namespaces
from sockfleet.collector.probe.scope import Scope, scope_of
from sockfleet.collector.probe.script import ProbeOptions, new_marker, probe_command
from sockfleet.simulator.host.answer import answer
from sockfleet.simulator.host.namespace_lines import namespace_lines
from sockfleet.simulator.host.proc_files import proc_files
from sockfleet.simulator.host.profiles import PROFILES, draw_contents


def kinds(text: bytes) -> list[bytes]:
    """The first word of each line and its form, without repetitions."""
    rows = [re.sub(rb"[0-9]+", b"#", row) for row in text.splitlines()]
    words = [row.split(b" ")[0] + b" %d" % len(row.split()) for row in rows if row]
    return [word for word in dict.fromkeys(words) if not word.startswith((b"cgroup", b"lrwx"))]


def test_lines_have_the_kinds_and_order_of_the_real_script():
    command = probe_command(new_marker())
    real = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True).stdout
    _, label, rest = real.partition(b"==> namespaces <==\n")
    real_lines = rest.rpartition(b"sockfleet-")[0]
    played = namespace_lines(draw_contents(Random(1), PROFILES["idle"]))
    assert label
    assert [kind for kind in kinds(real_lines) if kind in kinds(played)] == kinds(played)


@given(st.sampled_from(sorted(PROFILES)), st.integers(0, 2**32), st.booleans())
def test_the_parser_reads_every_namespace(profile, seed, ipv6):
    contents = draw_contents(Random(seed), PROFILES[profile], ipv6=ipv6)
    read = parse_namespaces(namespace_lines(contents))
    assert scope_of(read) is Scope.ALL_NAMESPACES
    assert [n.is_host for n in read.seen] == [True] + [False] * len(contents.containers)
    assert len({n.container for n in read.seen[1:]}) == len(contents.containers)
    for seen, truth in zip(read.seen, (contents.host, *contents.containers), strict=True):
        assert (seen.inuse, seen.tw, seen.used) == (truth.inuse, truth.tw, truth.used)
        assert seen.inuse6 == (truth.inuse6 if ipv6 else None)
        assert seen.tcp_close_max == truth.tcp_close
        assert (seen.container is None) is seen.is_host
    assert set(read.allocs) == {contents.alloc}
    assert read.change == 0


def test_only_a_probe_with_namespaces_gets_them():
    contents = draw_contents(Random(7), PROFILES["container-host"])
    for namespaces in (True, False):
        mark = new_marker()
        command = probe_command(mark, ProbeOptions(namespaces=namespaces))
        played = answer(command, proc_files(contents), namespaces=namespace_lines(contents))
        read = parse_probe(played.stdout, mark).namespaces
        assert (read is not None) is namespaces
