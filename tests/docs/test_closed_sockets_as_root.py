"""docs/closed-sockets.md in real network namespaces: every number that it promises."""

import re
import subprocess

import pytest

from sockfleet.aggregator.namespaces import NamespaceSummary
from sockfleet.aggregator.thresholds import Thresholds
from tests.support.docs.closed_sockets_page import example, shell
from tests.support.docs.evidence import Evidence, diagnose
from tests.support.machine.namespaces import holder

pytestmark = pytest.mark.alone


def test_every_way_into_close(desk):
    # A busy machine may hand a segment of the loopback to ksoftirqd, so that a state changes a
    # moment after the call that caused it. What the page says wrongly would be wrong each time.
    for _ in range(20):
        printed = shell(example("sh", "states.py"))
        if printed == example("text", "only_made"):
            break
    assert printed == example("text", "only_made")


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


def test_the_peers_of_time_wait_are_counted(desk):
    (one,) = diagnose(Evidence(tw=500, closed=500), Thresholds())
    with holder(time_wait=3) as held:
        assert shell(within(held.pid, one.next)).split() == ["3", "127.0.0.1"]
