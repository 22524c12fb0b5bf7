"""Warnings of the libraries beneath: for the log, never for a stream that a cron job mails."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockfleet.cli.console.streams import log_library_warnings
from tests.support.cli.command_process import run_sockfleet
from tests.support.ssh.over_ssh import known_hosts_of
from tests.support.ssh.sshd import Sshd


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A server with finite-field Diffie-Hellman alone, at which cryptography 50 warns: the words
    for its hosts."""
    folder = tmp_path_factory.mktemp("dh")
    config = ["KexAlgorithms diffie-hellman-group14-sha256"]
    with Sshd(folder / "sshd", config=config) as server:
        inventory: Path = folder / "hosts.ini"
        inventory.write_text(
            "".join(
                f"{name} ansible_host=127.0.0.1 ansible_port={server.port} "
                f"ansible_user={server.user} ansible_ssh_private_key_file={server.client_key}\n"
                for name in ("web1", "web2")
            )
        )
        known_hosts = known_hosts_of(server, folder)
        yield [str(inventory), "--known-hosts", str(known_hosts)]


@pytest.mark.parametrize("transport", ["asyncssh", "paramiko"])
def test_a_key_exchange_at_which_a_library_warns_leaves_stderr_empty(words, transport):
    words = ["scan", *words, "--transport", transport]
    done = run_sockfleet(*words, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    shown = run_sockfleet(*words)
    assert shown.returncode == 0
    assert "Warning" not in shown.stderr
    verbose = run_sockfleet(*words, "-v")
    assert verbose.returncode == 0
    # paramiko makes its own keys for this exchange, so that nothing warns there.
    assert ("CryptographyDeprecationWarning" in verbose.stderr) is (transport == "asyncssh")


@pytest.mark.parametrize(
    "command",
    ["check", "explain --host web1 --inventory", "scan -q --repeat 2", "scan -q --workers 2"],
)
def test_no_command_that_logs_in_shows_the_warning_of_a_library(words, command):
    done = run_sockfleet(*command.split(), *words)
    assert done.stderr == ""
    assert "Deprecat" not in done.stdout
    assert done.returncode in ((0, 1) if command == "check" else (0,))


def test_a_warning_is_logged_and_not_written(caplog, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log_library_warnings()
        with caplog.at_level("INFO", "py.warnings"):
            warnings.warn("it will go away", UserWarning, stacklevel=1)
    (line,) = caplog.messages
    assert line.endswith(": UserWarning: it will go away")
    assert capsys.readouterr() == ("", "")
