"""Both SSH transports: control characters that a server sends never reach a message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.errors import Category
from sockfleet.collector.outcome import HostFailure
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, Secret, SshSettings
from tests.support.hostile_text import HOSTILE
from tests.support.ssh.over_ssh import Outcome, ask, settings_for
from tests.support.ssh.server_in_thread import server_in_thread
from tests.support.ssh.sshd import ssh_keygen

TEXT = "\n".join(
    text.decode("utf-8", "replace")[:200] for name, text in HOSTILE.items() if name != "long"
)

PROMPT = "\x1b]52;c;eA==\x07Password\u202e\n\r\x9b: "


class _Session(asyncssh.SSHServerSession):
    def __init__(self, field: str) -> None:
        self.field = field

    def connection_made(self, chan):
        self.chan = chan

    def exec_requested(self, command):
        return True

    def eof_received(self):
        if self.field == "signal":
            self.chan.exit_with_signal(TEXT, False, TEXT)
        else:
            self.chan.write_stderr(TEXT.encode())
            self.chan.exit(1)
        return True


class _Server(asyncssh.SSHServer):
    """Sends ``TEXT`` in one field of the protocol."""

    def __init__(self, field: str) -> None:
        self.field = field
        self.prompts_sent = 0

    def connection_made(self, conn):
        self.conn = conn

    def begin_auth(self, username):
        if self.field == "disconnect":
            raise asyncssh.DisconnectError(asyncssh.DISC_BY_APPLICATION, TEXT)
        if self.field == "banner":
            self.conn.send_auth_banner(TEXT)
        return True

    def public_key_auth_supported(self):
        return self.field not in ("banner", "prompt")

    def validate_public_key(self, username, key):
        return True

    def password_auth_supported(self):
        return self.field == "banner"

    def validate_password(self, username, password):
        return False

    def kbdint_auth_supported(self):
        return self.field == "prompt"

    def get_kbdint_challenge(self, username, lang, submethods):
        self.prompts_sent += 1
        return self.prompts_sent == 1 and (PROMPT, PROMPT, "", [(PROMPT, False)])

    def validate_kbdint_response(self, username, responses):
        return False

    def session_requested(self):
        if self.field == "open":
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, TEXT)
        return _Session(self.field)


async def _send_raw(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes
) -> None:
    writer.write(first)
    writer.write_eof()
    await reader.read()
    writer.close()


@contextmanager
def server(folder: Path, field: str) -> Iterator[int]:
    """Run the server in a thread; yield its port on 127.0.0.1 and write ``folder``/known_hosts."""
    raw = {
        "version": b"SSH-2.0-" + TEXT.replace("\n", "").encode() + b"\r\n",
        "preamble": TEXT.encode() + b"\r\nHTTP/1.1 400 Bad Request\r\n\r\n",
    }

    async def listen(key: asyncssh.SSHKey) -> asyncio.Server | asyncssh.SSHAcceptor:
        if field in raw:
            return await asyncio.start_server(
                lambda r, w: _send_raw(r, w, raw[field]), "127.0.0.1", 0
            )
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[key],
            server_factory=lambda: _Server(field),
            encoding=None,
            gss_host=None,
        )

    with server_in_thread(folder, listen) as port:
        yield port


def _make_host(folder: Path, port: int) -> Host:
    key = ssh_keygen(folder / "client")
    ssh = SshSettings(user="somebody", identity_files=(str(key),), password=Secret("guess"))
    return Host(name="web1", address="127.0.0.1", port=port, ssh=ssh)


def _is_one_harmless_line(text: str) -> bool:
    return text.isprintable() and len(text) < 1000


@pytest.mark.parametrize("field", ["version", "preamble", "disconnect", "banner", "open", "signal"])
def test_server_text_is_cleaned_in_the_message(transport, tmp_path, field):
    with server(tmp_path, field) as port:
        settings = settings_for(tmp_path / "known_hosts", connect_timeout_s=10)
        outcome: Outcome = ask(transport, settings, _make_host(tmp_path, port))
    assert outcome.error is not None, "the login succeeded"
    assert _is_one_harmless_line(outcome.error.message), outcome.error.message
    if field in ("disconnect", "banner", "open"):
        assert "[31mred" in outcome.error.message, "the text is missing"


def test_a_prompt_is_shown_without_its_escapes(transport, tmp_path):
    prompts: list[str] = []

    def answer(prompt: str) -> Secret:
        prompts.append(prompt)
        return Secret("guess")

    with server(tmp_path, "prompt") as port:
        settings = settings_for(tmp_path / "known_hosts", ask_password=answer)
        host = Host(name="web1", address="127.0.0.1", port=port, ssh=SshSettings(user="somebody"))
        outcome = ask(transport, settings, host)
    assert outcome.error is not None
    assert outcome.error.category is Category.AUTH_DENIED
    assert all(map(_is_one_harmless_line, [*prompts, outcome.error.message]))
    assert prompts


def test_standard_error_is_cleaned_in_the_message(transport, tmp_path):
    outcomes = []
    with server(tmp_path, "stderr") as port:
        settings = TransportSettings(known_hosts_files=(str(tmp_path / "known_hosts"),))
        engine = Engine(EngineSettings(transport=transport, transport_settings=settings, retries=0))
        asyncio.run(engine.run([_make_host(tmp_path, port)], outcomes.append))
    (failure,) = outcomes
    assert isinstance(failure, HostFailure)
    assert failure.category is Category.NO_SHELL
    assert _is_one_harmless_line(failure.message)
