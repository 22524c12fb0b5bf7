"""Locked keys of files that an ssh-agent holds: a real agent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockfleet.inventory.models import Secret
from tests.support.ssh.key_forms import copy, credentials, naming, public_of, refused


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
    key_forms: Path, agent: str, tmp_path: Path
) -> None:
    for form in ("ed25519", "rsa"):
        add(agent, key_forms / form)
    held = [public_of(key_forms / form) for form in ("ed25519", "rsa")]

    def never(path: str) -> Secret:
        raise AssertionError(path)

    store = credentials(never)
    settings = naming(key_forms / "ed25519-locked", key_forms / "ecdsa", agent=agent)
    assert [key.path for key in store.key_files(settings)] == [str(key_forms / "ecdsa")]
    assert store.agent_keys(settings) == (held[0],)

    pem = copy(key_forms / "rsa-pem-locked", tmp_path / "rsa-pem-locked")
    shutil.copy(key_forms / "rsa-pem.pub", f"{pem}.pub")
    add(agent, key_forms / "rsa-pem")
    assert credentials(never).key_files(naming(pem, agent=agent)) == ()

    public = naming(key_forms / "rsa.pub", agent=agent)
    assert store.key_files(public) == ()
    assert store.agent_keys(public) == (held[1],)
    absent = naming(key_forms / "ecdsa.pub", agent=agent, identities_only=True)
    assert "have an ssh-agent hold it" in refused(lambda: store.key_files(absent))
    assert store.key_files(naming(key_forms / "ecdsa.pub", agent=agent)) == ()
    assert "have an ssh-agent hold it; it is not offered" in store.notes[-1]


def test_an_open_key_is_offered_from_its_file_with_an_agent_too(
    key_forms: Path, agent: str
) -> None:
    add(agent, key_forms / "ed25519")
    settings = naming(key_forms / "ed25519", agent=agent)
    store = credentials()
    assert [key.path for key in store.key_files(settings)] == [str(key_forms / "ed25519")]
    assert store.agent_keys(settings) == ()
