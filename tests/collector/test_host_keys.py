"""The policy for host keys: ssh's verdicts on a real server, the messages, and accept-new."""

from __future__ import annotations

import base64
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sshd import Sshd, ssh_keygen

from sockfleet.collector import host_keys, new_host_keys
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.host_keys import (
    HostKeyVerifier,
    OtherKeyTypesError,
    fingerprint,
    joined_notes,
)
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.errors import UsageError
from sockfleet.inventory.models import Hop, Host, HostKeyPolicy, SshSettings

ACCEPT_NEW = SshSettings(host_keys=HostKeyPolicy.ACCEPT_NEW)


@dataclass(frozen=True)
class Key:
    """A public key as its file has it."""

    path: Path
    kind: str
    text: str

    @property
    def blob(self) -> bytes:
        return base64.b64decode(self.text)

    @property
    def line(self) -> str:
        return f"{self.kind} {self.text}"


def public(path: Path) -> Key:
    kind, text = path.with_name(path.name + ".pub").read_text().split()[:2]
    return Key(path, kind, text)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Key]:
    folder = tmp_path_factory.mktemp("keys")
    made = {"one": "ed25519", "two": "ed25519", "rsa": "rsa", "ecdsa": "ecdsa"}
    return {name: public(ssh_keygen(folder / name, key_type=t)) for name, t in made.items()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def verifier(file: Path, policy: HostKeyPolicy = HostKeyPolicy.STRICT) -> HostKeyVerifier:
    return HostKeyVerifier(TransportSettings(known_hosts_files=(str(file),), host_keys=policy))


def host(address: str = "web1", port: int = 22, ssh: SshSettings | None = None) -> Host:
    return Host(name="a-name", address=address, port=port, ssh=ssh or SshSettings())


def verdict(judge: HostKeyVerifier, of: Host, key: Key) -> Category | None:
    try:
        judge.for_host(of).check_key(key.kind, key.blob)
    except HostError as error:
        assert error.phase is Phase.KEX
        return error.category
    return None


# Against ssh itself.


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with Sshd(
        tmp_path_factory.mktemp("server"),
        addresses=["127.0.0.1", "::1"],
        host_key_types=("ed25519", "ecdsa"),
    ) as running:
        yield running


def ssh_accepts(server: Sshd, file: Path, address: str, *options: str) -> bool:
    command = ["ssh", "-F", "/dev/null", "-p", str(server.port), "-i", str(server.client_key)]
    for option in (
        "BatchMode=yes",
        f"UserKnownHostsFile={file}",
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        *options,
    ):
        command += ["-o", option]
    run = subprocess.run(
        [*command, f"{server.user}@{address}", "true"], capture_output=True, check=False
    )
    return run.returncode == 0


SAME_AS_SSH = [
    ("[127.0.0.1]:{port} {key}", "127.0.0.1", "", None),
    ("127.0.0.1 {key}", "127.0.0.1", "", None),
    ("127.0.0.1 {other}", "127.0.0.1", "", Category.HOSTKEY_UNKNOWN),
    ("[127.0.0.1]:{port} {other}", "127.0.0.1", "", Category.HOSTKEY_CHANGED),
    ("[127.0.0.1]:{port} {other}\n127.0.0.1 {key}", "127.0.0.1", "", Category.HOSTKEY_CHANGED),
    ("[127.0.0.1]:{port} {other}\n[127.0.0.1]:{port} {key}", "127.0.0.1", "", None),
    ("[127.*]:{port} {key}", "127.0.0.1", "", None),
    ("[127.*]:*,![127.0.0.1]:* {key}", "127.0.0.1", "", Category.HOSTKEY_UNKNOWN),
    ("@revoked * {key}\n[127.0.0.1]:{port} {key}", "127.0.0.1", "", Category.HOSTKEY_REVOKED),
    ("@revoked * {other}\n[127.0.0.1]:{port} {key}", "127.0.0.1", "", None),
    ("@cert-authority * {key}", "127.0.0.1", "", Category.HOSTKEY_UNKNOWN),
    ("web1 {key}", "127.0.0.1", "web1", None),
    ("[web1]:{port} {key}", "127.0.0.1", "web1", Category.HOSTKEY_UNKNOWN),
    ("127.0.0.1 {key}", "127.0.0.1", "web1", Category.HOSTKEY_UNKNOWN),
    ("WEB1 {key}", "127.0.0.1", "Web1", None),
    ("[::1]:{port} {key}", "::1", "", None),
    ("[::1]:{port} {key}", "0:0:0:0:0:0:0:1", "", None),
    ("[0:0:0:0:0:0:0:1]:{port} {key}", "0:0:0:0:0:0:0:1", "", Category.HOSTKEY_UNKNOWN),
    ("[127.0.0.1]:{port}\t{key}\r", "127.0.0.1", "", None),
    ("garbage\n@odd x y\n[127.0.0.1]:{port} {key}", "127.0.0.1", "", None),
    ("", "127.0.0.1", "", Category.HOSTKEY_UNKNOWN),
]


@pytest.mark.parametrize(("text", "address", "alias", "category"), SAME_AS_SSH)
def test_says_what_ssh_says(
    server: Sshd,
    keys: dict[str, Key],
    file: Path,
    text: str,
    address: str,
    alias: str,
    category: Category | None,
) -> None:
    key = public(server.host_keys[0])
    file.write_text(text.format(port=server.port, key=key.line, other=keys["one"].line) + "\n")
    options = ["StrictHostKeyChecking=yes", f"HostKeyAlgorithms={key.kind}"]
    options += [f"HostKeyAlias={alias}"] if alias else []
    assert ssh_accepts(server, file, address, *options) is (category is None)
    at = host(address, server.port, SshSettings(host_key_alias=alias or None))
    assert verdict(verifier(file), at, key) is category


def test_a_known_host_that_shows_another_type_is_changed_as_with_ssh(
    server: Sshd, file: Path
) -> None:
    ed25519, ecdsa = (public(path) for path in server.host_keys)
    file.write_text(f"[127.0.0.1]:{server.port} {ed25519.line}\n")
    options = ("StrictHostKeyChecking=yes", f"HostKeyAlgorithms={ecdsa.kind}")
    assert not ssh_accepts(server, file, "127.0.0.1", *options)
    at = host("127.0.0.1", server.port)
    assert verdict(verifier(file), at, ecdsa) is Category.HOSTKEY_CHANGED


# Messages: what they say works when it is done.


def told(check: Callable[[], None], category: Category) -> str:
    with pytest.raises(HostError) as caught:
        check()
    assert caught.value.category is category
    assert caught.value.message.isprintable()
    return caught.value.message


def run_told(command: str) -> None:
    subprocess.run(command, shell=True, check=True, capture_output=True, text=True)


def test_an_unknown_host_is_trusted_after_the_command_of_its_message(
    server: Sshd, file: Path
) -> None:
    key = public(server.host_keys[0])
    at = host("127.0.0.1", server.port)
    check = verifier(file).for_host(at)
    message = told(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_UNKNOWN)
    assert f"127.0.0.1:{server.port} showed the ED25519 key {fingerprint(key.blob)}" in message
    assert f"no key of [127.0.0.1]:{server.port} is in {file}" in message
    shown = subprocess.run(["ssh-keygen", "-lf", key.path], capture_output=True, text=True)
    assert fingerprint(key.blob) in shown.stdout
    run_told(message.partition("then trust it: ")[2])
    assert verdict(verifier(file), at, key) is None


def test_a_changed_host_is_trusted_after_the_commands_of_its_message(
    server: Sshd, keys: dict[str, Key], file: Path
) -> None:
    key = public(server.host_keys[0])
    file.write_text(f"# old\n[127.0.0.1]:{server.port} {keys['one'].line}\n")
    at = host("127.0.0.1", server.port)
    check = verifier(file).for_host(at)
    message = told(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_CHANGED)
    assert f"is known by the ED25519 key {fingerprint(keys['one'].blob)} ({file}:2)" in message
    forget, _, trust = message.partition("that it was: ")[2].partition(", then ")
    run_told(forget)
    run_told(trust)
    assert verdict(verifier(file), at, key) is None


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (SshSettings(host_key_alias="the-alias"), "the-alias"),
        (SshSettings(jumps=(Hop(address="bastion", ssh=SshSettings()),)), "[web1]:2222"),
        (SshSettings(proxy_command="nc web1 22"), "[web1]:2222"),
    ],
)
def test_where_keyscan_does_not_reach_the_message_gives_the_line_itself(
    keys: dict[str, Key], file: Path, settings: SshSettings, name: str
) -> None:
    at = host("web1", 2222, settings)
    key = keys["rsa"]
    check = verifier(file).for_host(at)
    message = told(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_UNKNOWN)
    command = message.partition("then trust it: ")[2]
    assert shlex.split(command)[:2] == ["echo", f"{name} {key.line}"]
    run_told(command)
    assert verdict(verifier(file), at, key) is None


def test_a_pattern_is_to_be_edited_and_other_keys_are_counted(
    keys: dict[str, Key], file: Path
) -> None:
    file.write_text(
        f"web* {keys['one'].line}\nweb1 {keys['rsa'].line}\nweb1 {keys['ecdsa'].line}\n"
    )
    check = verifier(file).for_host(host())
    key = keys["two"]
    message = told(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_CHANGED)
    assert (
        f"is known by the RSA key {fingerprint(keys['rsa'].blob)} ({file}:2) and 2 more" in message
    )
    file.write_text(f"web* {keys['one'].line}\n")
    check = verifier(file).for_host(host())
    message = told(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_CHANGED)
    assert f"edit line 1 of {file}" in message


def test_a_revoked_key_and_a_key_of_the_wrong_type_are_told(
    keys: dict[str, Key], file: Path
) -> None:
    key = keys["one"]
    file.write_text(f"@revoked * {key.line}\nweb1 {key.line}\n")
    check = verifier(file).for_host(host())
    message = told(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_REVOKED)
    assert "which is marked @revoked in" in message
    assert check.revoked_keys == (key.blob,)
    message = told(lambda: check.check_key("ssh-rsa", key.blob), Category.PROTOCOL)
    assert "host key of type 'ssh-ed25519' where 'ssh-rsa' was agreed on" in message
    told(lambda: check.check_key("ssh-\x1b[2Jrsa", b"\xff" * 50), Category.PROTOCOL)


# Algorithms.


def test_algorithms_put_what_is_known_first(keys: dict[str, Key], file: Path) -> None:
    file.write_text(
        f"web1 {keys['rsa'].line}\nweb1 {keys['one'].line}\n"
        f"@cert-authority *.example.org {keys['two'].line}\na.example.org {keys['one'].line}\n"
    )
    judge = verifier(file)
    assert judge.for_host(host("web1")).algorithms == (
        "rsa-sha2-512",
        "rsa-sha2-256",
        "ssh-ed25519",
    )
    assert judge.for_host(host("db")).algorithms == ()
    certified = judge.for_host(host("a.example.org")).algorithms
    assert certified[0] == "ssh-ed25519-cert-v01@openssh.com"
    assert certified[-1] == "ssh-ed25519"


def test_large_hashed_files_tell_the_right_types_after_the_first_try(
    keys: dict[str, Key], file: Path, mocker
) -> None:
    file.write_text(f"web1 {keys['ecdsa'].line}\nother {keys['one'].line}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", str(file)], check=True, capture_output=True)
    mocker.patch("sockfleet.collector.known_hosts._HASHED_AT_ONCE", 1)
    judge = verifier(file)
    check = judge.for_host(host())
    assert check.algorithms == ()
    with pytest.raises(OtherKeyTypesError) as caught:
        check.check_key(keys["two"].kind, keys["two"].blob)
    assert caught.value.category is Category.HOSTKEY_CHANGED
    assert caught.value.algorithms == ("ecdsa-sha2-nistp256",)
    again = judge.for_host(host())
    assert again.algorithms == ("ecdsa-sha2-nistp256",)
    again.check_key(keys["ecdsa"].kind, keys["ecdsa"].blob)
    with pytest.raises(HostError) as caught_again:
        again.check_key(keys["two"].kind, keys["two"].blob)
    assert not isinstance(caught_again.value, OtherKeyTypesError)


# Which files.


def test_the_hosts_files_win_and_each_list_is_read_once(
    keys: dict[str, Key], tmp_path: Path, mocker
) -> None:
    own, shared = tmp_path / "own", tmp_path / "shared"
    own.write_text(f"web1 {keys['one'].line}\n")
    shared.write_text(f"web1 {keys['two'].line}\nspoilt\n")
    load = mocker.spy(host_keys.KnownHosts, "load")
    judge = verifier(shared)
    mine = SshSettings(known_hosts_files=(str(own),))
    for _ in range(3):
        assert verdict(judge, host(ssh=mine), keys["one"]) is None
        assert verdict(judge, host(), keys["two"]) is None
    assert load.call_count == 2
    assert len(judge.notes) == 1
    assert "cut short" in judge.notes[0]


def test_the_default_files_are_those_of_ssh(keys: dict[str, Key]) -> None:
    folder = Path.home() / ".ssh"
    folder.mkdir()
    (folder / "known_hosts2").write_text(f"web1 {keys['one'].line}\n")
    judge = HostKeyVerifier(TransportSettings())
    assert verdict(judge, host(), keys["one"]) is None
    check = judge.for_host(host("nobody"))
    key = keys["two"]
    message = told(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_UNKNOWN)
    assert f"is in {folder}/known_hosts or 3 other known_hosts files." in message


def test_settings_of_the_scan_hold_where_the_host_has_none(
    keys: dict[str, Key], tmp_path: Path
) -> None:
    (tmp_path / "defaults").write_text(f"the-alias {keys['one'].line}\n")
    defaults = SshSettings(
        known_hosts_files=(str(tmp_path / "defaults"),),
        host_key_alias="the-alias",
        host_keys=HostKeyPolicy.ACCEPT_NEW,
    )
    judge = HostKeyVerifier(TransportSettings(defaults=defaults))
    assert verdict(judge, host(port=2222), keys["one"]) is None
    assert verdict(judge, host(port=2222), keys["two"]) is Category.HOSTKEY_CHANGED
    other = SshSettings(host_key_alias="other", host_keys=HostKeyPolicy.STRICT)
    assert verdict(judge, host(ssh=other), keys["one"]) is Category.HOSTKEY_UNKNOWN


def test_no_known_hosts_file_at_all_trusts_nobody(keys: dict[str, Key], file: Path) -> None:
    file.write_text(f"* {keys['one'].line}\n")
    none = SshSettings(known_hosts_files=())
    check = verifier(file).for_host(host(ssh=none))
    key = keys["one"]
    message = told(lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_UNKNOWN)
    assert message.endswith(
        "then trust it: name a known_hosts file for this host instead of /dev/null, and add the "
        "key there"
    )


def test_the_scans_unreadable_file_ends_it_and_a_hosts_own_fails_that_host(
    tmp_path: Path, file: Path
) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        verifier(tmp_path)
    own = SshSettings(known_hosts_files=(str(tmp_path),))
    with pytest.raises(HostError) as caught:
        verifier(file).for_host(host(ssh=own))
    assert (caught.value.category, caught.value.phase) == (Category.CONFIG, Phase.CONFIG)


# accept-new.


@pytest.mark.parametrize("kind", ["one", "rsa", "ecdsa"])
def test_accept_new_learns_a_key_once_and_ssh_trusts_what_was_written(
    server: Sshd, keys: dict[str, Key], tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "fresh" / "known_hosts"
    judge = verifier(file, HostKeyPolicy.ACCEPT_NEW)
    at = host("Web1", 2222)
    for _ in range(3):
        assert verdict(judge, at, keys[kind]) is None
    assert file.read_text() == f"[web1]:2222 {keys[kind].line}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert judge.notes == (f"new host keys added to {file}: 1",)
    assert verdict(verifier(file), at, keys[kind]) is None

    key = public(server.host_keys[0])
    assert verdict(judge, host("127.0.0.1", server.port), key) is None
    assert ssh_accepts(server, file, "127.0.0.1", "StrictHostKeyChecking=yes")


def test_accept_new_writes_what_ssh_writes(server: Sshd, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    key = public(server.host_keys[0])
    for path in (theirs, ours):
        path.write_text("# what was there\n")
    options = ("StrictHostKeyChecking=accept-new", "HashKnownHosts=no")
    assert ssh_accepts(server, theirs, "127.0.0.1", *options)
    judge = verifier(ours, HostKeyPolicy.ACCEPT_NEW)
    assert verdict(judge, host("127.0.0.1", server.port), key) is None
    assert ours.read_text() == theirs.read_text()


def test_accept_new_never_takes_a_changed_or_a_revoked_key(
    keys: dict[str, Key], file: Path
) -> None:
    text = f"web1 {keys['one'].line}\n@revoked * {keys['rsa'].line}\n"
    file.write_text(text)
    judge = verifier(file)
    assert verdict(judge, host(ssh=ACCEPT_NEW), keys["two"]) is Category.HOSTKEY_CHANGED
    assert verdict(judge, host("db", ssh=ACCEPT_NEW), keys["rsa"]) is Category.HOSTKEY_REVOKED
    assert file.read_text() == text
    assert judge.notes == ()


@pytest.mark.parametrize("alias", ["*", "web*", "a,b", "!a", "@revoked", "|1|x|y", "a b", "a\nb"])
def test_accept_new_never_writes_a_name_that_stands_for_others(
    keys: dict[str, Key], file: Path, alias: str
) -> None:
    settings = SshSettings(host_key_alias=alias, host_keys=HostKeyPolicy.ACCEPT_NEW)
    check = verifier(file).for_host(host(ssh=settings))
    key = keys["one"]
    message = told(lambda: check.check_key(key.kind, key.blob), Category.CONFIG)
    assert message.startswith("HostKeyAlias ")
    assert not file.exists()


def test_a_file_that_is_replaced_while_the_lock_is_awaited_is_opened_anew(
    keys: dict[str, Key], file: Path, mocker
) -> None:
    file.write_text("# old\n")
    judge = verifier(file, HostKeyPolicy.ACCEPT_NEW)
    flock = new_host_keys.fcntl.flock
    ways = [lambda: file.unlink(), lambda: file.write_text("# new\n")]

    def locked(stream: object, how: int) -> None:
        if ways:
            ways.pop(0)()
        flock(stream, how)

    mocker.patch.object(new_host_keys.fcntl, "flock", locked)
    assert verdict(judge, host(), keys["one"]) is None
    assert file.read_text() == f"# new\nweb1 {keys['one'].line}\n"


def test_accept_new_ends_a_line_that_was_left_open(keys: dict[str, Key], file: Path) -> None:
    file.write_text(f"db {keys['two'].line}")
    judge = verifier(file, HostKeyPolicy.ACCEPT_NEW)
    assert verdict(judge, host(), keys["one"]) is None
    assert file.read_text() == f"db {keys['two'].line}\nweb1 {keys['one'].line}\n"
    assert verdict(verifier(file), host("db"), keys["two"]) is None


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_a_device_takes_nothing_and_the_run_remembers(keys: dict[str, Key], device: str) -> None:
    judge = verifier(Path(device), HostKeyPolicy.ACCEPT_NEW)
    assert verdict(judge, host(), keys["one"]) is None
    assert verdict(judge, host(), keys["one"]) is None
    assert verdict(judge, host(), keys["two"]) is Category.HOSTKEY_CHANGED
    assert judge.notes == ()


def test_what_another_process_learned_meanwhile_counts(keys: dict[str, Key], file: Path) -> None:
    file.write_text(f"# nothing yet\nother {keys['rsa'].line}\n")
    judge = verifier(file, HostKeyPolicy.ACCEPT_NEW)
    with file.open("a") as stream:
        stream.write(f"web1 {keys['one'].line}\ndb {keys['one'].line}\n")
    before = file.read_text()
    assert verdict(judge, host("web1"), keys["one"]) is None
    assert verdict(judge, host("db"), keys["two"]) is Category.HOSTKEY_CHANGED
    assert file.read_text() == before
    key = keys["two"]
    check = judge.for_host(host("db"))
    assert f"({file}:4)" in told(
        lambda: check.check_key(key.kind, key.blob), Category.HOSTKEY_CHANGED
    )


def test_a_file_that_was_replaced_is_read_anew_and_added_to(
    keys: dict[str, Key], file: Path
) -> None:
    file.write_text(f"web1 {keys['one'].line}\n")
    judge = verifier(file, HostKeyPolicy.ACCEPT_NEW)
    subprocess.run(["ssh-keygen", "-H", "-f", str(file)], check=True, capture_output=True)
    assert verdict(judge, host("db"), keys["two"]) is None
    assert file.read_text().endswith(f"\ndb {keys['two'].line}\n")
    assert file.read_text().startswith("|1|")


WRITER = """
import sys, base64
from sockfleet.collector.host_keys import HostKeyVerifier
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, HostKeyPolicy
kind, text = sys.argv[2].split()
judge = HostKeyVerifier(TransportSettings(known_hosts_files=(sys.argv[1],),
                                          host_keys=HostKeyPolicy.ACCEPT_NEW))
print("ready", flush=True)
sys.stdin.readline()
for n in range(200):
    judge.for_host(Host(name="x", address=f"web{n}")).check_key(kind, base64.b64decode(text))
"""


def test_many_processes_at_once_write_every_host_once(keys: dict[str, Key], file: Path) -> None:
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
    judge = verifier(file, HostKeyPolicy.ACCEPT_NEW)
    shown = [keys["one"], keys["two"]] * 20
    with ThreadPoolExecutor(8) as threads:
        verdicts = list(threads.map(lambda key: verdict(judge, host(), key), shown))
    rows = file.read_text().splitlines()
    assert len(rows) == 1
    for key, said in zip(shown, verdicts, strict=True):
        assert said is (None if key.line in rows[0] else Category.HOSTKEY_CHANGED)


@pytest.mark.parametrize("broken", ["parent is a file", "parent's parent is missing"])
def test_a_file_that_cannot_be_made_fails_the_host_with_the_reason(
    keys: dict[str, Key], tmp_path: Path, broken: str
) -> None:
    (tmp_path / "plain").touch()
    where = "plain/known_hosts" if broken == "parent is a file" else "a/b/c/known_hosts"
    check = verifier(tmp_path / where).for_host(host(ssh=ACCEPT_NEW))
    key = keys["one"]
    message = told(lambda: check.check_key(key.kind, key.blob), Category.LOCAL_RESOURCE)
    assert f"cannot be added to {tmp_path / where}: " in message
    assert re.search(r"Not a directory|No such file", message)


def test_a_read_only_file_fails_the_host_with_the_reason(
    keys: dict[str, Key], file: Path, mocker
) -> None:
    refused = OSError(30, "Read-only file system")
    mocker.patch("sockfleet.collector.new_host_keys.os.open", side_effect=refused)
    check = verifier(file).for_host(host(ssh=ACCEPT_NEW))
    key = keys["one"]
    message = told(lambda: check.check_key(key.kind, key.blob), Category.LOCAL_RESOURCE)
    assert "Read-only file system; name a file that can be written" in message


FULL_DISK = """
import sys, base64, resource, signal
from sockfleet.collector.errors import HostError
from sockfleet.collector.host_keys import HostKeyVerifier
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, HostKeyPolicy
kind, text = sys.argv[2].split()
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
judge = HostKeyVerifier(TransportSettings(known_hosts_files=(sys.argv[1],),
                                          host_keys=HostKeyPolicy.ACCEPT_NEW))
try:
    judge.for_host(Host(name="x", address="web1")).check_key(kind, base64.b64decode(text))
except HostError as error:
    print(error.category)
"""


def test_a_line_that_fits_only_in_part_is_taken_back(keys: dict[str, Key], file: Path) -> None:
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


def test_notes_of_several_processes_are_those_of_one():
    spoilt = "known_hosts:3: cut short; the line is passed over"
    parts = [
        (spoilt, "new host keys added to ~/.ssh/known_hosts: 3"),
        (),
        ("new host keys added to other: 1", "new host keys added to ~/.ssh/known_hosts: 4", spoilt),
    ]
    assert joined_notes(parts) == (
        spoilt,
        "new host keys added to ~/.ssh/known_hosts: 7",
        "new host keys added to other: 1",
    )


def test_one_process_s_notes_stay_as_they_are():
    notes = ("new host keys added to: nobody knows", "new host keys added to a file: 2")
    assert joined_notes([notes]) == notes
