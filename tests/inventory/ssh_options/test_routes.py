"""Jump hosts and proxy commands from ssh options, compared with ``ssh -G``."""

from __future__ import annotations

import getpass
import shlex

import pytest

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.models import HostKeyPolicy, Secret
from sockfleet.inventory.ssh_options.login import Credentials
from tests.support.inventory.ssh_login import login

HOP_KEYS = Credentials(identity_files=("/default",), agent="/agent", password=Secret("never"))


def test_jump_hosts_get_the_default_credentials() -> None:
    found = login(
        "-J me@b1:2201,b2,[2001:db8::1]:22 -l you -i /k -p 99 -o StrictHostKeyChecking=no",
        hop_credentials=Credentials(identity_files=("/default",), agent="/agent"),
    )
    hops = found.ssh.jumps
    assert [(hop.address, hop.port, hop.ssh.user) for hop in hops] == [
        ("b1", 2201, "me"),
        ("b2", 22, None),
        ("2001:db8::1", 22, None),
    ]
    for hop in hops:
        assert hop.ssh.identity_files == ("/default",)
        assert hop.ssh.agent == "/agent"
        assert hop.ssh.host_keys is None
        assert hop.ssh.jumps == ()


@pytest.mark.parametrize(
    "command",
    [
        "ssh -W %h:%p -q me@bastion -p 2200",
        "ssh -q -p 2200 -W [%h]:%p -l me bastion",
        "exec /usr/bin/ssh -p 2200 -l me -W %h:%p bastion",
        "ssh ssh://me@bastion:2200 -W %h:%p",
        "ssh -oPort=2200 -o User=me bastion -W%h:%p",
    ],
)
def test_ssh_w_becomes_a_jump(command: str) -> None:
    found = login(f"-o ProxyCommand={shlex.quote(command)}")
    (hop,) = found.ssh.jumps
    assert (hop.address, hop.port, hop.ssh.user) == ("bastion", 2200, "me")
    assert found.ssh.proxy_command is None
    assert not found.depends_on_host


@pytest.mark.parametrize(
    "command",
    [
        "ssh -W %h:%p %r@bastion -p %p",
        "ssh -W %h:%p -l %r bastion -oPort=%p",
        "ssh -N -W %h:%p -o User=%r -p%p bastion",
        "ssh -NTqW %h:%p ssh://%r@bastion:%p",
        "ssh -W %h:%p -o HostName=%%h bastion -l %r -p %p",
    ],
)
def test_tokens_in_ssh_w_are_those_of_the_host_behind_the_bastion(command: str) -> None:
    found = login(f"-l me -p 2200 -o ProxyCommand={shlex.quote(command)}")
    (hop,) = found.ssh.jumps
    assert (hop.address, hop.port, hop.ssh.user) == ("bastion", 2200, "me")
    # ssh without -l fills in the local user.
    (hop,) = login(f"-p 2200 -o ProxyCommand={shlex.quote(command)}").ssh.jumps
    assert hop.ssh.user == getpass.getuser()


def test_the_options_of_ssh_w_apply_to_the_bastion() -> None:
    command = "ssh -i /bk -o StrictHostKeyChecking=yes -J outer -W %h:%p bastion"
    found = login(f"-i /k -o ProxyCommand={shlex.quote(command)}", hop_credentials=HOP_KEYS)
    outer, bastion = found.ssh.jumps
    assert (outer.address, outer.ssh.identity_files) == ("outer", ("/default",))
    assert (bastion.address, bastion.ssh.identity_files) == ("bastion", ("/bk",))
    assert bastion.ssh.host_keys is HostKeyPolicy.STRICT
    assert found.ssh.identity_files == ("/k",)


@pytest.mark.parametrize(
    "command",
    [
        "nc %h %p",
        "ssh bastion nc %h %p",
        "ssh bastion nc -w 5 %h %p",
        "ssh -W %h:%p bastion true",
        "ssh -W %h:22 bastion",
        "ssh -W other:%p bastion",
        "ssh -W %h:%p",
        "ssh -W %h:%p bastion; reboot",
        "ssh -W %h:%p $(cat /etc/bastion)",
        "ssh -W %h:%p bastion 2>/dev/null",
        "ssh -W %h:%p 'bastion",
        "sshpass -p x ssh -W %h:%p bastion",
    ],
)
def test_other_proxy_commands_need_the_option(command: str) -> None:
    text = f"-p 2222 -o ProxyCommand={shlex.quote(command)}"
    with pytest.raises(InventoryError, match=r"--allow-proxy-command lets it, ProxyJump does"):
        login(text)
    found = login(text, allow_proxy_command=True)
    assert found.ssh.proxy_command == command.replace("%h", "web1").replace("%p", "2222")
    assert found.ssh.jumps == ()


def test_ssh_w_with_refused_options_is_a_proxy_command() -> None:
    text = "-o 'ProxyCommand=ssh -o RevokedHostKeys=/r -W %h:%p bastion'"
    with pytest.raises(InventoryError, match="RevokedHostKeys"):
        login(text)
    found = login(text, allow_proxy_command=True)
    assert found.ssh.proxy_command == "ssh -o RevokedHostKeys=/r -W web1:22 bastion"


@pytest.mark.parametrize(
    ("text", "jumps", "command"),
    [
        ("-o ProxyJump=none -o ProxyJump=b", [], None),
        ("-o ProxyCommand=none -J b", [], None),
        ("-J b -o ProxyCommand=none", ["b"], None),
        ("-J b -o 'ProxyCommand=nc %h %p'", ["b"], None),
        ("-o 'ProxyCommand=nc %h %p' -J b", [], "nc web1 22"),
        ("-J a -J b", ["a"], None),
        ("-J %h-gate", ["web1-gate"], None),
    ],
)
def test_the_first_jump_or_command_takes_effect(
    text: str, jumps: list[str], command: str | None
) -> None:
    found = login(text, allow_proxy_command=True).ssh
    assert [hop.address for hop in found.jumps] == jumps
    assert found.proxy_command == command


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-J ''", "no host name"),
        ("-J a,,b", "no host name"),
        ("-J -x", "no host name"),
        ("-J ::1", "IPv6 in brackets"),
        ("-J a:0", "no port"),
        ("-J a:", "no port"),
        ("-J @a", "no user name"),
        ("-J ssh://a/path", "ssh://[user@]host[:port] is expected"),
        ("-J ssh://a:x", "no port"),
        ("-J ssh://[::1", "Invalid IPv6 URL"),
        ("-J 'a b'", "no host name"),
        ("-J %C", "not filled in"),
        ("-J a,b,c,d,e,f,g,h,i", "more than 8 jump hosts"),
        ("-o 'ProxyCommand=ssh -W %h:%p -xG b'", "-G is refused"),
        ("-o 'ProxyCommand=ssh -W %h:%p -xG b'", "--allow-proxy-command lets it, ProxyJump"),
        ("-o 'ProxyCommand=ssh -W %h:%p -l %d b'", "'%d' in '%d' is not filled in"),
        ("-o 'ProxyCommand=ssh -W %h:%p u@-b'", "no host name"),
        ("-o 'ProxyCommand=ssh -o ProxyCommand=nc -W %h:%p b'", "--allow-proxy-command"),
    ],
)
def test_invalid_jumps_are_refused(text: str, message: str) -> None:
    with pytest.raises(InventoryError) as caught:
        login(text)
    assert message in str(caught.value)


def test_a_jump_host_with_a_proxy_command() -> None:
    command = "ssh -o 'ProxyCommand=nc %h %p' -W %h:%p b"
    found = login(f"-o ProxyCommand={shlex.quote(command)}", allow_proxy_command=True)
    assert found.ssh.proxy_command == "ssh -o 'ProxyCommand=nc web1 22' -W web1:22 b"
