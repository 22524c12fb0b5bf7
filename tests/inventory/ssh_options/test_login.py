"""Logins from ssh options, compared with ``ssh -G`` for the same words."""

from __future__ import annotations

import getpass
import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.models import HostKeyPolicy, Secret
from sockfleet.inventory.ssh_options.keywords import IgnoredOptions
from sockfleet.inventory.ssh_options.login import Credentials
from tests.support.inventory.ssh_login import login
from tests.support.ssh.ssh_reference import as_ssh_shows, effective_options, list_missed

WORDS = [
    "",
    "-p 2222 -o Port=33 -l me -o User=you",
    "-o User=you -l me -o 'Port 33' -p 2222",
    "-o HostName=10.0.0.9",
    "-o HostName=%h.example.com",
    "-i /etc/hosts -o IdentityFile=/k2 -o IdentityFile='\"/a b\"' -o IdentityFile=/k2",
    "-o IdentityFile=/k1 -o IdentityFile=/k2",
    "-o CertificateFile=/c1 -o CertificateFile=/c2",
    "-o GSSAPIKeyExchange=no -o GSSAPITrustDNS=no -o GSSAPIRenewalForcesRekey=no -K",
    "-4 -6",
    "-o AddressFamily=inet -6",
    "-o AddressFamily=inet6 -o AddressFamily=inet",
    "-b 127.0.0.1 -b 127.0.0.2",
    "-o BindAddress=127.0.0.1 -b 127.0.0.2",
    "-o ConnectTimeout=7 -o ConnectTimeout=9",
    "-o ConnectTimeout=1m30",
    "-o StrictHostKeyChecking=yes",
    "-o StrictHostKeyChecking=accept-new -o StrictHostKeyChecking=no",
    "-o HostKeyAlias=gate -o GSSAPIAuthentication=yes -o IdentitiesOnly=yes",
    "-K",
    "-o Ciphers=aes128-ctr,aes256-ctr -o MACs=hmac-sha2-256",
    "-c aes128-ctr -o Ciphers=aes256-ctr -m hmac-sha2-512",
    "-o KexAlgorithms=curve25519-sha256 -o HostKeyAlgorithms=ssh-ed25519,rsa-sha2-512",
    "-o PubkeyAcceptedKeyTypes=ssh-ed25519 -o PubkeyAcceptedAlgorithms=ssh-rsa",
    "-C -q -v -T -a -x -k -A -M -n -o ControlMaster=auto -o ControlPersist=60s -S /tmp/x",
    "-o ServerAliveInterval=15 -o ServerAliveCountMax=3 -o TCPKeepAlive=yes",
    "-o PreferredAuthentications=publickey -o PubkeyAuthentication=yes -o LogLevel=ERROR",
    "-o ProxyCommand=none -o ProxyJump=b",
    "-L 1:localhost:2 -R 3:localhost:4 -D 5 -o ExitOnForwardFailure=yes",
]


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("", None),
        ("-o IdentityFile=none", ()),
        ("-o IdentityFile=None -o IdentityFile=/k", ("/k",)),
        ("-o IdentityFile=/k -o IdentityFile=none", ("/k",)),
    ],
)
def test_an_identity_file_of_none_names_no_file_and_keeps_the_default_ones_out(
    text: str, files: tuple[str, ...] | None
) -> None:
    theirs = effective_options(["-F", "none", *shlex.split(text), "web1"])["identityfile"]
    assert login(text).ssh.identity_files == files
    assert files is None or tuple(f for f in theirs if f.lower() != "none") == files


@pytest.mark.parametrize("text", WORDS)
def test_settings_equal_those_of_ssh(text: str) -> None:
    theirs = effective_options(["-F", "none", *shlex.split(text), "web1"])
    found = login(text)
    ours = as_ssh_shows(found)
    assert ours == {keyword: theirs[keyword] for keyword in ours}
    assert list_missed(found, theirs) == set()


@given(
    st.lists(
        st.sampled_from(
            [
                *("-p 22", "-p 2222", "-o Port=33", "-l me", "-o User=you", "-o 'User you'"),
                *("-4", "-6", "-o AddressFamily=inet", "-o addressfamily=ANY", "-o HostName=other"),
                *("-o IdentityFile=/k1", "-o IdentityFile=/k2", "-o ConnectTimeout=3", "-q", "-C"),
                *("-o ConnectTimeout=4s", "-b 127.0.0.1", "-o BindAddress=127.0.0.2", "-vT"),
                *("-o hostkeyalias=a", "-o HostKeyAlias=b", "-o StrictHostKeyChecking=yes"),
                *("-c aes128-ctr", "-o Ciphers=aes256-ctr", "-o identitiesOnly=no", "-oport=44"),
            ]
        ),
        max_size=7,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_order_gives_the_settings_of_ssh(parts: list[str]) -> None:
    text = " ".join(parts)
    theirs = effective_options(["-F", "none", *shlex.split(text), "web1"])
    found = login(text)
    ours = as_ssh_shows(found)
    assert ours == {keyword: theirs[keyword] for keyword in ours}
    assert list_missed(found, theirs) == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-o Port=22x", "Port: '22x' is no port"),
        ("-p 0", "-p: '0' is no port"),
        ("-o Port", "Port has no value"),
        ("-o 'Port=22 23'", "one value is expected"),
        ("-o User=-x", "User: '-x' is no user name"),
        ("-o User=%h", "no user name"),
        ("-o HostName='a b'", "one value is expected"),
        ("-o HostName=-x", "no host name"),
        ("-o HostName=%p", "'%p' in '%p' is not filled in"),
        ("-o ConnectTimeout=soon", "no time"),
        ("-o AddressFamily=ipv4", "any, inet or inet6"),
        ("-o StrictHostKeyChecking=maybe", "yes, ask, accept-new, no or off"),
        ("-o IdentitiesOnly=perhaps", "yes or no"),
        ("-o Ciphers=aes*", "no algorithm"),
        ("-o IdentityFile=-", "IdentityFile '-' is refused: it begins with '-'"),
        ("-o CertificateFile=-i", "CertificateFile '-i' is refused: it begins with '-'"),
        ("-o UserKnownHostsFile=-", "UserKnownHostsFile '-' is refused: it begins with '-'"),
        ("-o 'IdentityFile=${NOT_SET}'", "the environment variable 'NOT_SET' is not set"),
        ("-o IdentityFile=%T", "'%T' in '%T' is not filled in"),
        ("-o IdentityFile=~nobody-here/k", "no such user's home"),
        ("-o IdentityAgent=$OTHER", "a path is expected"),
        ("-o BindAddress=eth0;x", "no host name"),
        ("-o HostKeyAlias=-x", "no host name"),
        ("-o RevokedHostKeys=/x", "RevokedHostKeys '/x' is refused"),
        ("-o PKCS11Provider=/x.so", "is refused"),
        ("-I /x.so", "-I '/x.so' is refused"),
        ("-o RemoteCommand=ls", "RemoteCommand 'ls' is refused"),
        ("-o PermitLocalCommand=yes", "is refused"),
        ("-o CanonicalizeHostname=yes", "is refused"),
        ("-o KnownHostsCommand=/x", "is refused"),
        ("-o Tunnel=yes", "is refused"),
        ("-o NoSuchOption=1", "'NoSuchOption' is refused: unknown here"),
        ("-o Include=/x", "'Include' is refused"),
        ("-B eth0", "-B 'eth0' is refused: no login is bound"),
        ("-P tag", "'-P' is refused"),
        ("-F /no/such/file", "/no/such/file: this ssh_config cannot be read: No such file"),
    ],
)
def test_unsupported_options_are_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(InventoryError) as caught:
        login(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "methods"),
    [
        ("", {"publickey", "password"}),
        ("-o PubkeyAuthentication=no", {"password"}),
        ("-o PreferredAuthentications=password", {"password"}),
        ("-o PreferredAuthentications=keyboard-interactive", {"password"}),
        ("-o PreferredAuthentications=publickey,password", {"publickey", "password"}),
        ("-o PreferredAuthentications=publickey", {"publickey"}),
        ("-o PreferredAuthentications=publickey -K", {"publickey"}),
        ("-o PreferredAuthentications=gssapi-with-mic,publickey -K", {"publickey", "gssapi"}),
        ("-o PreferredAuthentications=gssapi-with-mic,hostbased", set()),
        ("-o PasswordAuthentication=no -o PubkeyAuthentication=unbound", {"publickey"}),
    ],
)
def test_what_chooses_the_method_of_login_chooses_it(text: str, methods: set[str]) -> None:
    given = Credentials(agent="/agent", password=Secret("x"))
    found = login(f"-i /k {text}", credentials=given).ssh
    offered = {"publickey"} if found.identity_files and found.agent else set()
    offered |= {"password"} if found.password else set()
    offered |= {"gssapi"} if found.gssapi else set()
    assert offered == methods
    # None would mean the default files.
    assert found.identity_files == (("/k",) if "publickey" in methods else ())
    assert found.agent == ("/agent" if "publickey" in methods else None)


@pytest.mark.parametrize(
    ("text", "methods"),
    [
        ("", ()),
        ("-o PasswordAuthentication=yes -o PubkeyAuthentication=no", ()),
        (
            "-o KbdInteractiveAuthentication=no",
            ("gssapi-with-mic", "publickey", "password"),
        ),
        ("-o PasswordAuthentication=no", ("gssapi-with-mic", "publickey")),
        ("-o PreferredAuthentications=password,publickey", ("password", "publickey")),
        ("-o PreferredAuthentications=keyboard-interactive -o skeyauthentication=no", ("none",)),
        ("-o PreferredAuthentications=hostbased", ("none",)),
    ],
)
def test_the_methods_of_login_are_tried_in_the_order_of_the_options(
    text: str, methods: tuple[str, ...]
) -> None:
    assert login(text).ssh.login_methods == methods


def test_ignored_options_give_one_note() -> None:
    ignored = IgnoredOptions()
    login("-C -o ControlMaster=auto -o ControlPersist=60s -C", ignored=ignored)
    login("-C -o ControlMaster=auto", ignored=ignored)
    assert ignored.notes() == [
        "args: ignored, as it changes nothing here: -C, ControlMaster, ControlPersist"
    ]


def test_a_method_of_login_that_is_switched_off_is_not_called_left_out() -> None:
    ignored = IgnoredOptions()
    names = ["GSSAPIKeyExchange", "GSSAPITrustDNS", "GSSAPIRenewalForcesRekey"]
    names.append("HostbasedAuthentication")
    login(" ".join(f"-o {name}=no" for name in names), ignored=ignored)
    assert ignored.notes() == [f"args: ignored, as it changes nothing here: {', '.join(names)}"]
    ignored = IgnoredOptions()
    login(" ".join(f"-o {name}=yes" for name in names), ignored=ignored)
    assert [note.split(": ")[1] for note in ignored.notes()] == [
        f"{name} is not honoured" for name in names
    ]


def test_disabled_host_key_checking_becomes_accept_new_with_a_note() -> None:
    ignored = IgnoredOptions()
    found = login("-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null", ignored=ignored)
    assert found.ssh.host_keys is HostKeyPolicy.ACCEPT_NEW
    assert found.ssh.known_hosts_files is not None
    assert found.ssh.known_hosts_files[0] == "/dev/null"
    assert ignored.notes() == [
        "args: StrictHostKeyChecking no is read as accept-new: a changed host key is still refused"
    ]


def test_ignore_unknown_as_in_ssh() -> None:
    assert login("-o IgnoreUnknown='Foo*,bar' -o FooBar=1 -o Bar=2").ssh == login("").ssh
    with pytest.raises(InventoryError, match="Baz"):
        login("-o IgnoreUnknown=Foo* -o Baz=1")


def test_known_hosts_files() -> None:
    home = str(Path.home())
    both = login("-o UserKnownHostsFile='/u1 ~/u2' -o GlobalKnownHostsFile=none")
    assert both.ssh.known_hosts_files == ("/u1", f"{home}/u2")
    machine = login("-o GlobalKnownHostsFile=/g")
    assert machine.ssh.known_hosts_files == (
        f"{home}/.ssh/known_hosts",
        f"{home}/.ssh/known_hosts2",
        "/g",
    )
    assert login("").ssh.known_hosts_files is None


def test_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    given_agent = Credentials(agent="/default")
    assert login("", credentials=given_agent).ssh.agent == "/default"
    assert login("-o IdentityAgent=none", credentials=given_agent).ssh.agent is None
    assert login("-o IdentityAgent=/a/%r", credentials=given_agent).ssh.agent == (
        f"/a/{getpass.getuser()}"
    )
    monkeypatch.setenv("SSH_AUTH_SOCK", "/env")
    assert login("-o IdentityAgent=SSH_AUTH_SOCK", credentials=given_agent).ssh.agent == "/env"


def test_the_password_is_not_used_where_an_option_disables_it() -> None:
    ignored = IgnoredOptions()
    password = Credentials(password=Secret("s3"))
    assert login("-o PasswordAuthentication=yes", credentials=password).ssh.password is not None
    assert (
        login("-o PasswordAuthentication=no", credentials=password, ignored=ignored).ssh.password
        is None
    )
    assert ignored.notes() == ["args: PasswordAuthentication no: the password is not used"]


def test_tokens_are_replaced_and_depend_on_the_host() -> None:
    found = login("-o IdentityFile=/k/%h-%n-%p-%r-%% -p 2222 -l me -o HostName=10.0.0.1")
    assert found.ssh.identity_files == ("/k/10.0.0.1-web1-2222-me-%",)
    assert found.depends_on_host
    assert not login("-i /k").depends_on_host


@given(st.text(max_size=60), st.text(max_size=20))
@settings(deadline=None)
def test_any_words_give_a_safe_login_or_an_error(text: str, alias: str) -> None:
    try:
        found = login(f"-J {text} -o 'User={text}' -o 'HostName={text}'", alias)
    except (InventoryError, ValueError):
        return
    for word in (found.address, found.ssh.user or "", *(hop.address for hop in found.ssh.jumps)):
        assert not word.startswith("-")
        assert word.isprintable()
