"""accept-new while other processes write or replace the same known_hosts file."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category
from sockfleet.collector.ssh.host_keys import accept_new
from sockfleet.inventory.models import HostKeyPolicy
from tests.support.ssh.host_keys import Key, host, refusal, verdict, verifier_for


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def test_a_file_replaced_before_the_lock_is_reopened(
    keys: dict[str, Key], file: Path, mocker
) -> None:
    file.write_text("# old\n")
    verifier = verifier_for(file, HostKeyPolicy.ACCEPT_NEW)
    flock = accept_new.fcntl.flock
    changes = [lambda: file.unlink(), lambda: file.write_text("# new\n")]

    def locked(stream: object, how: int) -> None:
        if changes:
            changes.pop(0)()
        flock(stream, how)

    mocker.patch.object(accept_new.fcntl, "flock", locked)
    assert verdict(verifier, host(), keys["one"]) is None
    assert file.read_text() == f"# new\nweb1 {keys['one'].line}\n"


def test_a_key_that_another_process_added_is_trusted(keys: dict[str, Key], file: Path) -> None:
    file.write_text(f"# nothing yet\nother {keys['rsa'].line}\n")
    verifier = verifier_for(file, HostKeyPolicy.ACCEPT_NEW)
    with file.open("a") as stream:
        stream.write(f"web1 {keys['one'].line}\ndb {keys['one'].line}\n")
    before = file.read_text()
    assert verdict(verifier, host("web1"), keys["one"]) is None
    assert verdict(verifier, host("db"), keys["two"]) is Category.HOSTKEY_CHANGED
    assert file.read_text() == before
    key = keys["two"]
    check = verifier.for_host(host("db"))
    assert f"({file}:4)" in refusal(
        lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_CHANGED
    )


def test_a_replaced_file_is_read_again_and_added_to(keys: dict[str, Key], file: Path) -> None:
    file.write_text(f"web1 {keys['one'].line}\n")
    verifier = verifier_for(file, HostKeyPolicy.ACCEPT_NEW)
    subprocess.run(["ssh-keygen", "-H", "-f", str(file)], check=True, capture_output=True)
    assert verdict(verifier, host("db"), keys["two"]) is None
    assert file.read_text().endswith(f"\ndb {keys['two'].line}\n")
    assert file.read_text().startswith("|1|")


WRITER = """
import sys, base64
from sockfleet.collector.ssh.host_keys.policy import HostKeyVerifier
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, HostKeyPolicy
kind, text = sys.argv[2].split()
verifier = HostKeyVerifier(TransportSettings(known_hosts_files=(sys.argv[1],),
                                          host_keys=HostKeyPolicy.ACCEPT_NEW))
print("ready", flush=True)
sys.stdin.readline()
for n in range(200):
    verifier.for_host(Host(name="x", address=f"web{n}")).check_key(kind, base64.b64decode(text))
"""


def test_many_concurrent_processes_write_every_host_once(keys: dict[str, Key], file: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file), keys["one"].line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    rows = file.read_text().splitlines()
    assert sorted(rows) == sorted(f"web{n} {keys['one'].line}" for n in range(200))


def test_many_threads_that_race_for_one_name_agree_on_one_key(
    keys: dict[str, Key], file: Path
) -> None:
    verifier = verifier_for(file, HostKeyPolicy.ACCEPT_NEW)
    shown = [keys["one"], keys["two"]] * 20
    with ThreadPoolExecutor(8) as threads:
        verdicts = list(threads.map(lambda key: verdict(verifier, host(), key), shown))
    rows = file.read_text().splitlines()
    assert len(rows) == 1
    for key, said in zip(shown, verdicts, strict=True):
        assert said is (None if key.line in rows[0] else Category.HOSTKEY_CHANGED)
