"""The probe's command under every shell, and the parser of its output."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.errors import HostError
from sockfleet.collector.probe.answer import _parse_label, _split_sections, parse_probe
from sockfleet.collector.probe.forced_probe import FORCED_COMMAND
from sockfleet.collector.probe.full_probe import FullProbe
from sockfleet.collector.probe.kernel import tcp_estab
from sockfleet.collector.probe.script import ProbeOptions, new_marker, probe_command
from sockfleet.collector.transport import CommandOutput
from tests.support.fleet.fake_transport import SOCKSTAT, answer

MARK = "sockfleet-0123456789abcdef"
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


def run(shell, command, **options):
    assert shutil.which(shell[0]), f"{shell[0]} is missing: apt-get install {shell[0]}"
    return subprocess.run([*shell, "-c", command], capture_output=True, check=False, **options)


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_every_login_shell_runs_it(shell):
    mark = new_marker()
    result = run(shell, probe_command(mark))
    assert result.returncode == 0, result.stderr
    assert result.stderr == b""
    read = parse_probe(result.stdout, mark)
    assert read.sockstat.get("TCP", "alloc") is not None
    assert read.sockstat6.get("TCP6", "inuse") is not None
    kernel = read.kernel
    assert kernel.release == os.uname().release
    assert kernel.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert kernel.page_size == os.sysconf("SC_PAGE_SIZE")
    tcp_mem = Path("/proc/sys/net/ipv4/tcp_mem").read_text().split()
    assert kernel.tcp_mem == tuple(int(word) for word in tcp_mem)
    orphans = Path("/proc/sys/net/ipv4/tcp_max_orphans").read_text()
    assert kernel.tcp_max_orphans == int(orphans)
    assert kernel.tcp_estab is not None


def test_it_needs_only_the_tools_of_busybox(tmp_path):
    for tool in ("sh", "head"):
        (tmp_path / tool).symlink_to(shutil.which("busybox"))
    mark = new_marker()
    script = probe_command(mark).replace("exec /bin/sh", f"exec {tmp_path}/sh")
    result = run(["sh"], script, env={"PATH": str(tmp_path)})
    assert parse_probe(result.stdout, mark).kernel.tcp_mem is not None


def forks(command):
    assert shutil.which("strace"), "strace is missing: apt-get install strace"
    trace = ["strace", "-f", "-e", "trace=fork,vfork,clone,clone3"]
    traced = subprocess.run([*trace, "dash", "-c", command], capture_output=True, check=True)
    return len(re.findall(rb"\b(?:fork|vfork|clone3?)\(", traced.stderr))


def test_it_forks_once_and_a_few_times_for_namespaces():
    assert forks(probe_command(MARK, ProbeOptions(namespaces=False))) == 1
    assert forks(probe_command(MARK)) <= 8


def test_it_is_one_line_without_characters_that_shells_treat_differently():
    command = probe_command(MARK)
    assert command.startswith("exec /bin/sh -c '")
    assert command.count("'") == 2
    assert not set("!\n`") & set(command)
    assert "\\\\" not in command  # fish makes one of two backslashes


def test_marks_differ():
    assert new_marker() != new_marker()


def command_with(mark):
    return f"m={mark};"


def test_lines_outside_the_marks_are_ignored():
    noise = b"TCP: inuse 999999 alloc 999999\nsockfleet-ffffffffffffffff begin\n"
    out = noise + answer(command_with(MARK)) + noise
    assert parse_probe(out, MARK).sockstat.get("TCP", "inuse") == 143


def test_a_label_that_occurs_again_continues_its_section():
    sections = _split_sections(b"\n==> a <==\n1\n\n==> b <==\n2\n\n==> a <==\n3\n==> no label\n4")
    assert sections == {"a": b"1\n3\n==> no label\n4", "b": b"2"}


def seconds_to_split(labels: int) -> float:
    """The CPU time of this thread, at its best of three."""
    text = b"\n==> a <==\n1" * labels
    taken = []
    for _ in range(3):
        began = time.thread_time()
        sections = _split_sections(text)
        taken.append(time.thread_time() - began)
        assert len(sections["a"]) == 2 * labels - 1
    return min(taken)


def test_an_answer_of_labels_is_split_in_linear_time():
    """Each part is copied once, and not the section so far with each label: 256 times as much."""
    assert seconds_to_split(16 * 20_000) < 80 * seconds_to_split(20_000)


def test_long_labels_do_not_fill_the_cache():
    _parse_label.cache_clear()
    _split_sections(b"".join(b"\n==> %0*d <==\n" % (1000, n) for n in range(100)))
    assert _parse_label.cache_info().currsize == 1  # the empty text before the first label


def test_without_sockstat6_ipv6_is_off():
    assert parse_probe(answer(command_with(MARK), SOCKSTAT, None), MARK).sockstat6 is None


def test_a_missing_value_of_the_kernel_is_none():
    kernel = parse_probe(answer(command_with(MARK)), MARK).kernel
    assert kernel.release is kernel.boot_id is kernel.page_size is kernel.tcp_mem is None
    assert kernel.tcp_max_orphans is kernel.tcp_estab is None


@pytest.mark.parametrize(
    ("output", "category"),
    [
        (b"", "no_shell"),
        (b"This account is currently not available.\n", "no_shell"),
        (answer(command_with(MARK)) * 2, "no_shell"),
        (answer(command_with(MARK)).replace(b" end\n", b"\n"), "truncated"),
        (answer(command_with(MARK), b""), "parse"),
        (answer(command_with(MARK), b"TCP: inuse five\n"), "parse"),
        (answer(command_with(MARK), SOCKSTAT, b"TCP6: inuse\n"), "parse"),
        (b"\n%b begin\n%b end\n" % (MARK.encode(), MARK.encode()), "unsupported_host"),
    ],
)
def test_an_incomplete_answer_is_an_error(output, category):
    with pytest.raises(HostError) as caught:
        parse_probe(output, MARK)
    assert caught.value.category == category


def failure_of(stdout, stderr=b""):
    """The error of an output that is no answer."""
    with pytest.raises(HostError) as caught:
        parse_probe(stdout, MARK, stderr)
    return caught.value


def test_lines_that_a_terminal_ends_with_cr_lf_are_read():
    sent = answer(command_with(MARK)).replace(b"\n", b"\r\n")
    assert parse_probe(sent, MARK).sockstat.get("TCP", "alloc") == 247


def test_the_answer_through_a_real_terminal_is_read():
    assert shutil.which("script"), "script is missing: apt-get install bsdutils"
    mark = new_marker()
    session = ["script", "-qec", probe_command(mark), "/dev/null"]
    printed = subprocess.run(session, capture_output=True, stdin=subprocess.DEVNULL, check=True)
    assert b"\r\n" in printed.stdout
    read = parse_probe(printed.stdout, mark)
    assert read.sockstat.get("TCP", "alloc") is not None
    assert read.namespaces.seen


@pytest.mark.parametrize(
    "stderr",
    [
        b"Password change required but no TTY available.\n",
        b"open terminal failed: not a terminal\n",
        b"fatal: unrecognized command 'exec /bin/sh'\n",
        b"'exec' is not recognized as an internal or external command,\r\n",
    ],
    ids=["expired password", "tmux in bashrc", "git-shell", "Windows cmd"],
)
def test_what_the_host_said_on_stderr_is_quoted_where_the_begin_mark_never_came(stderr):
    error = failure_of(b"", stderr)
    assert error.category == "no_shell"
    assert stderr.decode().strip() in error.message.replace('"', "'")
    assert "needs a real login shell" not in error.message


def test_a_restricted_shell_is_quoted():
    result = run(["bash", "-r"], probe_command(MARK))
    assert "restricted" in failure_of(result.stdout, result.stderr).message


def test_a_key_of_authorized_key_without_probe_forced_is_known_by_its_mark():
    printed = run(["sh"], FORCED_COMMAND)
    error = failure_of(printed.stdout)
    assert error.category == "no_shell"
    assert "scan with --probe forced" in error.message


def test_a_login_shell_that_changes_the_command_is_named():
    """xonsh reads the quoted script as a string of Python."""
    xonsh = [sys.executable, "-m", "xonsh", "--no-rc"]
    environment = {**os.environ, "SHELL": "/usr/bin/xonsh"}
    probe = FullProbe(ProbeOptions(), mark=MARK)
    result = subprocess.run(
        [*xonsh, "-c", probe.command], capture_output=True, check=False, env=environment
    )
    output = CommandOutput(
        stdout=result.stdout, stderr=result.stderr, exit_status=result.returncode
    )
    with pytest.raises(HostError) as caught:
        probe.read(output)
    assert caught.value.category == "no_shell"
    assert "changes it, and this account's is /usr/bin/xonsh: give" in caught.value.message
    assert "yntax error" in caught.value.message
    # It does not change a script without backslashes.
    short = probe_command(MARK, ProbeOptions(namespaces=False))
    result = subprocess.run([*xonsh, "-c", short], capture_output=True, check=True)
    assert parse_probe(result.stdout, MARK).sockstat.get("TCP", "alloc") is not None


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox", "ksh", "mksh"])
def test_a_command_that_bin_sh_cannot_read_is_known_by_its_own_words(shell, tmp_path):
    as_bin_sh = tmp_path / "sh"
    as_bin_sh.write_text(f'#!/bin/bash\nexec -a /bin/sh {shell} "$@"\n')
    as_bin_sh.chmod(0o755)
    changed = probe_command(MARK).replace('\\"', '"').replace("exec /bin/sh", f"exec {as_bin_sh}")
    result = run(["sh"], changed)
    error = failure_of(result.stdout, result.stderr)
    assert error.category == "no_shell"
    assert error.message.startswith("the host could not read the probe's command: ")
    assert "yntax error" in error.message


def test_a_syntax_error_of_a_start_up_file_is_quoted_and_not_taken_for_the_commands(tmp_path):
    bashrc = tmp_path / "bashrc"
    bashrc.write_text("if true; then\nexit 1\nfi fi\n")
    result = run(["bash"], f". {bashrc}; exit")
    error = failure_of(result.stdout, result.stderr)
    assert f"{bashrc}: line 3: syntax error" in error.message
    assert "did not run the probe" in error.message
    assert "POSIX" not in error.message


def test_a_host_without_head_says_so(tmp_path):
    (tmp_path / "sh").symlink_to(shutil.which("busybox"))
    result = run(["/bin/sh"], probe_command(MARK), env={"PATH": str(tmp_path)})
    error = failure_of(result.stdout, result.stderr)
    assert error.category == "unsupported_host"
    assert "head: not found" in error.message
    assert "not Linux" not in error.message


@pytest.mark.parametrize("has_proc", [False, True])
def test_a_host_is_called_no_linux_only_where_it_has_no_proc(has_proc, tmp_path):
    proc = tmp_path / "proc"
    if has_proc:
        (proc / "self").mkdir(parents=True)
    command = probe_command(MARK, ProbeOptions(namespaces=False)).replace("/proc/", f"{proc}/")
    result = run(["sh"], command)
    error = failure_of(result.stdout, result.stderr)
    assert error.category == "unsupported_host"
    assert "sockstat' for reading: No such file or directory" in error.message
    assert error.message.endswith(": not Linux, or /proc is not mounted") is not has_proc


@pytest.mark.as_root
def test_a_sockstat_that_may_not_be_read_is_no_missing_linux(tmp_path):
    """Android: the file is there, and SELinux denies it to the shell's user."""
    (tmp_path / "sockstat").write_bytes(SOCKSTAT)
    (tmp_path / "sockstat").chmod(0)
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.owner() == "root" and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    command = probe_command(MARK, ProbeOptions(namespaces=False))
    command = command.replace("/proc/net", str(tmp_path)).replace("/proc/self/net", str(tmp_path))
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh"]
    result = run(nobody, command)
    error = failure_of(result.stdout, result.stderr)
    assert error.category == "unsupported_host"
    assert "Permission denied" in error.message
    assert "not Linux" not in error.message


complete = answer(command_with(MARK))


@given(st.integers(0, len(complete) - 2))
def test_truncated_output_is_never_a_reading(length):
    with pytest.raises(HostError):
        parse_probe(complete[:length], MARK)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_around_the_marks_change_nothing_or_are_refused(before, after):
    try:
        read = parse_probe(before + complete + after, MARK)
    except HostError as error:
        assert error.message.isprintable()
    else:
        assert read.sockstat.get("TCP", "alloc") == 247


@given(st.binary(max_size=500))
def test_any_bytes_inside_are_parsed_or_refused(inside):
    mark = MARK.encode()
    try:
        parse_probe(b"\n%b begin\n%b\n%b end\n" % (mark, inside, mark), MARK)
    except HostError as error:
        assert error.message.isprintable()


def test_estab_is_found_by_its_column():
    assert tcp_estab(b"Tcp: A CurrEstab B\nTcp: 1 61 2\n") == 61
    assert tcp_estab(b"Tcp: A B\nTcp: 1 2\n") is None
    assert tcp_estab(b"Tcp: A CurrEstab\nTcp: 1\n") is None
    assert tcp_estab(b"Tcp: CurrEstab\nTcp: -1\n") is None
    assert tcp_estab(b"") is None
