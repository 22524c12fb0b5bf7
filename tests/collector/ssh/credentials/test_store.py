"""Credentials: one passphrase prompt per file, and the default keys of a user."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sockfleet.collector.ssh.credentials.store import (
    PASSPHRASE_VARIABLE,
    PrivateKeyFile,
    find_default_identity_files,
)
from sockfleet.inventory.models import Secret, SshSettings
from tests.support.ssh.key_forms import FORMS, PASSPHRASE, copy, credentials, naming, refused

# Passphrases.


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_passphrase_is_reported_but_not_shown(key_forms: Path, form: str) -> None:
    path = key_forms / f"{form}-locked"
    store = credentials(lambda _: Secret("battery staple"))
    message = refused(lambda: store.key_files(naming(path)))
    assert message == f"key file {path} cannot be unlocked: wrong passphrase"


def test_the_environment_comes_first_and_the_user_is_prompted_once_per_file(
    key_forms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [key_forms / "ed25519-locked", key_forms / "ecdsa-locked"]
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
def test_the_message_for_a_locked_key_says_how_to_unlock_it(
    key_forms: Path, ask: Callable[[str], None] | None
) -> None:
    path = key_forms / "ed25519-locked"
    message = refused(lambda: credentials(ask).key_files(naming(path)))
    assert message == (
        f"key file {path} is locked by a passphrase: set SOCKFLEET_PASSPHRASE, or have an "
        "ssh-agent hold it (ssh-add)"
    )


def test_a_failure_is_remembered_without_a_second_prompt(key_forms: Path) -> None:
    asked: list[str] = []
    store = credentials(lambda path: asked.append(path))  # type: ignore[arg-type, func-returns-value] (None: no answer)
    for user in ("a", "b"):
        refused(lambda user=user: store.key_files(naming(key_forms / "rsa-locked", user=user)))
    assert len(store.key_files(naming(key_forms / "rsa", key_forms / "rsa-locked"))) == 1
    assert len(asked) == 1


def test_threads_share_one_prompt(key_forms: Path) -> None:
    asked: list[str] = []
    first = threading.Event()

    def ask(path: str) -> Secret:
        asked.append(path)
        first.set()
        return Secret(PASSPHRASE)

    store = credentials(ask)
    with ThreadPoolExecutor(8) as threads:
        found = list(
            threads.map(lambda _: store.key_files(naming(key_forms / "rsa-locked")), range(16))
        )
    assert first.is_set()
    assert len(asked) == 1
    assert len(set(found)) == 1


def test_the_repr_of_a_key_hides_its_secrets(key_forms: Path) -> None:
    (key,) = credentials().key_files(naming(key_forms / "rsa"))
    assert isinstance(key, PrivateKeyFile)
    assert "pem" not in repr(key)


# Default keys.


def test_default_keys_come_in_order_and_unusable_ones_are_noted(key_forms: Path) -> None:
    ssh = Path.home() / ".ssh"
    assert find_default_identity_files() == ()
    assert credentials().key_files(SshSettings()) == ()
    ssh.mkdir()
    copy(key_forms / "rsa", ssh / "id_rsa")
    copy(key_forms / "ecdsa-locked", ssh / "id_ecdsa")
    copy(key_forms / "ed25519", ssh / "id_ed25519")
    (ssh / "id_ecdsa_sk").write_text("garbage")
    names = ["id_ed25519", "id_ecdsa", "id_rsa", "id_ecdsa_sk"]
    assert find_default_identity_files() == tuple(str(ssh / name) for name in names)
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
