"""``sockfleet check``: its states and exit codes; a check without complete data is never OK."""

import json
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.alerting.levels.levels import Levels
from sockfleet.collector.errors import Category
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.namespaces import Namespace
from sockfleet.collector.probe.scope import Scope
from sockfleet.core.errors import UsageError
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.cli.command_line import run_command
from tests.support.cli.command_process import SOCKFLEET
from tests.support.fleet.sample_fleet import failure, reading, scan, summaries
from tests.support.ssh.sshd import free_port


@pytest.fixture
def check(monkeypatch, capsysbinary):
    """Run ``sockfleet check`` as the console script does: exit code, stdout, stderr."""
    return partial(run_command, "check", monkeypatch=monkeypatch, captured=capsysbinary)


@pytest.fixture
def save_scan(tmp_path):
    """Return a function that writes a scan that ended ``age_s`` ago and returns its path."""
    now = datetime.now(UTC)  # one instant for all scans, so that the time between two is exact

    def write(*outcomes, age_s=10, name="scan.json", complete=True):
        ended = now - timedelta(seconds=age_s)
        info = scan(started_at=ended - timedelta(seconds=1), finished_at=ended, complete=complete)
        path = tmp_path / name
        summary = summarize_fleet(summaries(*outcomes), info)
        path.write_bytes(load_format("json").render(summary, RenderOptions()))
        return path

    return write


def reading_with(name, tcp_close):
    counters = {"inuse": 10, "orphan": 0, "tw": 5, "alloc": 10 + tcp_close, "mem": 10}
    return reading(name, counters, tcp6={"inuse": 0})


def test_a_healthy_fleet_is_ok_and_shows_its_worst_hosts(check, save_scan):
    file = save_scan(
        reading_with("a", 5), reading_with("b", 50), reading_with("c", 7), reading_with("d", 1)
    )
    code, out, err = check("--from", file)
    assert (code, err) == (0, "")
    status = out.splitlines()[0]
    expected = "SOCKFLEET OK - 4 of 4 hosts read, tcp_close at most 63 (b 50, c 7, a 5) | "
    assert status.startswith(expected)
    assert "'tcp_close'=63" in status


@pytest.mark.parametrize("scope", [Scope.ALL_NAMESPACES, Scope.HOST_NAMESPACE])
def test_hosts_that_hold_thousands_of_closed_sockets_are_never_ok_by_accident(
    check, save_scan, scope
):
    counts = {"web1": 15391, "web2": 4605, "web3": 3993, "web4": 5}
    outcomes = [
        reading(name, {"inuse": 10, "tw": 5, "alloc": 10 + count}, ipv6=False, scope=scope)
        for name, count in counts.items()
    ]
    code, out, _ = check("--from", save_scan(*outcomes))
    assert code == 1
    rank = 2 if scope is Scope.ALL_NAMESPACES else 1
    assert out.startswith(
        f"SOCKFLEET WARNING - worst.diagnosis {rank} above 0 "
        "(web1 held-closed, web2 held-closed, web3 held-closed); 4 of 4 hosts read"
    )
    assert check("--from", save_scan(*outcomes), "-c", "diagnosed.held-closed=2")[0] == 2
    assert check("--from", save_scan(*outcomes), "-c", "diagnosed.held-closed=3")[0] == 0
    assert check("--from", save_scan(*outcomes), "-w", "worst.diagnosis=3")[0] == 0


KERNEL = Kernel(tcp_mem=(100, 200, 300), tcp_max_orphans=100)
ELSEWHERE = Namespace(inode=7, pid=70, inuse=1, used=900, in_protocols=0)
DIAGNOSED = {
    "mem-high": ({"inuse": 5, "tw": 0, "alloc": 5, "orphan": 0, "mem": 290}, ()),
    "mem-pressure": ({"inuse": 5, "tw": 0, "alloc": 5, "orphan": 0, "mem": 220}, ()),
    "orphans": ({"inuse": 5, "tw": 0, "alloc": 5, "orphan": 40, "mem": 1}, ()),
    "container-held": ({"inuse": 5, "tw": 0, "alloc": 906, "orphan": 0, "mem": 1}, (ELSEWHERE,)),
    "held-closed": ({"inuse": 5, "tw": 0, "alloc": 905, "orphan": 0, "mem": 1}, ()),
}


@pytest.mark.parametrize("word", DIAGNOSED)
def test_each_diagnosis_that_is_not_ok_is_a_state_of_a_check_without_levels(check, save_scan, word):
    tcp, elsewhere = DIAGNOSED[word]
    one = reading(
        "web1",
        tcp,
        ipv6=False,
        kernel=KERNEL,
        scope=Scope.ALL_NAMESPACES,
        elsewhere=elsewhere,
        in_protocols=400,
    )
    file = save_scan(one, reading_with("web2", 1))
    code, out, _ = check("--from", file)
    assert code == (2 if word == "mem-high" else 1)
    assert "worst.diagnosis" in out.splitlines()[0]
    assert f"web1 {word}" in out
    assert check("--from", file, "-c", f"diagnosed.{word}=0")[0] == 2
    holding = {word, "held-closed"} if word == "container-held" else {word}
    for each in DIAGNOSED:
        assert check("--from", file, "-c", f"diagnosed.{each}=0")[0] == (
            2 if each in holding else 0
        )


def test_a_host_that_cannot_be_diagnosed_is_never_ok_by_accident(check, save_scan):
    """Without alloc a leak would not show."""
    blind = [reading(name, {"inuse": 5, "tw": 1}) for name in ("a", "b")]
    code, out, _ = check("--from", save_scan(*blind))
    assert code == 3
    assert "2 hosts gave too few counters for a diagnosis: a, b" in out.splitlines()[0]
    code, out, _ = check("--from", save_scan(reading_with("good", 5), *blind))
    assert code == 3
    held = reading("c", {"inuse": 10, "tw": 5, "alloc": 9000}, ipv6=False)
    assert check("--from", save_scan(held, *blind))[0] == 1
    assert check("--from", save_scan(*blind), "-w", "tw=10")[0] == 0


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        (["-w", "worst.tcp_close=~:40"], 1),
        (["-w", "worst.tcp_close=~:40", "-c", "worst.tcp_close=~:49"], 2),
        (["-w", "worst.tcp_close=~:50", "-c", "tcp_close=~:100"], 0),
        (["--critical", "tcp_close=@50:60"], 2),
        (["--warning", "read=3:"], 1),
        (["-w", "worst.growth.tcp_close=~:1"], 3),
        (["-w", "worst.growth.tcp_close=~:1", "-c", "worst.tcp_close=~:9"], 2),
        (["-w", "worst.mem_percent=80%"], 3),
    ],
)
def test_levels_decide_the_exit_code(check, save_scan, levels, code):
    file = save_scan(reading_with("a", 5), reading_with("b", 50))
    assert check("--from", file, *levels)[0] == code


def test_a_failed_host_is_a_warning_unless_a_level_says_otherwise(check, save_scan):
    file = save_scan(reading_with("a", 5), failure("b"))
    code, out, _ = check("--from", file)
    assert code == 1
    assert out.startswith("SOCKFLEET WARNING - failed 1 above 0 (b); 1 of 2 hosts read")
    assert "1 host failed, tcp_timeout: b: no answer from 10.0.0.9:22 in 5 s" in out
    assert check("--from", file, "-w", "worst.tcp_close=10")[0] == 1
    assert check("--from", file, "-w", "failed=1")[0] == 0
    assert check("--from", file, "-c", "failed_percent=49%")[0] == 2
    assert check("--from", file, "-c", "failed_percent=~:50")[0] == 0


@pytest.mark.parametrize(
    ("category", "code"),
    [(Category.TCP_TIMEOUT, 2), (Category.AUTH_DENIED, 2), (Category.CONFIG, 3)],
)
def test_a_scan_without_a_reading_is_never_ok(check, save_scan, category, code):
    file = save_scan(failure("a", category), failure("b", category))
    assert check("--from", file)[0] == code
    assert check("--from", file, "-w", "failed=100")[0] == code
    assert check("--from", file, "-c", "failed_percent=100")[0] == code


def test_a_scan_of_no_hosts_is_unknown(check, save_scan):
    assert check("--from", save_scan())[0] == 3


@pytest.mark.parametrize(("age_s", "options"), [(9000, []), (60, ["--max-age", "30"])])
def test_an_old_scan_is_unknown(check, save_scan, age_s, options):
    file = save_scan(reading_with("a", 5000), age_s=age_s)
    code, out, _ = check("--from", file, "-c", "worst.tcp_close=10", *options)
    assert code == 3
    assert out.startswith("SOCKFLEET UNKNOWN - the scan in ")
    assert "(--max-age)" in out


def test_max_age_0_accepts_any_age(check, save_scan):
    assert check("--from", save_scan(reading_with("a", 5), age_s=10**8), "--max-age", "0")[0] == 0


def test_a_scan_from_the_future_is_unknown(check, save_scan):
    code, out, _ = check("--from", save_scan(reading_with("a", 5), age_s=-3600))
    assert code == 3
    assert "in the future" in out


def test_an_incomplete_scan_is_unknown(check, save_scan):
    assert check("--from", save_scan(reading_with("a", 5), complete=False))[0] == 3


def test_growth_is_measured_against_an_earlier_scan(check, save_scan):
    earlier = save_scan(
        reading_with("a", 5), reading_with("b", 50), age_s=3610, name="earlier.json"
    )
    now = save_scan(reading_with("a", 5), reading_with("b", 250))
    levels = ["-w", "worst.growth.tcp_close=~:150", "-c", "growth.tcp_close=~:1000"]
    code, out, _ = check("--from", now, "--against", earlier, *levels)
    assert code == 1
    assert "worst.growth.tcp_close about 200 above 150 (b 200, a 0)" in out
    assert "'growth.tcp_close'=200;;~:1000" in out
    assert "tcp_close ~+200 (~+200 an hour) over 2 hosts." in out


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff" * 100])
def test_a_missing_earlier_scan_is_unknown_only_if_a_level_needs_it(
    check, save_scan, tmp_path, content
):
    now, earlier = save_scan(reading_with("a", 5)), tmp_path / "earlier.json"
    if content is not None:
        earlier.write_bytes(content)
    code, out, err = check("--from", now, "--against", earlier, "-w", "growth.tcp_close=1")
    assert (code, err) == (3, "")
    assert str(earlier) in out.splitlines()[0]
    code, out, _ = check("--from", now, "--against", earlier)
    assert code == 0
    assert str(earlier) in out


def test_the_kernels_limits_are_checked_without_levels(check, save_scan):
    kernel = Kernel(page_size=4096, tcp_mem=(100, 200, 400), tcp_max_orphans=100)
    numbers = {"inuse": 12, "tw": 5, "alloc": 10, "mem": 390, "orphan": 30}
    file = save_scan(reading("a", numbers, kernel=kernel))
    code, out, _ = check("--from", file)
    assert code == 2
    assert "worst.mem_percent 97.5% above 90 (a 97.5%)" in out
    assert "worst.orphan_percent 30% above 25 (a 30%)" in out
    assert check("--from", file, "-w", "worst.tcp_close=100")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "either an INVENTORY or --from"),
        (["a,", "--from", "x.json"], "either an INVENTORY or --from"),
        (["--from", "no-such.json"], "cannot read no-such.json"),
        (["--from", "."], "cannot read ."),
        (["--from", "x.json", "--limit", "web"], "--limit"),
        (["no-such.yml"], "no-such.yml"),
        (["a,", "--no-such-option"], "--no-such-option"),
        (["a,", "--deadline", "soon"], "soon"),
        (["a,", "-w", "worst.tcpclose=5"], "did you mean worst.tcp_close?"),
        (["a,", "-w", "tcp_close"], "expected KEY=RANGE"),
        (["a,", "-w", "tcp_close=5:1"], "its start is above its end"),
        (["a,", "-w", "orphan=10%"], "percentages are worst.orphan_percent"),
        (["a,", "-w", "failed=1", "-w", "failed=2"], "a second time"),
        (["a,", "-c", "=5"], "no KEY ''"),
    ],
)
def test_a_usage_error_is_unknown_in_one_line(check, arguments, expected):
    code, out, err = check(*arguments)
    assert (code, err) == (3, "")
    assert out.startswith("SOCKFLEET UNKNOWN - ")
    assert expected in out
    assert len(out.splitlines()) == 1


def test_help_exits_as_unknown(check):
    code, out, _ = check("--help")
    assert code == 3, "as the Monitoring Plugins guidelines say"
    assert "--critical KEY=RANGE" in out
    assert "Seconds for the whole run [50]" in out, (
        "below the 60 s after which Nagios kills a plugin"
    )


def test_an_unexpected_exception_is_unknown_without_a_traceback(check, save_scan, mocker, tmp_path):
    mocker.patch(
        "sockfleet.cli.runs.check_run.plugin_text", side_effect=ZeroDivisionError("a|b\nc")
    )
    code, out, err = check("--from", save_scan(reading_with("a", 5)))
    assert (code, err) == (3, "")
    assert out.endswith("ZeroDivisionError: a/b c\n")
    code, _, err = check("--from", tmp_path / "scan.json", "-v")
    assert code == 3
    assert "Traceback" in err


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"{}", b'{"schema": 1}'])
def test_a_file_that_is_no_scan_is_unknown(check, tmp_path, content):
    (tmp_path / "scan.json").write_bytes(content)
    code, out, _ = check("--from", tmp_path / "scan.json")
    assert code == 3
    assert out.startswith(f"SOCKFLEET UNKNOWN - {tmp_path}/scan.json: not a scan of sockfleet")


@pytest.mark.parametrize("redirection", [">&-", "> /dev/full"])
@pytest.mark.parametrize("arguments", ["--no-such-option", "--from -"])
def test_an_unwritable_stdout_exits_as_unknown(save_scan, redirection, arguments):
    file = save_scan(reading_with("a", 5))
    command = f"{sys.executable} -m sockfleet.cli check {arguments} < {file} {redirection}"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3


def test_an_inventory_is_scanned_and_checked(check, tmp_path):
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(
        "all: {hosts: {here: {ansible_connection: local}, "
        "closed: {ansible_host: 127.0.0.1, ansible_password: any, "
        f"ansible_port: {free_port()}}}}}}}\n"
    )
    # How many sockets this machine holds does not matter.
    words = [inventory, "--retries", "0", "-w", "worst.diagnosis=9"]
    code, out, err = check(*words)
    assert (code, err) == (1, "")
    assert "failed 1 above 0 (closed); 1 of 2 hosts read" in out
    assert check(*words, "--limit", "here")[0] == 0
    code, out, _ = check(*words, "--limit", "closed")
    assert code == 2
    assert "0 of 1 host read" in out


def test_a_scan_with_its_own_change_needs_no_earlier_scan(check, save_scan, tmp_path, monkeypatch):
    earlier = save_scan(reading_with("a", 5), age_s=3610, name="earlier.json")
    now = json.loads(save_scan(reading_with("a", 105)).read_bytes())
    growth = {"tcp_close": 100.0}
    status = {"status": "compared", "tcp_close": 100, "rate_per_hour": growth}
    now["hosts"][0]["change"] = status
    against = {"id": "x", "started_at": "2026-11-22T07:00:00Z", "elapsed_s": 3600}
    now["fleet"]["change"] = {
        "against": against,
        "compared": 1,
        "tcp_close": 100,
        "rate_per_hour": growth,
    }
    earlier.write_text(json.dumps(now))
    assert check("--from", earlier, "-c", "worst.growth.tcp_close=~:99")[0] == 2
    assert check("--from", earlier, "-c", "worst.growth.tcp_close=~:100")[0] == 0


@given(st.lists(st.text(max_size=30), max_size=3), st.lists(st.text(max_size=30), max_size=3))
def test_any_text_is_a_level_or_refused(warning, critical):
    try:
        levels = Levels(warning, critical)
    except UsageError:
        return
    assert not (warning or critical) or levels.evaluate(summarize_fleet([], scan()))


@pytest.fixture
def silent_host(tmp_path):
    """An inventory of this machine and a host that sends nothing; yields the host's listener."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (tmp_path / "inventory.yml").write_text(
            "all: {hosts: {here: {ansible_connection: local}, silent: {ansible_host: 127.0.0.1, "
            f"ansible_password: any, ansible_port: {listener.getsockname()[1]}}}}}}}\n"
        )
        yield listener


def test_a_deadline_ends_the_check_with_the_hosts_read_so_far(check, tmp_path, silent_host):
    # Long enough to read this machine while it is busy.
    code, out, _ = check(tmp_path / "inventory.yml", "--deadline", "3", "-w", "failed=1")
    assert code == 3, "one failed host is allowed, but its numbers are missing"
    assert "ended by the deadline of 3 s; 1 of 2 hosts read" in out
    assert check(tmp_path / "inventory.yml", "-t", "3", "--retries", "0")[0] == 1


def test_a_check_stopped_by_sigterm_is_unknown(tmp_path, silent_host):
    command = [*SOCKFLEET, "check", str(tmp_path / "inventory.yml"), "--limit", "silent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        connection, _ = silent_host.accept()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    connection.close()
    assert process.returncode == 3
    assert "stopped by SIGTERM" in out.splitlines()[0]
    assert "0 of 1 host read" in out
