"""Output files are replaced atomically: killed runs, full disks, removed folders, rights."""

from __future__ import annotations

import fcntl
import json
import os
import random
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.output.atomic_file import WriteError, find_foreign, replace_whole
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.fleet.sample_fleet import reading, scan, summaries
from tests.support.paths import TESTS

SOCKFLEET = [sys.executable, "-m", "sockfleet.cli"]
DRIVER = TESTS / "support" / "cli" / "killed_runs.py"
OLD = b"old" * 1000


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(".sockfleet-*"))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """A scan's document of some 100 KiB."""
    hosts = [reading(f"web{number}", groups=("web",)) for number in range(200)]
    path = tmp_path / "part.json"
    path.write_bytes(
        load_format("json").render(summarize_fleet(summaries(*hosts), scan()), RenderOptions())
    )
    return path


@pytest.fixture
def local_fleet(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.ini"
    path.write_text("here[1:5] ansible_connection=local\n")
    return path


def killed(file: Path, *words: str | Path) -> dict[str, int]:
    seed = str(random.SystemRandom().randrange(10**9))
    print("seed", seed)
    words = ("python", str(DRIVER), seed, str(file), *map(str, words))
    result = subprocess.run(
        [sys.executable, *words[1:]], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"seed {seed}\n{result.stdout}{result.stderr}"
    seen = json.loads(result.stdout)
    print(seen)
    return seen


@pytest.mark.parametrize("command", ["scan", "merge"])
def test_killed_at_200_random_moments_the_file_is_the_old_or_the_new(
    command, part, local_fleet, tmp_path
):
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "fleet.json"
    source = local_fleet if command == "scan" else part
    seen = killed(out, command, source, "-o", out)
    assert seen["killed"] + seen["ended"] == 200
    assert min(seen["killed"], seen["old"], seen["new"]) > 0
    assert seen["most_leftovers"] <= 1
    assert seen["left_at_the_end"] == 0


@pytest.mark.parametrize(
    ("call", "new"),
    [
        ("flock", False),
        ("fchmod", False),
        ("fsync:when=1", False),
        ("rename", False),
        ("fsync:when=2", True),
    ],
)
def test_killed_at_each_step_of_the_writing(part, tmp_path, call, new):
    """strace kills at the system call itself: the moments that chance would rarely hit."""
    out = tmp_path / "out.json"
    out.write_bytes(OLD)
    name, _, when = call.partition(":")
    inject = f"inject={name}:signal=KILL" + (f":{when}" if when else "")
    result = subprocess.run(
        [
            *("strace", "-qq", "-o", str(tmp_path / "trace"), "-e", f"trace={name}", "-e", inject),
            *(*SOCKFLEET, "merge", str(part), "-o", str(out)),
        ],
        capture_output=True,
        check=False,
    )
    assert result.returncode == -9, (result.returncode, result.stderr)
    if new:
        assert json.loads(out.read_bytes())["fleet"]["hosts"]["total"] == 200
    else:
        assert out.read_bytes() == OLD
    assert len(leftovers(tmp_path)) <= 1
    subprocess.run([*SOCKFLEET, "merge", str(part), "-o", str(out)], check=True)
    assert leftovers(tmp_path) == []


def on_a_small_disk(script: str, folder: Path, options: str = "size=64k") -> tuple[int, str]:
    """Run a shell script with a tmpfs on ``folder``, in a mount namespace of its own."""
    folder.mkdir()
    ways = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
    mounted = f"mount -t tmpfs -o {options} none {folder} && cd {folder} && {script}"
    result = subprocess.run(
        ["unshare", *ways, "sh", "-c", mounted],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout


def test_a_full_disk_keeps_the_old_file(part, tmp_path):
    code, said = on_a_small_disk(
        f"printf old >out.json && {sys.executable} -m sockfleet.cli merge {part} -o out.json -f csv"
        " >table.csv; echo code $?; cat out.json; ls -A",
        tmp_path / "disk",
    )
    assert code == 0, said
    assert "cannot write out.json: No space left on device" in said
    assert "code 5\noldout.json\ntable.csv\n" in said


def test_a_full_disk_leaves_no_temporary_file(part, tmp_path):
    code, said = on_a_small_disk(
        "printf old >out.json && cat /dev/zero >fill 2>/dev/null; rm -f none; "
        f"{sys.executable} -m sockfleet.cli merge {part} -o out.json; "
        "echo code $?; cat out.json; ls -A",
        tmp_path / "disk",
    )
    assert code == 0, said
    assert "code 5\noldfill\nout.json\n" in said


def test_a_read_only_folder_is_reported(part, tmp_path):
    code, said = on_a_small_disk(
        "printf old >out.json && mount -o remount,bind,ro . && "
        f"{sys.executable} -m sockfleet.cli merge {part} -o out.json; echo code $?; cat out.json",
        tmp_path / "disk",
    )
    assert code == 0, said
    assert "-o out.json: no permission to write there" in said
    assert "code 2\nold" in said


def test_a_folder_that_is_removed_fails_that_output_only(tmp_path):
    """The inventory is read after the outputs were judged."""
    (tmp_path / "gone").mkdir()
    script = tmp_path / "inventory.sh"
    script.write_text(
        f'#!/bin/sh\nrmdir {tmp_path}/gone\necho \'{{"_meta": {{"hostvars": {{"here": '
        '{"ansible_connection": "local"}}}, "all": {"hosts": ["here"]}}\'\n'
    )
    script.chmod(0o755)
    result = subprocess.run(
        [*SOCKFLEET, "scan", str(script), "-o", "gone/a.json", "-o", "b.json", "-f", "csv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 5
    assert (
        result.stderr == "sockfleet: error: cannot write gone/a.json: No such file or directory\n"
    )
    assert json.loads((tmp_path / "b.json").read_bytes())["fleet"]["hosts"]["ok"] == 1
    assert result.stdout.startswith("rank,name,")


def test_a_new_file_has_the_mode_of_the_format_under_any_umask(tmp_path):
    before = os.umask(0o777)
    try:
        replace_whole(tmp_path / "new", b"x", new_mode=0o644)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == 0o644


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o664, 0o755])
def test_an_existing_file_keeps_its_mode_without_mode(tmp_path, mode):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    replace_whole(path, b"new", new_mode=0o600)
    assert (path.read_bytes(), mode_of(path)) == (b"new", mode)
    replace_whole(path, b"newer", new_mode=0o600, mode=0o604)
    assert mode_of(path) == 0o604


def test_the_owner_and_the_group_are_kept(tmp_path, mocker):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o660)
    given = mocker.patch("os.fchown")
    replace_whole(path, b"new", new_mode=0o600)
    status = path.stat()
    assert [call.args[1:] for call in given.call_args_list] == [
        (-1, status.st_gid),
        (status.st_uid, -1),
    ]


def test_another_group_does_not_get_the_old_group_s_rights(tmp_path, mocker):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o664)
    mocker.patch("os.fchown", side_effect=PermissionError)
    real = os.fstat
    mocker.patch("os.fstat", lambda fd: _of_another_group(real(fd)))
    replace_whole(path, b"new", new_mode=0o600)
    assert mode_of(path) == 0o604


def _of_another_group(status: os.stat_result) -> os.stat_result:
    fields = list(status)
    fields[5] += 1
    return os.stat_result(fields)


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real/file")
    replace_whole(link, b"x", new_mode=0o600)
    assert link.is_symlink()
    assert (tmp_path / "real" / "file").read_bytes() == b"x"


def test_leftovers_are_removed_and_files_being_written_stay(tmp_path):
    dead, alive, other = (tmp_path / f".sockfleet-{name}.tmp" for name in ("a", "b", "c"))
    dead.write_bytes(b"x")
    other.mkdir()
    (tmp_path / ".sockfleet-link.tmp").symlink_to("/etc/passwd")
    (tmp_path / ".sockfleet-kept").write_bytes(b"not ours by its name")
    with alive.open("wb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        replace_whole(tmp_path / "file", b"x", new_mode=0o600)
    assert leftovers(tmp_path) == [
        ".sockfleet-b.tmp",
        ".sockfleet-c.tmp",
        ".sockfleet-kept",
        ".sockfleet-link.tmp",
    ]


def test_a_temporary_file_that_was_removed_is_created_again(tmp_path, mocker):
    real = fcntl.flock
    taken = []

    def flock(descriptor, how):
        if not taken:
            (leftover,) = tmp_path.glob(".sockfleet-*.tmp")
            taken.append(leftover)
            leftover.unlink()
        real(descriptor, how)

    mocker.patch("fcntl.flock", flock)
    replace_whole(tmp_path / "file", b"x", new_mode=0o600)
    assert taken
    assert (tmp_path / "file").read_bytes() == b"x"


def test_without_locks_files_are_written_and_nothing_is_removed(tmp_path, mocker):
    mocker.patch("fcntl.flock", side_effect=OSError(37, "No locks available"))
    (tmp_path / ".sockfleet-a.tmp").write_bytes(b"x")
    replace_whole(tmp_path / "file", b"x", new_mode=0o600)
    assert (tmp_path / "file").read_bytes() == b"x"
    assert leftovers(tmp_path) == [".sockfleet-a.tmp"]


@pytest.mark.parametrize("call", ["os.fsync", "os.fchmod", "pathlib.Path.replace"])
@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()])
def test_any_error_keeps_the_old_file_and_no_temporary_file(tmp_path, mocker, call, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    mocker.patch(call, side_effect=error)
    with pytest.raises(WriteError if isinstance(error, OSError) else KeyboardInterrupt):
        replace_whole(path, b"new", new_mode=0o600)
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_fifo_without_a_reader_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(WriteError, match="no process reads this FIFO"):
        replace_whole(tmp_path / "fifo", b"x", new_mode=0o600)


def test_a_fifo_with_a_reader_gets_more_than_it_holds_at_once(tmp_path):
    data = bytes(range(256)) * 1024  # a pipe holds 64 KiB
    os.mkfifo(tmp_path / "fifo")
    with subprocess.Popen(["cat", tmp_path / "fifo"], stdout=subprocess.PIPE) as reader:
        writer = os.open(tmp_path / "fifo", os.O_WRONLY)  # once cat reads
        collected = []
        thread = threading.Thread(target=lambda: collected.append(reader.stdout.read()))
        thread.start()
        replace_whole(tmp_path / "fifo", data, new_mode=0o600)
        os.close(writer)
        thread.join()
    assert collected == [data]


@pytest.mark.parametrize("mode", [0o1777, 0o777, 0o1770])
@pytest.mark.parametrize("kind", ["file", "FIFO", "link"])
def test_another_users_file_in_a_shared_folder_is_left_alone(tmp_path, mocker, kind, mode):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    path = folder / "out"
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "link":
        (folder / "target").write_bytes(b"theirs")
        path.symlink_to(folder / "target")
    else:
        path.write_bytes(b"theirs")
    mocker.patch.object(Path, "lstat", lambda self: _of_another_user(os.lstat(self)))
    with pytest.raises(WriteError, match=f"it is another user's {kind} in a folder of everybody"):
        replace_whole(path, b"new", new_mode=0o600)
    mocker.stopall()
    assert kind == "FIFO" or path.read_bytes() == b"theirs"
    folder.chmod(0o755)
    assert find_foreign(path) is None


def _of_another_user(status: os.stat_result) -> os.stat_result:
    fields = list(status)
    fields[4] += 4711
    return os.stat_result(fields)


def test_the_longest_name_that_a_folder_takes(tmp_path):
    path = tmp_path / ("x" * 250 + ".json")
    replace_whole(path, b"x", new_mode=0o600)
    assert path.read_bytes() == b"x"
