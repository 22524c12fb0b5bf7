"""The known_hosts files of a host: its own, the scan's, ssh's, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.host_keys import policy
from sockfleet.collector.ssh.host_keys.policy import HostKeyVerifier
from sockfleet.collector.transport import TransportSettings
from sockfleet.core.errors import UsageError
from sockfleet.inventory.models import HostKeyPolicy, SshSettings
from tests.support.ssh.host_keys import Key, host, refusal, verdict, verifier_for


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def test_the_hosts_own_files_come_first_and_each_list_is_read_once(
    keys: dict[str, Key], tmp_path: Path, mocker
) -> None:
    own, shared = tmp_path / "own", tmp_path / "shared"
    own.write_text(f"web1 {keys['one'].line}\n")
    shared.write_text(f"web1 {keys['two'].line}\nspoilt\n")
    load = mocker.spy(policy.KnownHosts, "load")
    verifier = verifier_for(shared)
    mine = SshSettings(known_hosts_files=(str(own),))
    for _ in range(3):
        assert verdict(verifier, host(ssh=mine), keys["one"]) is None
        assert verdict(verifier, host(), keys["two"]) is None
    assert load.call_count == 2
    assert len(verifier.notes) == 1
    assert "cut short" in verifier.notes[0]


def test_the_default_files_are_those_of_ssh(keys: dict[str, Key]) -> None:
    folder = Path.home() / ".ssh"
    folder.mkdir()
    (folder / "known_hosts2").write_text(f"web1 {keys['one'].line}\n")
    verifier = HostKeyVerifier(TransportSettings())
    assert verdict(verifier, host(), keys["one"]) is None
    check = verifier.for_host(host("nobody"))
    key = keys["two"]
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_UNKNOWN)
    assert f"is in {folder}/known_hosts or 3 other known_hosts files." in message


def test_the_scans_settings_apply_where_the_host_has_none(
    keys: dict[str, Key], tmp_path: Path
) -> None:
    (tmp_path / "defaults").write_text(f"the-alias {keys['one'].line}\n")
    defaults = SshSettings(
        known_hosts_files=(str(tmp_path / "defaults"),),
        host_key_alias="the-alias",
        host_keys=HostKeyPolicy.ACCEPT_NEW,
    )
    verifier = HostKeyVerifier(TransportSettings(defaults=defaults))
    assert verdict(verifier, host(port=2222), keys["one"]) is None
    assert verdict(verifier, host(port=2222), keys["two"]) is Category.HOSTKEY_CHANGED
    other = SshSettings(host_key_alias="other", host_keys=HostKeyPolicy.STRICT)
    assert verdict(verifier, host(ssh=other), keys["one"]) is Category.HOSTKEY_UNKNOWN


def test_without_known_hosts_files_no_host_is_trusted(keys: dict[str, Key], file: Path) -> None:
    file.write_text(f"* {keys['one'].line}\n")
    none = SshSettings(known_hosts_files=())
    check = verifier_for(file).for_host(host(ssh=none))
    key = keys["one"]
    message = refusal(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_UNKNOWN)
    assert message.endswith(
        "then trust it: name a known_hosts file for this host instead of /dev/null, and add the "
        "key there"
    )


def test_an_unreadable_file_of_the_scan_ends_it_and_one_of_a_host_fails_that_host(
    tmp_path: Path, file: Path
) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        verifier_for(tmp_path)
    own = SshSettings(known_hosts_files=(str(tmp_path),))
    with pytest.raises(HostError) as caught:
        verifier_for(file).for_host(host(ssh=own))
    assert (caught.value.category, caught.value.phase) == (Category.CONFIG, Phase.CONFIG)
