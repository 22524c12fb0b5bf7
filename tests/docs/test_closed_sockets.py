"""docs/closed-sockets.md: each example is run, in real network namespaces, and each table is so."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from evidence import Evidence, diagnose
from namespaces import holder

from sockfleet.aggregator.diagnosis import Word
from sockfleet.aggregator.namespaces import NamespaceSummary
from sockfleet.aggregator.thresholds import Thresholds

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/closed-sockets.md").read_text()
WORKED = ROOT / "tests/fixtures/worked-example"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
INVENTORY = "all: {hosts: {web1: {ansible_connection: local}}}\n"


def example(language, *words):
    """The one block of that language in which all the words stand."""
    (found,) = [text for kind, text in BLOCKS if kind == language and all(w in text for w in words)]
    return found


SHELL = [text for kind, text in BLOCKS if kind == "sh"]
RUN_ELSEWHERE = ("ss -s", "lsof", "unshare", "--processes")
"""Blocks with their own test, as they need somebody to look at."""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the files that the page speaks of, and its commands on the PATH."""
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    for name in ("sockstat", "sockstat6"):
        (tmp_path / name).write_bytes((WORKED / name).read_bytes())
    (tmp_path / "states.py").write_text(example("python", "only_made"))
    (tmp_path / "container.py").write_text(example("python", "81 live"))
    commands = tmp_path / "bin"
    commands.mkdir()
    # Root already, where namespaces can be made; sudo itself is not what the page is about.
    (commands / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (commands / "sudo").chmod(0o755)
    (commands / "python3").symlink_to(sys.executable)
    path = f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shell(text):
    """What the block prints; every command in it must succeed, or be cut off by ``head``."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 128 + signal.SIGPIPE), done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "block", [text for text in SHELL if not any(word in text for word in RUN_ELSEWHERE)]
)
def test_every_other_block_runs(desk, block):
    shell(block)


def test_every_way_into_close(desk):
    printed = shell(example("sh", "states.py"))
    assert printed == example("text", "only_made")


def test_the_worked_example(desk):
    lines = example("text", "TCP6: inuse").splitlines()
    for line, name in zip(lines, ("sockstat", "sockstat6"), strict=True):
        assert line in (WORKED / name).read_text()
    told = shell(example("sh", "explain sockstat sockstat6"))
    assert "247 - (143 + 4 - 38) = 138" in told
    assert "= 247 - 147 = 100" in told
    for number in ("247 - (143 + 4 - 38) = 138", "247 - 147 = 100"):
        assert number in PAGE


def test_ss_takes_a_containers_live_sockets_for_closed_ones(desk):
    words = ["unshare", "-n", "sh", "-c", "ip link set lo up; exec python3 container.py"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as container:
        assert container.stdout.readline().startswith("81 live sockets")
        # Two commands, one after the other: on a busy machine sockets come and go in between, a
        # few at a time. A container's 81 that are missing, or there twice, would be so each time.
        for _ in range(200):
            told = shell(example("sh", "ss -s"))
            closed, timewait = number("closed", told), number("timewait", told)
            tcp_close, elsewhere = number("tcp_close = .* =", told), number("elsewhere =", told)
            if closed - timewait - tcp_close == elsewhere:
                break
        container.stdin.write("\n")
    assert closed - timewait - tcp_close == elsewhere
    assert elsewhere >= 81


def number(before, text):
    """The first number that follows these words."""
    return int(re.search(rf"{before} (-?\d+)", text)[1])


def test_who_holds_them_by_name(desk):
    on_this_machine, of_the_fleet = example("sh", "explain --processes").splitlines()
    with holder(idle=12, reset=3, listening=2, connected=4) as held:
        for command in (on_this_machine, of_the_fleet.replace(" --become", "")):
            told = shell(command)
            assert re.search(rf"\b{held.pid} +15 ", told), told


def test_who_holds_them_in_a_namespace_exactly(desk):
    block = example("sh", "nsenter")
    kinds = {"idle": 12, "idle6": 3, "bound": 2, "reset": 4, "listening": 3, "connected": 5}
    with holder(**kinds, udp=2, time_wait=3) as held:
        assert held.tcp_close == 21
        counts = shell(block.replace("pid=1234", f"pid={held.pid}"))
        assert counts.split()[:2] == ["21", str(held.pid)]
        assert shell(suspected(held.pid)) == counts


def test_who_holds_them_on_a_host_with_one_namespace(desk):
    """Within a namespace lsof sees the tables of that one, as on a host without containers."""
    block = example("sh", "sudo lsof")
    assert block == diagnosed(namespaces=None) + "\n"
    with holder(idle=7, connected=3) as held:
        counts = shell(within(held.pid, block)).splitlines()
    assert [line.split()[0] for line in counts if line.split()[1] == str(held.pid)] == ["7"]


def within(pid, commands):
    """The commands, run in the network namespace of that process."""
    return f"nsenter -t {pid} -n sh <<'END'\n{commands}\nEND"


def diagnosed(**changes):
    """The next command for closed sockets that are held."""
    numbers = {"alloc": 900, "tcp_close": 800, "is_bound": False}
    found = diagnose(Evidence(**numbers | changes), Thresholds())
    return found[0].next


def suspected(pid):
    """The next command for closed sockets that another namespace holds."""
    own = NamespaceSummary(inode=1, host=True, pid=1, inuse=0, tcp_close_max=0)
    other = NamespaceSummary(inode=2, host=False, pid=pid, inuse=0, tcp_close_max=800)
    return diagnosed(namespaces=(own, other))


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(mem_pages=100, tcp_mem=(1, 2, 3)),
        Evidence(orphan=100, tcp_max_orphans=1),
        Evidence(alloc=900, tcp_close=800),
        Evidence(tw=500, closed=500),
        Evidence(alloc=1, tcp_close=0),
    ],
)
def test_the_next_command_of_every_other_word_runs(desk, evidence):
    (one,) = diagnose(evidence, Thresholds())
    shell(one.next)


def test_the_peers_of_time_wait_are_counted(desk):
    (one,) = diagnose(Evidence(tw=500, closed=500), Thresholds())
    with holder(time_wait=3) as held:
        assert shell(within(held.pid, one.next)).split() == ["3", "127.0.0.1"]


def rows(title):
    """The first cells of the table under that first title."""
    table = re.search(rf"^\| {title} \|.*?\n\n", PAGE, re.DOTALL | re.MULTILINE)[0]
    return [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]


def test_every_word_is_explained_in_its_order():
    assert [row[0] for row in rows("DIAGNOSIS")] == [f"`{word}`" for word in Word]


def test_every_threshold_stands_there_with_its_default():
    assert [(row[0], row[1]) for row in rows("key")] == [
        (f"`{field.name}`", str(field.default)) for field in fields(Thresholds)
    ]
