"""What is asyncssh's own; what both transports have in common stands in test_transport*.py."""

from __future__ import annotations

import subprocess

import pytest
import uvloop

from sockfleet.collector.asyncssh.credentials import load_credentials
from sockfleet.collector.asyncssh.transport import AsyncsshTransport
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.algorithms import HOST_KEYS
from sockfleet.collector.ssh.credentials.store import Credentials, PrivateKeyFile
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Host, SshSettings
from tests.support.ssh.over_ssh import ask, open_descriptors, settings_for, ssh_settings
from tests.support.ssh.sshd import Sshd, ssh_keygen

pytestmark = pytest.mark.usefixtures("asyncssh_path")


def host_of(sshd: Sshd, **further: object) -> Host:
    return Host(name="web1", address="127.0.0.1", port=sshd.port, ssh=ssh_settings(sshd, **further))


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


def test_keys_that_need_a_package_say_which(sshd, settings):
    outcome = ask("asyncssh", settings, host_of(sshd, gssapi=True, identity_files=()))
    assert outcome.fault == (Category.CONFIG, Phase.CONFIG)
    assert "asyncssh[gssapi]" in outcome.error.message


def test_a_fido_key_needs_a_package_too(mocker):
    mocker.patch("sockfleet.collector.asyncssh.credentials.find_spec", return_value=None)
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

    with pytest.raises(HostError, match=r"id_ed25519_sk is a FIDO key: .*asyncssh\[fido2\]"):
        load_credentials(SshSettings(user="u"), credentials, HOST_KEYS, may_ask=False)


def test_an_unforeseen_error_fails_one_host(sshd, settings, mocker):
    mocker.patch(
        "sockfleet.collector.ssh.connector.HostKeyVerifier.for_host",
        side_effect=RuntimeError("out of the blue"),
    )
    outcome = ask("asyncssh", settings, host_of(sshd))
    assert outcome.fault == (Category.PROTOCOL, Phase.CONFIG)
    assert "RuntimeError: out of the blue" in outcome.error.message


def test_another_key_type_is_asked_for_where_the_host_may_have_the_right_one(tmp_path, mocker):
    # In large hashed files the known types cannot be found beforehand: the server shows the key
    # that comes first in our list, which is not the one that the user knows.
    mocker.patch("sockfleet.collector.ssh.host_keys.known_hosts._HASHED_AT_ONCE", 0)
    known = tmp_path / "known_hosts"
    with Sshd(tmp_path / "s", host_key_types=["ed25519", "ecdsa"]) as server:
        ed25519, ecdsa = server.known_hosts_lines().splitlines(keepends=True)
        known.write_text(ecdsa + ed25519.replace("127.0.0.1", "127.0.0.9"))
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
        outcome = ask("asyncssh", settings_for(known), host_of(server), "echo out")
        assert outcome.stdout == b"out\n"
        assert server.log.read_text().count("Connection from") == 2


def test_a_certificate_of_a_revoked_key(tmp_path):
    # asyncssh asks about the authority alone; the key below the certificate it must know itself.
    authority = ssh_keygen(tmp_path / "ca")
    folder = tmp_path / "s"
    server = Sshd(folder, config=[f"HostCertificate {folder / 'host_ed25519-cert.pub'}"])
    key = folder / "host_ed25519.pub"
    subprocess.run(
        ["ssh-keygen", "-q", "-h", "-I", "web1", "-s", authority, "-n", "127.0.0.1", key],
        check=True,
    )
    name = f"[127.0.0.1]:{server.port}"
    known = tmp_path / "known_hosts"
    known.write_text(
        f"@cert-authority {name} {authority.with_suffix('.pub').read_text()}"
        f"@revoked {name} {key.read_text()}"
    )
    with server:
        outcome = ask("asyncssh", settings_for(known), host_of(server))
    assert outcome.fault == (Category.HOSTKEY_REVOKED, Phase.KEX)
