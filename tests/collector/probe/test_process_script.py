"""Which processes hold closed sockets: exact with each tool, over real namespaces."""

import getpass
import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from sockfleet.collector.probe.process_script import (
    MAX_PROCESSES,
    PROCESS_SCRIPT,
    PROCESS_SCRIPT_WITH_ARGS,
)
from sockfleet.collector.probe.processes import Processes, parse_processes
from sockfleet.collector.transport import OUTPUT_LIMIT
from tests.support.machine.namespaces import holder
from tests.support.machine.process_script import (
    KINDS,
    THREE_SOCKETS,
    find_process,
    holder_elsewhere,
    program_path,
    python_child,
    read_processes,
    run_process_script,
)

NEEDED = ("sh", "ls", "xargs", "awk", "grep", "cut", "sort", "tr", "head")
BIN_SHELLS = ["dash", "bash", "busybox ash", "mksh", "ksh"]
NOT_TCP = KINDS["udp"] + KINDS["mptcp"]
"""Sockets in no table that are no closed TCP sockets: an upper bound includes them."""


@pytest.fixture
def tools_folder():
    # Not below pytest's own folder, which is closed to an ordinary user.
    with tempfile.TemporaryDirectory(prefix="sockfleet-tools-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def only(folder, *tools, awk="mawk", busybox=False):
    """A PATH with what the script needs, and only these tools that read protocols."""
    for name in NEEDED:
        program = folder / name
        words = f"{program_path('busybox')} {name}" if busybox else program_path(name)
        if name == "awk" and not busybox:
            words = " ".join([program_path(awk.split()[0]), *awk.split()[1:]])
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        program.chmod(0o755)
    for name in tools:
        (folder / name).symlink_to(program_path(name))
    return str(folder)


@pytest.mark.parametrize("awk", ["mawk", "gawk", "original-awk", "busybox awk"])
@pytest.mark.parametrize("tool", ["python3", "perl", "getfattr", "lsof"])
def test_each_tool_gives_each_process_its_exact_count(tool, awk, tools_folder):
    with ExitStack() as stack:
        holders = [
            stack.enter_context(holder(own_namespace=False, **KINDS)),
            stack.enter_context(holder_elsewhere(**{kind: 2 * n for kind, n in KINDS.items()})),
            stack.enter_context(holder_elsewhere(idle=40, idle6=1, udp=2)),
        ]
        processes = read_processes(path=only(tools_folder, tool, awk=awk))
        assert (processes.tool, processes.exact, processes.partial) == (tool, True, False)
        for one in holders:
            process = find_process(processes, one.pid)
            assert process.tcp_close == one.tcp_close
            assert process.namespace == Path(f"/proc/{one.pid}/net/sockstat").stat().st_ino
            assert process.command == Path(f"/proc/{one.pid}/comm").read_text().strip()
            assert process.user == getpass.getuser()
            assert (process.bound, process.shared, process.container) == (False, 0, None)


@pytest.mark.parametrize("busybox", [False, True], ids=["coreutils", "busybox"])
def test_without_a_tool_it_is_an_upper_bound_and_says_so(busybox, tools_folder):
    with holder(own_namespace=False, **KINDS) as here, holder_elsewhere(**KINDS) as there:
        processes = read_processes(path=only(tools_folder, busybox=busybox))
        assert (processes.tool, processes.exact) == (None, False)
        for one in (here, there):
            process = find_process(processes, one.pid)
            assert process.bound
            assert process.tcp_close == one.tcp_close + NOT_TCP


def test_busybox_and_perl_are_enough_for_the_exact_number(tools_folder):
    with holder_elsewhere(**KINDS) as one:
        processes = read_processes(path=only(tools_folder, "perl", busybox=True))
        assert (processes.tool, find_process(processes, one.pid).tcp_close) == (
            "perl",
            one.tcp_close,
        )


def test_after_a_broken_tool_the_next_is_used(tools_folder):
    path = only(tools_folder, "getfattr")
    for name, words in (("python3", "exit 1"), ("perl", "echo nonsense >&2; exit 127")):
        (tools_folder / name).write_text(f"#!/bin/sh\n{words}\n")
        (tools_folder / name).chmod(0o755)
    with holder_elsewhere(**KINDS) as one:
        processes = read_processes(path=path)
        assert (processes.tool, find_process(processes, one.pid).tcp_close) == (
            "getfattr",
            one.tcp_close,
        )


@pytest.mark.parametrize("tool", ["python3", "perl", "getfattr", "lsof"])
def test_descriptor_numbers_of_five_digits(tool, tools_folder):
    # lsof cuts such numbers.
    program = """
import json, os, resource, socket, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = [socket.socket() for _ in range(30)]
for number, sock in enumerate(held[:20]): os.dup2(sock.fileno(), 12000 + number)
for sock in held[:20]: sock.close()
print(json.dumps({"pid": os.getpid()}), flush=True); sys.stdin.read()
"""
    with python_child(program) as started:
        processes = read_processes(path=only(tools_folder, tool))
        assert (processes.tool, find_process(processes, started["pid"]).tcp_close) == (tool, 30)


def test_sockets_of_other_kinds_are_not_counted():
    program = """
import json, os, socket, sys
held = [*socket.socketpair(), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_NETLINK, 3, 0)]
held += [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(5)]
print(json.dumps({"pid": os.getpid()}), flush=True); sys.stdin.read()
"""
    with python_child(program) as started:
        assert started["pid"] not in {process.pid for process in read_processes().seen}


SHARING = """
import json, os, socket, sys
held = [socket.socket() for _ in range(6)]
again = [sock.dup() for sock in held]
reader, writer = os.pipe()
for _ in range(3):
    if os.fork() == 0:
        os.close(writer); more = [socket.socket(), socket.socket()]
        os.write(int(sys.argv[1]), b"."); os.read(reader, 1); os._exit(0)
os.close(reader)
print(json.dumps({"pid": os.getpid()}), flush=True); sys.stdin.read()
"""


def test_a_socket_that_several_processes_hold_counts_once_for_the_lowest_pid():
    ready, report = os.pipe()
    program = SHARING.replace("int(sys.argv[1])", str(report))
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[report],
    ) as parent:
        try:
            pid = json.loads(parent.stdout.readline())["pid"]
            received = b""
            while len(received) < 3:
                received += os.read(ready, 3)
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            processes = read_processes()
            assert (
                find_process(processes, pid).tcp_close,
                find_process(processes, pid).shared,
            ) == (6, 3)
            for one in children:
                process = find_process(processes, int(one))
                assert (process.tcp_close, process.shared) == (2, 0)
        finally:
            parent.stdin.close()
            os.close(ready)
            os.close(report)


def test_the_longest_output_stays_below_the_limit():
    # pid, namespace, count and shared of ten digits, a user of 32, a comm of 15, two groups.
    one = len("process ") + 4 * 11 + len("user ") + 10 + 33 + len("comm ") + 16
    one += 2 * (len("cgroup ") + 301) + len("args ") + 257 + len("files ") + 22
    assert MAX_PROCESSES * one < OUTPUT_LIMIT * 0.8


def test_arguments_only_with_the_option():
    secret = "--password=hunter2"
    with python_child(THREE_SOCKETS, secret, "two\nlines", "x" * 5000) as started:
        assert secret.encode() not in run_process_script()
        assert find_process(read_processes(), started["pid"]).arguments is None
        process = find_process(read_processes(PROCESS_SCRIPT_WITH_ARGS), started["pid"])
        assert process.arguments.startswith(f"{Path(sys.executable)} -c")
        assert "\n" not in process.arguments
        assert len(process.arguments) <= 256
        assert process.tcp_close == 3
        assert find_process(read_processes(), started["pid"]).command == process.command
    with python_child("import sys;" + THREE_SOCKETS.strip().replace("\n", ";"), secret) as started:
        assert (
            secret
            in find_process(read_processes(PROCESS_SCRIPT_WITH_ARGS), started["pid"]).arguments
        )


@pytest.mark.parametrize("busybox", [False, True], ids=["coreutils", "busybox"])
@pytest.mark.parametrize("unlimited", [False, True], ids=["limited", "no limit readable"])
def test_open_files_are_counted_beside_their_limit(busybox, unlimited, tools_folder):
    program = """
import json, os, resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (77, 99))
held = [socket.socket() for _ in range(3)] + [open("/dev/null") for _ in range(20)]
held.append(open(sys.argv[1], "w"))
print(json.dumps({"pid": os.getpid(), "files": len(os.listdir("/proc/self/fd")) - 1}), flush=True)
sys.stdin.read()
"""
    script = (
        PROCESS_SCRIPT.replace("Max open files", "No such line") if unlimited else PROCESS_SCRIPT
    )
    with python_child(program, str(tools_folder / "a name -> of words")) as started:
        path = only(tools_folder, "python3", busybox=busybox)
        process = find_process(read_processes(script, path=path), started["pid"])
    assert (process.tcp_close, process.open_files) == (3, started["files"])
    assert process.open_files_limit == (None if unlimited else 77)


def test_the_name_of_a_process_forges_no_line():
    program = """
import json, os, socket, sys
held = [socket.socket() for _ in range(2)]
open("/proc/self/comm", "w").write("a\\nrest 7 9999")
print(json.dumps({"pid": os.getpid()}), flush=True); sys.stdin.read()
"""
    with python_child(program) as started:
        processes = read_processes()
        assert find_process(processes, started["pid"]).command == "a"
        assert processes.rest_tcp_close == 0


@pytest.mark.parametrize("shell", BIN_SHELLS)
def test_a_backslash_in_a_name_or_an_argument_forges_no_line(shell):
    """The echo of dash and mksh makes a newline of a backslash and an n, and ends at a \\c."""
    program = r"""
import json, os, socket, sys
held = [socket.socket() for _ in range(2)]
open("/proc/self/comm", "w").write(r"a\nrest 7 99\c")
print(json.dumps({"pid": os.getpid()}), flush=True); sys.stdin.read()
"""
    with python_child("#\\nrest 7 9999\\c\n" + program) as started:
        words = [*shell.split(), "-c", PROCESS_SCRIPT_WITH_ARGS]
        output = subprocess.run(words, capture_output=True, check=True).stdout
        processes = parse_processes(output)
        assert processes.rest_tcp_close == 0
        process = find_process(processes, started["pid"])
        assert process.command == r"a\nrest 7 99\c"
        assert r"-c #\nrest 7 9999\c import json" in re.sub(" +", " ", process.arguments)


@pytest.mark.parametrize("busybox", [False, True], ids=["coreutils", "busybox"])
def test_the_name_of_an_open_file_forges_no_socket(busybox, tmp_path, tools_folder):
    program = """
import json, os, socket, sys
held = [socket.socket() for _ in range(4)]
inode = os.fstat(held[0].fileno()).st_ino
forged = f"\\n/proc/1/fd:\\n1 lrwx------ 1 0 0 64 Nov 22 11:00 0 -> socket:[{inode}]"
os.makedirs(os.path.dirname(sys.argv[1] + forged))
held.append(open(sys.argv[1] + forged, "w"))
held.append(open(sys.argv[1] + "0 7 -> socket:[1]", "w"))
print(json.dumps({"pid": os.getpid()}), flush=True); sys.stdin.read()
"""
    with python_child(program, str(tmp_path / "file")) as started:
        processes = read_processes(path=only(tools_folder, "python3", busybox=busybox))
        process = find_process(processes, started["pid"])
        assert (process.tcp_close, process.shared) == (4, 0)


def test_the_processes_with_the_most_sockets_are_described():
    script = PROCESS_SCRIPT.replace(f"room = {MAX_PROCESSES}", "room = 2")
    assert script != PROCESS_SCRIPT
    with ExitStack() as stack:
        holders = [stack.enter_context(holder_elsewhere(idle=n)) for n in (3000, 5, 2000, 5, 7)]
        everything = {process.pid: process.tcp_close for process in read_processes().seen}
        processes = read_processes(script)
        assert [process.pid for process in processes.seen] == [holders[0].pid, holders[2].pid]
        assert processes.rest_processes >= 3
        assert processes.rest_tcp_close >= 17
        assert {one.pid: one.tcp_close for one in holders}.items() <= everything.items()


def test_the_time_limit_makes_the_list_partial():
    script = PROCESS_SCRIPT.replace("NR % 4096", "NR % 1").replace("now() > start + 6", "NR > 400")
    with holder_elsewhere(idle=500):
        processes = read_processes(script)
        assert processes.partial
        assert processes.tcp_close < 400
    at_once = PROCESS_SCRIPT.replace("NR % 4096", "NR % 1").replace("> start + 6", ">= start")
    assert read_processes(at_once) == Processes(seen=(), exact=True, partial=True)


def test_the_memory_limit_makes_the_list_partial():
    script = PROCESS_SCRIPT.replace("NR % 4096", "NR % 1").replace("> 500000", "> 30")
    with holder_elsewhere(idle=100) as one:
        processes = read_processes(script)
        assert processes.partial
        assert processes.tcp_close <= 31
        assert find_process(read_processes(), one.pid).tcp_close == 100


def test_without_complete_tables_there_is_no_result():
    script = PROCESS_SCRIPT.replace("rows % 4096", "rows % 1").replace("> start + 12", ">= start")
    with holder_elsewhere(idle=10, listening=3):
        processes = read_processes(script)
        assert (processes.partial, processes.seen, processes.tool) == (True, (), None)


SHELLS = {
    "sh": ["sh"],
    "bash": ["bash"],
    "dash": ["dash"],
    "busybox ash": ["busybox", "ash"],
    "zsh": ["zsh"],
    "tcsh": ["tcsh"],
    "fish": ["fish"],
    "ksh": ["ksh"],
    "mksh": ["mksh"],
}


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_every_login_shell_runs_it(shell):
    with holder_elsewhere(**KINDS) as one:
        for script in (PROCESS_SCRIPT, PROCESS_SCRIPT_WITH_ARGS):
            assert (
                find_process(read_processes(script, shell=shell), one.pid).tcp_close
                == one.tcp_close
            )


@pytest.mark.parametrize("shell", BIN_SHELLS)
def test_every_bin_sh_runs_it(shell):
    with holder_elsewhere(**KINDS) as one:
        result = subprocess.run(
            [*shell.split(), "-c", PROCESS_SCRIPT_WITH_ARGS], capture_output=True, check=True
        )
        assert result.stderr == b""
        assert find_process(parse_processes(result.stdout), one.pid).tcp_close == one.tcp_close


@pytest.mark.parametrize("script", [PROCESS_SCRIPT, PROCESS_SCRIPT_WITH_ARGS])
def test_it_is_one_line_without_characters_that_shells_treat_differently(script):
    assert not set("'!\n`") & set(script)
    assert "\\\\" not in script
    assert script.isascii()


def test_without_awk_or_proc_net_there_is_no_result(tools_folder):
    path = only(tools_folder, "python3")
    (tools_folder / "awk").unlink()
    result = subprocess.run(
        ["/bin/sh", "-c", PROCESS_SCRIPT], capture_output=True, check=False, env={"PATH": path}
    )
    assert parse_processes(result.stdout) is None


def test_the_number_of_forks_is_constant():
    def starts():
        calls = "fork,vfork,clone,clone3"
        words = ["strace", "-f", "-e", f"trace={calls}", "dash", "-c", PROCESS_SCRIPT]
        # A python3 that is a shell script would add its own forks.
        environment = {"PATH": "/usr/bin:/bin"}
        traced = subprocess.run(words, capture_output=True, check=True, env=environment)
        return len(re.findall(rb"(?:fork|vfork|clone3?)\(", traced.stderr))

    with holder_elsewhere(idle=1):
        few = starts()
        with ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(holder_elsewhere(idle=200))
            assert abs(starts() - few) <= 2  # xargs cuts a long list in two
    assert few <= 20
