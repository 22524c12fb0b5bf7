"""docs/closed-sockets.md in real network namespaces: every number of the page."""

import re
import subprocess

import pytest

from sockfleet.aggregator.namespaces import NamespaceSummary
from sockfleet.aggregator.thresholds import Thresholds
from tests.support.docs.closed_sockets_page import example, shell
from tests.support.docs.evidence import Evidence, diagnose
from tests.support.machine.namespaces import holder

pytestmark = pytest.mark.alone


def test_every_case_of_close(desk):
    # A busy machine may hand a segment of the loopback to ksoftirqd; a state then changes a moment
    # after the call that caused it. A wrong number on the page would be wrong in each try.
    for _ in range(20):
        printed = shell(example("sh", "states.py"))
        if printed == example("text", "only_made"):
            break
    assert printed == example("text", "only_made")


def test_ss_counts_live_sockets_of_a_container_as_closed(desk):
    words = ["unshare", "-n", "sh", "-c", "ip link set lo up; exec python3 container.py"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as container:
        assert container.stdout.readline().startswith("81 live sockets")
        # On a busy machine a few sockets come and go between the two commands. If a container's 81
        # are missing or counted twice, they are so in each try.
        for _ in range(200):
            text = shell(example("sh", "ss -s"))
            closed, timewait = number("closed", text), number("timewait", text)
            tcp_close, elsewhere = (
                number("tcp_close = .* =", text),
                number("elsewhere =", text),
            )
            if closed - timewait - tcp_close == elsewhere:
                break
        container.stdin.write("\n")
    assert closed - timewait - tcp_close == elsewhere
    assert elsewhere >= 81


def number(before, text):
    """The first number after these words."""
    return int(re.search(rf"{before} (-?\d+)", text)[1])


def test_who_holds_them_by_name(desk):
    on_this_machine, of_the_fleet = example("sh", "explain --processes").splitlines()
    # More than most other processes of this machine: the list has the first twenty.
    with holder(idle=600, reset=3, listening=2, connected=4) as held:
        for command in (on_this_machine, of_the_fleet.replace(" --become", "")):
            printed = shell(command)
            assert re.search(rf"\b{held.pid} +603 ", printed), printed


def test_who_holds_them_in_a_namespace_exactly(desk):
    block = example("sh", "nsenter")
    kinds = {"idle": 12, "idle6": 3, "bound": 2, "reset": 4, "listening": 3, "connected": 5}
    with holder(**kinds, udp=2, time_wait=3) as held:
        assert held.tcp_close == 21
        counts = shell(block.replace("pid=1234", f"pid={held.pid}"))
        assert counts.split()[:2] == ["21", str(held.pid)]
        assert shell(suspected(held.pid)) == counts


def test_who_holds_them_on_a_host_with_one_namespace(desk):
    """Inside a namespace lsof reads its tables, as on a host without containers."""
    block = example("sh", "sudo lsof")
    assert block == diagnosed(namespaces=None) + "\n"
    with holder(idle=7, connected=3) as held:
        counts = shell(within(held.pid, block)).splitlines()
    assert [line.split()[0] for line in counts if line.split()[1] == str(held.pid)] == ["7"]


def within(pid, commands):
    """The commands, wrapped to run in the network namespace of that process."""
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
