"""Private keys: every format ssh-keygen writes, every way a file is of no use, and a real agent."""

from __future__ import annotations

import base64
import io
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh
import paramiko
import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import dsa, ec, x25519
from hypothesis import given
from hypothesis import strategies as st
from sshd import ssh_keygen

from sockfleet.collector.agent_keys import agent_keys
from sockfleet.collector.credentials import (
    PASSPHRASE_VARIABLE,
    Credentials,
    PrivateKeyFile,
    default_identity_files,
)
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.key_files import certifies
from sockfleet.collector.private_keys import KeyFileError, look_at, public_key_blob, unlock
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Secret, SshSettings

FEW_ROUNDS = ("-a", "1")  # of the key derivation, which is slow by design
PASSPHRASE = "correct horse"
FORMS = {
    "ed25519": ("ed25519", ()),
    "ecdsa": ("ecdsa", ()),
    "rsa": ("rsa", ()),
    "rsa-pem": ("rsa", ("-m", "PEM")),
    "ecdsa-pem": ("ecdsa", ("-m", "PEM")),
    "rsa-pkcs8": ("rsa", ("-m", "PKCS8")),
    "ecdsa-pkcs8": ("ecdsa", ("-m", "PKCS8")),
}

PARAMIKO = {
    "ssh-ed25519": paramiko.Ed25519Key,
    "ecdsa-sha2-nistp256": paramiko.ECDSAKey,
    "ssh-rsa": paramiko.RSAKey,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every form of key, open and (NAME-locked) locked; only to be read."""
    folder = tmp_path_factory.mktemp("keys")
    for name, (kind, options) in FORMS.items():
        ssh_keygen(folder / name, *options, key_type=kind)
        locked = shutil.copy(folder / name, folder / f"{name}-locked")
        change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", PASSPHRASE, *FEW_ROUNDS]
        subprocess.run([*change, *options, "-f", str(locked)], check=True)
    return folder


def public_of(path: Path) -> bytes:
    return base64.b64decode(path.with_name(path.name + ".pub").read_text().split()[1])


def credentials(ask: Callable[[str], Secret | None] | None = None) -> Credentials:
    return Credentials(TransportSettings(ask_passphrase=ask))


def naming(*paths: Path, **more: object) -> SshSettings:
    return SshSettings(identity_files=tuple(map(str, paths)), **more)  # type: ignore[arg-type] (mixed keywords)


def refused(look: Callable[[], object]) -> str:
    with pytest.raises(HostError) as caught:
        look()
    assert (caught.value.category, caught.value.phase) == (Category.CONFIG, Phase.CONFIG)
    assert caught.value.message.isprintable()
    return caught.value.message


def copy(source: Path, target: Path, mode: int = 0o600) -> Path:
    shutil.copy(source, target)
    target.chmod(mode)
    return target


# Formats.


@pytest.mark.parametrize("locked", ["", "-locked"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_key_is_unlocked_for_the_libraries(
    folder: Path, form: str, locked: str
) -> None:
    path = folder / f"{form}{locked}"
    assert look_at(path.read_bytes()).encrypted is bool(locked)
    (key,) = credentials(lambda _: Secret(PASSPHRASE)).key_files(naming(path))
    assert key.path == str(path)
    assert key.passphrase is None
    assert key.certificate is None
    assert key.public == public_of(folder / form)
    assert key.kind == (folder / f"{form}.pub").read_text().split()[0]
    assert asyncssh.import_private_key(key.pem).public_data == key.public
    assert PARAMIKO[key.kind](file_obj=io.StringIO(key.pem.decode())).asbytes() == key.public
    assert "PRIVATE" not in repr(key)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (b"sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com"),
        (b"ssh-newer@example.org", "ssh-newer@example.org"),
    ],
)
@pytest.mark.parametrize("cipher", [b"none", b"aes256-ctr"])
def test_a_key_that_only_the_ssh_library_may_know_is_handed_over_as_it_is(
    tmp_path: Path, kind: bytes, name: str, cipher: bytes
) -> None:
    def string(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    public = string(kind) + string(b"x" * 32) + string(b"ssh:")
    raw = b"openssh-key-v1\0" + string(cipher) + string(b"none" if cipher == b"none" else b"bcrypt")
    raw += string(b"" if cipher == b"none" else string(b"s" * 16) + b"\0\0\0\1")
    raw += b"\0\0\0\1" + string(public) + string(b"?" * 64)
    path = tmp_path / "key"
    body = base64.encodebytes(raw).decode()
    path.write_text(
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}-----END OPENSSH PRIVATE KEY-----\n"
    )
    path.chmod(0o600)
    (key,) = credentials(lambda _: Secret(PASSPHRASE)).key_files(naming(path))
    assert (key.kind, key.public, key.pem) == (name, public, path.read_bytes())
    assert (key.passphrase is None) is (cipher == b"none")


@given(st.binary(max_size=300))
def test_no_garbage_is_taken_for_a_key(data: bytes) -> None:
    armoured = base64.encodebytes(b"openssh-key-v1\0" + data)
    begin, end = (b"-----%s OPENSSH PRIVATE KEY-----\n" % word for word in (b"BEGIN", b"END"))
    for text in (data, begin + data, begin + armoured + end, b"-----BEGIN PRIVATE KEY-----" + data):
        with pytest.raises(KeyFileError):
            unlock(text, None)
    public_key_blob(data)


@pytest.mark.parametrize(
    "make",
    [x25519.X25519PrivateKey.generate, lambda: ec.generate_private_key(ec.SECP256K1())],
    ids=["x25519", "secp256k1"],
)
def test_a_key_that_ssh_has_no_use_for_is_told(tmp_path: Path, make: Callable[[], object]) -> None:
    key = make()
    path = tmp_path / "key"
    path.write_bytes(
        key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    )
    path.chmod(0o600)
    assert "that SSH servers do not take" in refused(lambda: credentials().key_files(naming(path)))


@pytest.mark.parametrize("form", ["openssh", "pem"])
def test_a_dsa_key_is_refused(tmp_path: Path, form: str) -> None:
    path = tmp_path / "key"
    key = dsa.generate_private_key(1024)
    path.write_bytes(
        key.private_bytes(
            forms.Encoding.PEM, forms.PrivateFormat.TraditionalOpenSSL, forms.NoEncryption()
        )
    )
    path.chmod(0o600)
    if (
        form == "openssh"
    ):  # ssh-keygen of 10.0 and later makes no DSA keys: only its header is needed
        kind = b"\0\0\0\7ssh-dss"
        raw = b"openssh-key-v1\0" + (b"\0\0\0\4none" * 2) + b"\0" * 4 + b"\0\0\0\1"
        raw += len(kind).to_bytes(4, "big") + kind
        begin, end = (f"-----{word} OPENSSH PRIVATE KEY-----" for word in ("BEGIN", "END"))
        path.write_text(f"{begin}\n{base64.encodebytes(raw).decode()}{end}\n")
    assert "that SSH servers do not take" in refused(lambda: credentials().key_files(naming(path)))


# Files that are of no use.


def test_what_is_no_usable_key_file_is_told_with_its_path(folder: Path, tmp_path: Path) -> None:
    key = folder / "ed25519"
    for name, text in {
        "garbage": "PASSWORD=hunter2\n",
        "empty": "",
        "putty": "PuTTY-User-Key-File-3: ssh-ed25519\n",
        "cut": key.read_text()[:200],
        "public.pub": (folder / "ed25519.pub").read_text(),
        "huge": "x" * (1024 * 1024 + 1),
        "spoilt": key.read_text().replace("b3BlbnNzaC1rZXktdjE", "AAAAAAAAAAAAAAAAAAA"),
        "pem": "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    for name, told in {
        "garbage": "is not a private key",
        "empty": "is not a private key",
        "putty": "is a PuTTY key: convert it with puttygen -O private-openssh",
        "cut": "is spoilt or cut short",
        "public.pub": "is a public key: name the private key beside it",
        "huge": "larger than 1 MiB",
        "spoilt": "is spoilt",
        "pem": "is spoilt",
        "missing": "cannot be read: No such file or directory",
        ".": "cannot be read: Is a directory",
    }.items():
        path = tmp_path / name
        message = refused(lambda path=path: credentials().key_files(naming(path)))
        assert message.startswith(f"key file {path} ")
        assert told in message
        assert "hunter2" not in message


def test_a_key_open_to_others_is_refused_as_ssh_does_and_told_how_to_close(
    folder: Path, tmp_path: Path
) -> None:
    for mode in (0o640, 0o604, 0o644):
        path = copy(folder / "ed25519", tmp_path / "a key", mode)
        message = refused(lambda path=path: credentials().key_files(naming(path)))
        assert f"can be read by others (mode {mode:04o}): chmod 600 '{path}'" in message
    subprocess.run(message.partition("): ")[2], shell=True, check=True)
    assert credentials().key_files(naming(path))


def test_permission_denied_is_told(folder: Path, mocker) -> None:
    mocker.patch.object(Path, "open", side_effect=PermissionError(13, "Permission denied"))
    message = refused(lambda: credentials().key_files(naming(folder / "rsa")))
    assert message == f"key file {folder / 'rsa'} cannot be read: Permission denied"


def test_home_relative_paths_are_found(folder: Path) -> None:
    copy(folder / "ed25519", Path.home() / "mine")
    (key,) = credentials().key_files(SshSettings(identity_files=("~/mine",)))
    assert key.public == public_of(folder / "ed25519")


# Passphrases.


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_passphrase_is_told_without_showing_it(folder: Path, form: str) -> None:
    path = folder / f"{form}-locked"
    store = credentials(lambda _: Secret("battery staple"))
    message = refused(lambda: store.key_files(naming(path)))
    assert message == f"key file {path} cannot be unlocked: wrong passphrase"


def test_the_environment_comes_first_and_a_person_is_asked_once_per_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [folder / "ed25519-locked", folder / "ecdsa-locked"]
    asked: list[str] = []

    def ask(path: str) -> Secret:
        asked.append(path)
        return Secret(PASSPHRASE)

    store = credentials(ask)
    for user in ("root", "admin", "root"):
        assert len(store.key_files(naming(*paths, user=user))) == 2
    assert len(store.key_files(naming(paths[1]))) == 1
    assert asked == list(map(str, paths))

    monkeypatch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)
    assert len(credentials(ask).key_files(naming(*paths))) == 2
    assert len(asked) == 2
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "battery staple")
    assert len(credentials(ask).key_files(naming(*paths))) == 2
    assert len(asked) == 4


@pytest.mark.parametrize("ask", [None, lambda _: None])
def test_a_locked_key_that_nobody_unlocks_is_told_with_the_ways_out(
    folder: Path, ask: Callable[[str], None] | None
) -> None:
    path = folder / "ed25519-locked"
    message = refused(lambda: credentials(ask).key_files(naming(path)))
    assert message == (
        f"key file {path} is locked by a passphrase: set SOCKFLEET_PASSPHRASE, or have an "
        "ssh-agent hold it and use --agent"
    )


def test_a_failure_is_remembered_and_nobody_is_asked_again(folder: Path) -> None:
    asked: list[str] = []
    store = credentials(lambda path: asked.append(path))  # type: ignore[arg-type, func-returns-value] (None: no answer)
    for user in ("a", "b"):
        refused(lambda user=user: store.key_files(naming(folder / "rsa-locked", user=user)))
    refused(lambda: store.key_files(naming(folder / "rsa", folder / "rsa-locked")))
    assert len(asked) == 1


def test_threads_share_one_question(folder: Path) -> None:
    asked: list[str] = []
    first = threading.Event()

    def ask(path: str) -> Secret:
        asked.append(path)
        first.set()
        return Secret(PASSPHRASE)

    store = credentials(ask)
    with ThreadPoolExecutor(8) as threads:
        found = list(
            threads.map(lambda _: store.key_files(naming(folder / "rsa-locked")), range(16))
        )
    assert first.is_set()
    assert len(asked) == 1
    assert len(set(found)) == 1


# Default keys.


def test_default_keys_come_in_order_and_unusable_ones_are_noted(folder: Path) -> None:
    ssh = Path.home() / ".ssh"
    assert default_identity_files() == ()
    assert credentials().key_files(SshSettings()) == ()
    ssh.mkdir()
    copy(folder / "rsa", ssh / "id_rsa")
    copy(folder / "ecdsa-locked", ssh / "id_ecdsa")
    copy(folder / "ed25519", ssh / "id_ed25519")
    (ssh / "id_ecdsa_sk").write_text("garbage")
    names = ["id_ed25519", "id_ecdsa", "id_rsa", "id_ecdsa_sk"]
    assert default_identity_files() == tuple(str(ssh / name) for name in names)
    store = credentials()
    found = store.key_files(SshSettings())
    assert [Path(key.path).name for key in found] == ["id_ed25519", "id_rsa"]
    assert len(store.notes) == 2
    assert store.notes[0].startswith(f"key file {ssh / 'id_ecdsa'} is locked by a passphrase")
    assert (
        store.notes[1] == f"key file {ssh / 'id_ecdsa_sk'} is not a private key; it is not offered"
    )
    store = credentials(lambda _: Secret(PASSPHRASE))
    assert len(store.key_files(SshSettings())) == 3


# Certificates.


@pytest.fixture
def certified(folder: Path, tmp_path: Path) -> Path:
    """A key with its certificate beside it."""
    ca = ssh_keygen(tmp_path / "ca")
    key = copy(folder / "ed25519", tmp_path / "key")
    shutil.copy(folder / "ed25519.pub", tmp_path / "key.pub")
    subprocess.run(["ssh-keygen", "-q", "-s", ca, "-I", "me", f"{key}.pub"], check=True)
    return key


def test_the_certificate_beside_a_key_goes_with_it(certified: Path) -> None:
    (key,) = credentials().key_files(naming(certified))
    beside = Path(f"{certified}-cert.pub")
    assert key.certificate == beside.read_bytes().strip()
    assert asyncssh.import_certificate(key.certificate).get_comment_bytes() is not None
    assert certifies(key.certificate, key.public)
    assert not certifies(key.certificate, key.public[:-1] + b"?")
    beside.write_text("garbage")
    store = credentials()
    (key,) = store.key_files(naming(certified))
    assert key.certificate is None
    assert store.notes == (
        f"certificate {beside} is not an OpenSSH certificate; it is not offered",
    )


def test_a_named_certificate_goes_with_the_key_it_was_made_for(
    folder: Path, tmp_path: Path, certified: Path
) -> None:
    elsewhere = Path(f"{certified}-cert.pub").rename(tmp_path / "elsewhere")
    store = credentials()
    settings = naming(folder / "rsa", certified, certificate_files=(str(elsewhere),))
    rsa, key = store.key_files(settings)
    assert (rsa.certificate, key.certificate) == (None, elsewhere.read_bytes().strip())
    alone = naming(folder / "rsa", certificate_files=(str(elsewhere),))
    message = refused(lambda: store.key_files(alone))
    assert message == (f"certificate {elsewhere} was made for none of the key files of this host")
    missing = naming(certified, certificate_files=(str(tmp_path / "nowhere"),))
    assert "cannot be read: No such file" in refused(lambda: store.key_files(missing))
    no_certificate = naming(certified, certificate_files=(f"{certified}.pub",))
    assert "is not an OpenSSH certificate" in refused(lambda: store.key_files(no_certificate))


# A real ssh-agent.


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "agent"
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "SSH_AUTH_SOCK" in process.stdout.readline()
    yield str(path)
    process.send_signal(signal.SIGTERM)
    process.communicate()


def add(agent: str, path: Path) -> None:
    subprocess.run(["ssh-add", "-q", path], env={**os.environ, "SSH_AUTH_SOCK": agent}, check=True)


def test_a_locked_key_that_the_agent_holds_is_left_to_it(
    folder: Path, agent: str, tmp_path: Path
) -> None:
    assert agent_keys(agent) == ()
    for form in ("ed25519", "rsa"):
        add(agent, folder / form)
    held = [public_of(folder / form) for form in ("ed25519", "rsa")]
    assert list(agent_keys(agent)) == held

    def never(path: str) -> Secret:
        raise AssertionError(path)

    store = credentials(never)
    settings = naming(folder / "ed25519-locked", folder / "ecdsa", agent=agent)
    assert [key.path for key in store.key_files(settings)] == [str(folder / "ecdsa")]
    assert store.agent_keys(settings) == (held[0],)

    pem = copy(folder / "rsa-pem-locked", tmp_path / "rsa-pem-locked")
    shutil.copy(folder / "rsa-pem.pub", f"{pem}.pub")
    add(agent, folder / "rsa-pem")
    assert credentials(never).key_files(naming(pem, agent=agent)) == ()

    public = naming(folder / "rsa.pub", agent=agent)
    assert store.key_files(public) == ()
    assert store.agent_keys(public) == (held[1],)
    absent = naming(folder / "ecdsa.pub", agent=agent)
    assert "have an ssh-agent hold it" in refused(lambda: store.key_files(absent))


def test_an_open_key_is_offered_from_its_file_with_an_agent_too(folder: Path, agent: str) -> None:
    add(agent, folder / "ed25519")
    settings = naming(folder / "ed25519", agent=agent)
    store = credentials()
    assert [key.path for key in store.key_files(settings)] == [str(folder / "ed25519")]
    assert store.agent_keys(settings) == ()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0\0",
        b"\0\0\0\1\x05",
        b"\0\0\0\5\x0c\0\0\0\1",
        b"\0\0\0\5\x0c\xff\xff\xff\xff",
        b"\xff\xff\xff\xff" + b"x" * 100,
        b"\0\0\0\0",
    ],
)
def test_an_agent_that_talks_nonsense_holds_nothing(tmp_path: Path, answer: bytes) -> None:
    path = str(tmp_path / "agent")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(100)
                peer.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        assert agent_keys(path) == ()
        server.join()


def test_no_agent_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "missing", tmp_path / "file", tmp_path / ("x" * 200)):
        assert agent_keys(str(path)) == ()


def test_what_is_handed_on_hides_its_secrets(folder: Path) -> None:
    (key,) = credentials().key_files(naming(folder / "rsa"))
    assert isinstance(key, PrivateKeyFile)
    assert "pem" not in repr(key)
