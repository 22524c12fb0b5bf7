"""Passwords through both transports, judged by sshd itself and by PAM.

Needs an account with a password, so only root can run it (conftest.py leaves it out for others);
what needs no sshd stands in test_transport_sessions.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sockfleet.collector.errors import Category, Phase
from sockfleet.inventory.models import Host, Secret
from tests.support.machine.login_users import login_user, shell_path
from tests.support.ssh.over_ssh import ask, settings_for, ssh_settings
from tests.support.ssh.sshd import Sshd

PASSWORD = "tr0ub4dor & 3 ü"


@pytest.fixture(scope="module")
def account() -> Iterator[str]:
    with (
        TemporaryDirectory(prefix="sockfleet-home-") as home,
        login_user("sf-pw", shell_path("sh"), Path(home), password=PASSWORD) as user,
    ):
        yield user


@pytest.fixture(scope="module", params=["password", "keyboard-interactive"])
def password_server(request, tmp_path_factory) -> Iterator[Sshd]:
    """sshd itself reads the password, or PAM asks for it."""
    by_pam = request.param == "keyboard-interactive"
    config = [
        f"UsePAM {'yes' if by_pam else 'no'}",
        f"KbdInteractiveAuthentication {'yes' if by_pam else 'no'}",
        f"PasswordAuthentication {'no' if by_pam else 'yes'}",
    ]
    with Sshd(tmp_path_factory.mktemp("sshd"), config=config) as sshd:
        yield sshd


def with_password(server: Sshd, user: str, tmp_path: Path, password: str | None, **further):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(server.known_hosts_lines())
    secret = None if password is None else Secret(password)
    ssh = ssh_settings(server, user=user, identity_files=(), password=secret)
    return settings_for(known_hosts, **further), Host(
        name="web1", address="127.0.0.1", port=server.port, ssh=ssh
    )


def test_a_password_of_the_settings(transport, password_server, account, tmp_path):
    settings, target = with_password(password_server, account, tmp_path, PASSWORD)
    assert ask(transport, settings, target, "id -un").stdout.decode().strip() == account


def test_a_wrong_password(transport, password_server, account, tmp_path):
    settings, target = with_password(password_server, account, tmp_path, "wrong")
    outcome = ask(transport, settings, target)
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert outcome.error.message.startswith(
        f"127.0.0.1:{password_server.port} refused the login of {account}"
    )
    assert "wrong" not in outcome.error.message


def test_a_password_that_the_user_is_asked_for(transport, password_server, account, tmp_path):
    asked = []

    def answer(prompt: str) -> Secret:
        asked.append(prompt)
        return Secret(PASSWORD)

    settings, target = with_password(password_server, account, tmp_path, None, ask_password=answer)
    assert ask(transport, settings, target, "id -un").stdout.decode().strip() == account
    assert len(asked) == 1
    assert f"{account}@web1: " in asked[0]


def test_a_user_who_gives_no_password(transport, password_server, account, tmp_path):
    settings, target = with_password(
        password_server, account, tmp_path, None, ask_password=lambda _: None
    )
    outcome = ask(transport, settings, target)
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)


def test_a_key_and_then_a_password(transport, account, tmp_path):
    config = ["PasswordAuthentication yes", "AuthenticationMethods publickey,password"]
    # sshd reads authorized_keys as the account, which cannot enter pytest's folder.
    with TemporaryDirectory(prefix="sockfleet-sshd-") as folder:
        Path(folder).chmod(0o755)
        with Sshd(Path(folder), config=config) as server:
            settings, password_only = with_password(server, account, tmp_path, PASSWORD)
            ssh = ssh_settings(server, user=account, password=Secret(PASSWORD))
            both = Host(name="web1", address="127.0.0.1", port=server.port, ssh=ssh)
            assert ask(transport, settings, both, "id -un").stdout.decode().strip() == account
            outcome = ask(transport, settings, password_only)
            assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
