"""Both SSH transports: cutting off at every step, our own slots, sessions that end oddly, logins.

The server here is asyncssh's, which can do what no sshd does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.connect_timeout import ConnectTimeout
from sockfleet.collector.transport import Attempt, Transport
from sockfleet.inventory.models import Host, Secret, SshSettings
from tests.support.ssh.bad_sessions import ENDINGS, bad_session_server
from tests.support.ssh.over_ssh import Outcome, ask, settings_for, ssh_settings, without_leaks
from tests.support.ssh.sshd import Sshd, ssh_keygen
from tests.support.ssh.watched import Watched

PASSWORD = "correct horse"


def host_of(sshd: Sshd, **ssh: object) -> Host:
    return Host(name="web1", address="127.0.0.1", port=sshd.port, ssh=ssh_settings(sshd, **ssh))


# Cut off.


@pytest.mark.parametrize(
    "phase",
    [
        Phase.CONFIG,
        Phase.CONNECT,
        Phase.HANDSHAKE_SLOT,
        Phase.BANNER,
        Phase.KEX,
        Phase.AUTH,
        Phase.SESSION,
        Phase.COMMAND,
    ],
)
@pytest.mark.parametrize("turns", [0, 1, 5])
def test_cut_off_at_any_step_nothing_is_left(transport, sshd, settings, phase, turns):
    async def work(loaded: Transport) -> None:
        attempt = Watched(host=host_of(sshd))
        there = attempt.at(phase)
        asking = asyncio.create_task(loaded.execute(attempt, "exec sleep 100"))
        await there
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    without_leaks(transport, settings, work)


# Our own handshakes.


def test_the_slot_is_held_for_the_handshake_alone(transport, sshd, settings):
    seen: list[str] = []

    async def work(loaded: Transport) -> None:
        @asynccontextmanager
        async def slot() -> AsyncIterator[None]:
            seen.append(f"waits in {attempt.phase}")
            await asyncio.sleep(0)
            yield
            seen.append(f"free in {attempt.phase}")

        attempt = Attempt(host=host_of(sshd), handshake=slot)
        await loaded.execute(attempt, "true")

    without_leaks(transport, settings, work)
    assert seen == ["waits in handshake_slot", "free in session"]


def test_waiting_for_the_slot_is_not_the_hosts_time(transport, sshd, settings, mocker):
    order: list[str] = []

    class Clock(ConnectTimeout):
        async def __aenter__(self) -> Self:
            order.append("the clock runs")
            return await super().__aenter__()

    mocker.patch("sockfleet.collector.ssh.connector.ConnectTimeout", Clock)

    async def work(loaded: Transport) -> None:
        @asynccontextmanager
        async def slot() -> AsyncIterator[None]:
            order.append("the slot is ours")
            yield

        await loaded.execute(Attempt(host=host_of(sshd), handshake=slot), "true")

    without_leaks(transport, settings, work)
    assert order == ["the slot is ours", "the clock runs"]


def test_a_slot_of_a_failed_handshake_is_given_back(transport, sshd, settings, tmp_path):
    held = []

    async def work(loaded: Transport) -> None:
        @asynccontextmanager
        async def slot() -> AsyncIterator[None]:
            held.append("taken")
            try:
                yield
            finally:
                held.append("given back")

        host = host_of(sshd, identity_files=(str(ssh_keygen(tmp_path / "stranger")),))
        with pytest.raises(HostError):
            await loaded.execute(Attempt(host=host, handshake=slot), "true")

    without_leaks(transport, settings, work)
    assert held == ["taken", "given back"]


# Odd ends.


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    folder = tmp_path_factory.mktemp("odd")
    ssh_keygen(folder / "key")
    with bad_session_server(folder) as port:
        yield folder, port


def at_odd(transport: str, odd: tuple[Path, int], command: str) -> Outcome:
    folder, port = odd
    ssh = SshSettings(user="anyone", identity_files=(str(folder / "key"),))
    host = Host(name="odd", address="127.0.0.1", port=port, ssh=ssh)
    return ask(transport, settings_for(folder / "known_hosts"), host, command)


ODD_ENDS = {
    "no_exit_status": Category.TRUNCATED,
    "no_exit_status_and_no_output": Category.LOST,
    "a_lost_connection_in_the_output": Category.TRUNCATED,
    "a_lost_connection_after_the_status": Category.TRUNCATED,
    "a_farewell_after_the_status": Category.TRUNCATED,
    "a_lost_connection_without_output": Category.LOST,
    "a_signal": Category.COMMAND_FAILED,
    "everything_on_stderr": Category.OUTPUT_LIMIT,
    "words_and_no_exit_status": Category.TRUNCATED,
    "words_and_a_signal": Category.COMMAND_FAILED,
}


def test_every_ending_is_tried():
    others = {"a_close_without_end_of_file", "nothing_ever", "words_and_nothing_further"}
    assert others | ODD_ENDS.keys() == ENDINGS.keys()


@pytest.mark.parametrize(("ending", "category"), ODD_ENDS.items())
def test_an_odd_end_is_no_answer(transport, odd, ending, category):
    outcome = at_odd(transport, odd, ending)
    assert outcome.fault == (category, Phase.COMMAND)
    assert outcome.error.message.isprintable()


def test_a_close_ends_the_output_too(transport, odd):
    outcome = at_odd(transport, odd, "a_close_without_end_of_file")
    assert (outcome.stdout, outcome.output.exit_status) == (b"whole", 3)


def test_a_command_that_the_server_refuses(transport, odd):
    assert at_odd(transport, odd, "refused").fault == (Category.SESSION_REFUSED, Phase.SESSION)


# Logins.


def login_by(
    transport: str,
    folder: Path,
    *methods: str,
    answers: dict[str, str] | None = None,
    **ssh: object,
) -> tuple[Outcome, list[str]]:
    """Log in with what ``ssh`` says, at a server that offers ``methods``; what was asked, too."""
    asked: list[str] = []

    def ask_password(prompt: str) -> Secret | None:
        asked.append(prompt)
        found = [text for part, text in (answers or {}).items() if part in prompt]
        return Secret(found[0]) if found else None

    with bad_session_server(folder, *methods) as port:
        settings = settings_for(
            folder / "known_hosts", ask_password=None if answers is None else ask_password
        )
        host = Host(
            name="pw", address="127.0.0.1", port=port, ssh=SshSettings(user="anyone", **ssh)
        )
        outcome = ask(transport, settings, host, "a_close_without_end_of_file")
    return outcome, asked


def test_a_second_key_at_a_server_that_is_asked_for_its_service_once(transport, tmp_path):
    # asyncssh's server ends the connection when a client asks for the login service again.
    keys = tuple(str(ssh_keygen(tmp_path / name)) for name in ("first", "second"))
    outcome, _ = login_by(
        transport, tmp_path, "publickey", "password", identity_files=keys, password=Secret("x")
    )
    assert outcome.stdout == b"whole"


def test_a_wrong_password_is_tried_once(transport, tmp_path):
    outcome, _ = login_by(
        transport,
        tmp_path,
        "password",
        "keyboard-interactive",
        password=Secret("battery staple"),
    )
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert "offered: password" in outcome.error.message
    assert "battery" not in outcome.error.message


def test_a_password_that_has_expired(transport, tmp_path):
    outcome, _ = login_by(transport, tmp_path, "password", password=Secret("expired"))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)


def test_a_password_that_is_asked_for(transport, tmp_path):
    outcome, asked = login_by(transport, tmp_path, "password", answers={"password": PASSWORD})
    assert outcome.stdout == b"whole"
    assert asked == ["anyone@pw: anyone's password: "]


def test_questions_are_answered_by_the_user(transport, tmp_path):
    answers = {"Password": PASSWORD, "town": "Ghent"}
    outcome, asked = login_by(transport, tmp_path, "keyboard-interactive", answers=answers)
    assert outcome.stdout == b"whole"
    assert asked == ["anyone@pw: Password:", "anyone@pw: Which is your town?"]


def test_the_password_answers_the_hidden_question(transport, tmp_path):
    outcome, asked = login_by(
        transport,
        tmp_path,
        "keyboard-interactive",
        password=Secret(PASSWORD),
        answers={"town": "Ghent"},
    )
    assert outcome.stdout == b"whole"
    assert asked == ["anyone@pw: Which is your town?"]


def test_a_question_without_an_answer_is_a_refusal(transport, tmp_path):
    outcome, _ = login_by(transport, tmp_path, "keyboard-interactive", password=Secret(PASSWORD))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)


def test_time_for_typing_is_not_the_hosts_time(transport, tmp_path, mocker):
    stopped = mocker.spy(ConnectTimeout, "stopped")
    outcome, asked = login_by(transport, tmp_path, "password", answers={"password": PASSWORD})
    assert outcome.stdout == b"whole"
    assert stopped.call_count == len(asked) == 1


def test_a_server_that_lets_everybody_in_is_not_trusted(transport, tmp_path):
    # Whoever answers in its place would do so too.
    key = ssh_keygen(tmp_path / "key")
    outcome, _ = login_by(transport, tmp_path, "none", identity_files=(str(key),))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert "Trivial auth disabled" in outcome.error.message


def test_a_server_that_takes_no_key(transport, request, tmp_path):
    key = ssh_keygen(tmp_path / "key")
    outcome, _ = login_by(transport, tmp_path, "password", identity_files=(str(key),))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    # The fast path shows the key before it hears that keys are not taken.
    is_shown = request.node.callspec.params["transport"] == "asyncssh"
    offered = str(key) if is_shown else "nothing of the kinds that it takes"
    assert f"offered: {offered}" in outcome.error.message


def test_prompts_are_not_answered_where_the_options_switch_them_off(transport, tmp_path):
    outcome, asked = login_by(
        transport,
        tmp_path,
        "keyboard-interactive",
        password=Secret(PASSWORD),
        answers={"town": "Ghent"},
        login_methods=("publickey", "password"),
    )
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert asked == []
