"""What a host said stands in the message of the failure that it explains."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.timeouts import timeout_error
from sockfleet.collector.transport import Attempt, Transport
from sockfleet.inventory.models import Host, SshSettings
from tests.support.ssh.bad_sessions import WORDS, bad_session_server, banner_server
from tests.support.ssh.over_ssh import settings_for, without_leaks
from tests.support.ssh.sshd import ssh_keygen

LIMIT_S = 1.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    ssh_keygen(folder / "key")
    return folder


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with bad_session_server(folder) as port:
        yield port


def fail(transport: str, folder: Path, port: int, command: str = "true") -> HostError:
    """The error of a command on the server at ``port``, which the engine would give ``LIMIT_S``."""
    ssh = SshSettings(user="anyone", identity_files=(str(folder / "key"),))
    host = Host(name="box", address="127.0.0.1", port=port, ssh=ssh)

    async def run(loaded: Transport) -> HostError:
        attempt = Attempt(host=host)
        try:
            async with asyncio.timeout(LIMIT_S):
                await loaded.execute(attempt, command)
        except HostError as error:
            return error
        except TimeoutError:
            return timeout_error(attempt, LIMIT_S)
        raise AssertionError("the command ended well")

    return without_leaks(transport, settings_for(folder / "known_hosts"), run)


@pytest.mark.parametrize(
    ("ending", "category"),
    [
        ("words_and_no_exit_status", Category.TRUNCATED),
        ("words_and_a_signal", Category.COMMAND_FAILED),
        ("words_and_nothing_further", Category.COMMAND_TIMEOUT),
    ],
)
def test_what_a_command_said_on_stderr_before_it_failed_is_quoted(
    transport, folder, port, ending, category
):
    error = fail(transport, folder, port, ending)
    assert (error.category, error.phase) == (category, Phase.COMMAND)
    assert f"it printed {WORDS!r} on stderr" in error.message
    if category is Category.COMMAND_TIMEOUT:
        assert error.message.endswith("and 'New password:'")


def test_a_command_that_says_nothing_adds_nothing_to_the_timeout(transport, folder, port):
    assert fail(transport, folder, port, "nothing_ever").message.endswith(
        "still waiting for the command to end after 1 s"
    )


def test_the_files_of_a_probe_that_has_begun_are_not_quoted_at_a_timeout():
    attempt = Attempt(host=Host(name="box", address="192.0.2.1"), phase=Phase.COMMAND)
    attempt.output = (b"\nsockfleet-0123456789abcdef begin\n==> /proc/net/sockstat <==\n", b"")
    assert timeout_error(attempt, 1.0).message.endswith("to end after 1 s")


@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_banner_before_a_login_that_ends_or_waits_is_quoted(transport, tmp_path, hangs_up):
    ssh_keygen(tmp_path / "key")
    with banner_server(tmp_path, hangs_up=hangs_up) as port:
        error = fail(transport, tmp_path, port)
    category = Category.LOST if hangs_up else Category.AUTH_TIMEOUT
    assert (error.category, error.phase) == (category, Phase.AUTH)
    assert f"said {WORDS!r}" in error.message
