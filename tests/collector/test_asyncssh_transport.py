"""What is asyncssh's own: cutting off at every step, uvloop, sessions that end oddly, passwords.

What both transports have in common stands in test_transports.py.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import pytest
import uvloop
from bad_sessions import ENDINGS, bad_session_server
from over_ssh import ask, open_descriptors, settings_for, ssh_settings, without_leaks
from sshd import Sshd, ssh_keygen
from watched import Watched

from sockfleet.collector.asyncssh_means import LoginMeansCache
from sockfleet.collector.asyncssh_transport import AsyncsshTransport
from sockfleet.collector.connect_clock import ConnectClock
from sockfleet.collector.credentials import Credentials, PrivateKeyFile
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.threads import DaemonThreads
from sockfleet.collector.transport import Attempt, Transport, TransportSettings
from sockfleet.inventory.models import Host, Secret, SshSettings


@pytest.fixture
def settings(sshd: Sshd, tmp_path: Path) -> TransportSettings:
    known = tmp_path / "known_hosts"
    known.write_text(sshd.known_hosts_lines())
    return settings_for(known)


def host_of(sshd: Sshd, **further: object) -> Host:
    return Host(name="web1", address="127.0.0.1", port=sshd.port, ssh=ssh_settings(sshd, **further))


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
@pytest.mark.parametrize("turns", [0, 1, 2, 5])
def test_cut_off_at_any_step_nothing_is_left(sshd, settings, phase, turns):
    async def work(transport: Transport) -> None:
        attempt = Watched(host=host_of(sshd))
        there = attempt.at(phase)
        asking = asyncio.create_task(transport.execute(attempt, "sleep 100"))
        await there
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    without_leaks("asyncssh", settings, work)


def test_uvloop_gives_the_same(sshd, settings):
    async def main() -> bytes:
        transport = AsyncsshTransport(settings)
        before = sockets()
        try:
            output = await transport.execute(Attempt(host=host_of(sshd)), "echo out")
            refused = Attempt(host=Host(name="x", address="127.0.0.1", port=1, ssh=host.ssh))
            with pytest.raises(HostError) as raised:
                await transport.execute(refused, "echo out")
            assert raised.value.category is Category.REFUSED
        finally:
            await transport.aclose()
        assert sockets() == before
        return output.stdout

    def sockets() -> set[str]:  # libuv keeps a /dev/null of its own
        return {name for name in open_descriptors().values() if name.startswith("socket:")}

    host = host_of(sshd)
    assert uvloop.run(main()) == b"out\n"


def test_the_handshakes_slot_is_held_for_the_handshake_alone(sshd, settings):
    seen: list[str] = []

    async def work(transport: Transport) -> None:
        @asynccontextmanager
        async def slot() -> AsyncIterator[None]:
            seen.append(f"waits in {attempt.phase}")
            await asyncio.sleep(0)
            yield
            seen.append(f"free in {attempt.phase}")

        attempt = Attempt(host=host_of(sshd), handshake=slot)
        await transport.execute(attempt, "true")

    without_leaks("asyncssh", settings, work)
    assert seen == ["waits in handshake_slot", "free in session"]


def test_waiting_for_the_slot_is_not_the_hosts_time(sshd, settings, mocker):
    order: list[str] = []

    class Clock(ConnectClock):
        async def __aenter__(self) -> Self:
            order.append("the clock runs")
            return await super().__aenter__()

    mocker.patch("sockfleet.collector.asyncssh_connector.ConnectClock", Clock)

    async def work(transport: Transport) -> None:
        @asynccontextmanager
        async def slot() -> AsyncIterator[None]:
            order.append("the slot is ours")
            yield

        await transport.execute(Attempt(host=host_of(sshd), handshake=slot), "true")

    without_leaks("asyncssh", settings, work)
    assert order == ["the slot is ours", "the clock runs"]


def test_a_slot_of_a_failed_handshake_is_given_back(sshd, settings, tmp_path):
    stranger = ssh_keygen(tmp_path / "stranger")
    held = []

    async def work(transport: Transport) -> None:
        @asynccontextmanager
        async def slot() -> AsyncIterator[None]:
            held.append("taken")
            try:
                yield
            finally:
                held.append("given back")

        host = host_of(sshd, identity_files=(str(stranger),))
        with pytest.raises(HostError):
            await transport.execute(Attempt(host=host, handshake=slot), "true")

    without_leaks("asyncssh", settings, work)
    assert held == ["taken", "given back"]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    folder = tmp_path_factory.mktemp("odd")
    ssh_keygen(folder / "key")
    with bad_session_server(folder) as port:
        yield folder, port


def at_odd(odd: tuple[Path, int], command: str):
    folder, port = odd
    ssh = SshSettings(user="anyone", identity_files=(str(folder / "key"),))
    host = Host(name="odd", address="127.0.0.1", port=port, ssh=ssh)
    return ask("asyncssh", settings_for(folder / "known_hosts"), host, command)


@pytest.mark.parametrize(
    ("ending", "category"),
    [
        ("no_exit_status", Category.TRUNCATED),
        ("no_exit_status_and_no_output", Category.LOST),
        ("a_lost_connection_in_the_output", Category.TRUNCATED),
        ("a_lost_connection_after_the_status", Category.TRUNCATED),
        ("a_farewell_after_the_status", Category.TRUNCATED),
        ("a_lost_connection_without_output", Category.LOST),
        ("a_signal", Category.COMMAND_FAILED),
        ("everything_on_stderr", Category.OUTPUT_LIMIT),
    ],
)
def test_an_odd_end_is_no_answer(odd, ending, category):
    outcome = at_odd(odd, ending)
    assert outcome.fault == (category, Phase.COMMAND)
    assert "\x1b" not in outcome.error.message


def test_a_close_ends_the_output_too(odd):
    outcome = at_odd(odd, "a_close_without_end_of_file")
    assert (outcome.stdout, outcome.output.exit_status) == (b"whole", 3)


def test_a_command_that_the_server_refuses(odd):
    assert at_odd(odd, "refused").fault == (Category.SESSION_REFUSED, Phase.SESSION)


def test_every_ending_is_tried():
    tried = {"a_close_without_end_of_file", "nothing_ever"}
    tried |= {case[0] for case in test_an_odd_end_is_no_answer.pytestmark[0].args[1]}
    assert tried == set(ENDINGS)


PASSWORD = "correct horse"


def login_by(folder: Path, *methods: str, answers: dict[str, str] | None = None, **ssh: object):
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
        outcome = ask("asyncssh", settings, host, "a_close_without_end_of_file")
    return outcome, asked


def test_a_password(tmp_path):
    outcome, _ = login_by(tmp_path, "password", password=Secret(PASSWORD))
    assert outcome.stdout == b"whole"


def test_a_wrong_password_is_tried_once(tmp_path):
    outcome, _ = login_by(
        tmp_path, "password", "keyboard-interactive", password=Secret("battery staple")
    )
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert "offered: password" in outcome.error.message
    assert "battery" not in outcome.error.message


def test_a_password_that_is_asked_for(tmp_path):
    outcome, asked = login_by(tmp_path, "password", answers={"password": PASSWORD})
    assert outcome.stdout == b"whole"
    assert asked == ["anyone@pw: anyone's password: "]


def test_questions_are_answered_by_the_user(tmp_path):
    answers = {"Password": PASSWORD, "town": "Ghent"}
    outcome, asked = login_by(tmp_path, "keyboard-interactive", answers=answers)
    assert outcome.stdout == b"whole"
    assert asked == ["anyone@pw: Password:", "anyone@pw: Which is your town?"]


def test_the_password_answers_the_hidden_question(tmp_path):
    outcome, asked = login_by(
        tmp_path, "keyboard-interactive", password=Secret(PASSWORD), answers={"town": "Ghent"}
    )
    assert outcome.stdout == b"whole"
    assert asked == ["anyone@pw: Which is your town?"]


def test_a_question_without_an_answer_is_a_refusal(tmp_path):
    outcome, _ = login_by(tmp_path, "keyboard-interactive", password=Secret(PASSWORD))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)


def test_time_for_typing_is_not_the_hosts_time(tmp_path, mocker):
    stopped = mocker.spy(ConnectClock, "stopped")
    outcome, asked = login_by(tmp_path, "password", answers={"password": PASSWORD})
    assert outcome.stdout == b"whole"
    assert stopped.call_count == len(asked) == 1


def test_keys_that_need_a_package_say_which(sshd, settings):
    outcome = ask("asyncssh", settings, host_of(sshd, gssapi=True))
    assert outcome.fault == (Category.CONFIG, Phase.CONFIG)
    assert "asyncssh[gssapi]" in outcome.error.message


def test_a_fido_key_needs_a_package_too(mocker):
    mocker.patch("sockfleet.collector.asyncssh_means.find_spec", return_value=None)
    file = PrivateKeyFile(
        path="~/.ssh/id_ed25519_sk",
        pem=b"",
        passphrase=None,
        certificate=None,
        kind="sk-ssh-ed25519@openssh.com",
        public=b"",
    )
    credentials = mocker.Mock(spec=Credentials)
    credentials.key_files.return_value = (file,)

    async def main() -> None:
        threads = DaemonThreads(1, "keys")
        cache = LoginMeansCache(credentials, threads, may_ask=False)
        for _ in range(2):
            with pytest.raises(
                HostError, match=r"id_ed25519_sk is a FIDO key: .*asyncssh\[fido2\]"
            ):
                await cache.get(SshSettings(user="u"))
        threads.close()

    asyncio.run(main())
    credentials.key_files.assert_called_once()


def test_what_nobody_foresaw_is_one_hosts_failure(sshd, settings, mocker):
    mocker.patch(
        "sockfleet.collector.asyncssh_connector.HostKeyVerifier.for_host",
        side_effect=RuntimeError("out of the blue"),
    )
    outcome = ask("asyncssh", settings, host_of(sshd))
    assert outcome.fault == (Category.PROTOCOL, Phase.CONFIG)
    assert "RuntimeError: out of the blue" in outcome.error.message


def test_another_key_type_is_asked_for_where_the_host_may_have_the_right_one(tmp_path, mocker):
    # In large hashed files the known types cannot be found beforehand: the server shows the key
    # that comes first in our list, which is not the one that the user knows.
    mocker.patch("sockfleet.collector.known_hosts._HASHED_AT_ONCE", 0)
    known = tmp_path / "known_hosts"
    with Sshd(tmp_path / "s", host_key_types=["ed25519", "ecdsa"]) as server:
        ed25519, ecdsa = server.known_hosts_lines().splitlines(keepends=True)
        known.write_text(ecdsa + ed25519.replace("127.0.0.1", "127.0.0.9"))
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
        outcome = ask("asyncssh", settings_for(known), host_of(server), "echo out")
        assert outcome.stdout == b"out\n"
        assert server.log.read_text().count("Connection from") == 2


@pytest.mark.parametrize(
    ("verdict", "wanted"),
    [
        ("good", None),
        ("expired", Category.HOSTCERT),
        ("other name", Category.HOSTCERT),
        ("foreign", Category.HOSTCERT),
        ("revoked key", Category.HOSTKEY_REVOKED),
        # Then no certificate is asked for, and the bare key is one that nobody knows.
        ("revoked authority", Category.HOSTKEY_UNKNOWN),
    ],
)
def test_a_host_certificate(tmp_path, verdict, wanted):
    authority, other = ssh_keygen(tmp_path / "ca"), ssh_keygen(tmp_path / "other_ca")
    folder = tmp_path / "s"
    server = Sshd(folder, config=[f"HostCertificate {folder / 'host_ed25519-cert.pub'}"])
    subprocess.run(
        [
            *("ssh-keygen", "-q", "-h", "-I", "web1"),
            *("-s", other if verdict == "foreign" else authority),
            *("-n", "another" if verdict == "other name" else "127.0.0.1"),
            *("-V", "20200101:20200102" if verdict == "expired" else "always:forever"),
            folder / "host_ed25519.pub",
        ],
        check=True,
    )
    name = f"[127.0.0.1]:{server.port}"
    lines = [f"@cert-authority {name} {authority.with_suffix('.pub').read_text()}"]
    if verdict == "revoked key":
        lines.append(f"@revoked {name} {(folder / 'host_ed25519.pub').read_text()}")
    if verdict == "revoked authority":
        lines.append(f"@revoked * {authority.with_suffix('.pub').read_text()}")
    known = tmp_path / "known_hosts"
    known.write_text("".join(lines))
    with server:
        outcome = ask("asyncssh", settings_for(known), host_of(server), "echo out")
    if wanted is None:
        assert outcome.stdout == b"out\n"
    else:
        assert outcome.fault == (wanted, Phase.KEX)


def test_a_server_that_lets_everybody_in_is_not_trusted(tmp_path):
    # Whoever answers in its place would do so too (asyncssh's disable_trivial_auth).
    key = ssh_keygen(tmp_path / "key")
    outcome, _ = login_by(tmp_path, "none", identity_files=(str(key),))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert "Trivial auth disabled" in outcome.error.message


def test_a_server_that_takes_no_key(tmp_path):
    key = ssh_keygen(tmp_path / "key")
    outcome, _ = login_by(tmp_path, "password", identity_files=(str(key),))
    assert outcome.fault == (Category.AUTH_DENIED, Phase.AUTH)
    assert "offered: nothing of the kinds that it takes" in outcome.error.message
