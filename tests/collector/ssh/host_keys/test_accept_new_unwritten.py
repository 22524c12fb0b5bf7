"""accept-new when the key cannot be written: devices, missing rights, a full disk."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category
from sockfleet.inventory.models import HostKeyPolicy
from tests.support.ssh.host_keys import ACCEPT_NEW, Key, host, refusal, verdict, verifier_for


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_with_a_device_the_key_is_known_for_this_run(keys: dict[str, Key], device: str) -> None:
    verifier = verifier_for(Path(device), HostKeyPolicy.ACCEPT_NEW)
    assert verdict(verifier, host(), keys["one"]) is None
    assert verdict(verifier, host(), keys["one"]) is None
    assert verdict(verifier, host(), keys["two"]) is Category.HOSTKEY_CHANGED
    assert verifier.notes == ()


@pytest.mark.parametrize("broken", ["parent is a file", "parent's parent is missing"])
def test_a_file_that_cannot_be_made_fails_the_host_with_the_reason(
    keys: dict[str, Key], tmp_path: Path, broken: str
) -> None:
    (tmp_path / "plain").touch()
    where = "plain/known_hosts" if broken == "parent is a file" else "a/b/c/known_hosts"
    check = verifier_for(tmp_path / where).for_host(host(ssh=ACCEPT_NEW))
    key = keys["one"]
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.LOCAL_RESOURCE)
    assert f"cannot be added to {tmp_path / where}: " in message
    assert re.search(r"Not a directory|No such file", message)


def test_a_read_only_file_fails_the_host_with_the_reason(
    keys: dict[str, Key], file: Path, mocker
) -> None:
    refused = OSError(30, "Read-only file system")
    mocker.patch("sockfleet.collector.ssh.host_keys.accept_new.os.open", side_effect=refused)
    check = verifier_for(file).for_host(host(ssh=ACCEPT_NEW))
    key = keys["one"]
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.LOCAL_RESOURCE)
    assert "Read-only file system; name a file that can be written" in message


FULL_DISK = """
import sys, base64, resource, signal
from sockfleet.collector.errors import HostError
from sockfleet.collector.ssh.host_keys.policy import HostKeyVerifier
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, HostKeyPolicy
kind, text = sys.argv[2].split()
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
verifier = HostKeyVerifier(TransportSettings(known_hosts_files=(sys.argv[1],),
                                          host_keys=HostKeyPolicy.ACCEPT_NEW))
try:
    verifier.for_host(Host(name="x", address="web1")).check_key(kind, base64.b64decode(text))
except HostError as error:
    print(error.category)
"""


def test_a_partly_written_line_is_removed(keys: dict[str, Key], file: Path) -> None:
    text = f"other {keys['two'].line}\n"
    file.write_text(text)
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(file), keys["one"].line, str(len(text) + 40)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "local_resource\n"
    assert file.read_text() == text
