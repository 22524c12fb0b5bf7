"""The options of ssh_config files, compared with ``ssh -G -F FILE``."""

from __future__ import annotations

import getpass
import os
import pwd
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.ssh_options.config_files import read_ssh_config
from tests.support.ssh.config_login import assert_as_ssh, login
from tests.support.ssh.ssh_reference import effective_options

ME = getpass.getuser()


FILES = {
    "the first value counts": """
Port 2222
Host web*
    Port 33
    User web
Host *
    User everybody
    IdentityFile /last
""",
    "patterns": """
Host db?.example.com !db2.example.com
    User dba
Host web1 db* !db1.example.com
    User other
Host "web2" *.example.com
    Port 77
""",
    "identities add up": """
IdentityFile /always
Host web1
    IdentityFile /web1
    IdentityFile "/with blank"
    CertificateFile /c
Host *
    IdentityFile /web1
    IdentityFile /all
""",
    "forms of a line": """
  # a comment
hOsT=web1
\tPort = 44   # the old one
\tUser="web user"
UserKnownHostsFile /a "/b c"
HostKeyAlias=gate
Host db1.example.com
  Compression yes
  LocalForward 1 localhost:2
""".replace("web user", "webuser"),
    "host names": """
Host web1
    HostName %h.internal.example
Host db1.example.com
    HostName 10.0.0.9
Host *
    HostName other
""",
    "match": f"""
Match originalhost web1
    User matched
Match user matched
    Port 44
Match host 10.0.0.*
    ConnectTimeout 9
Match !host web* localuser {ME}
    ConnectTimeout 11
Match all
    HostKeyAlias everybody
""",
    "match follows the host name": """
Host web1
    HostName 10.0.0.1
Match host 10.0.0.*,!10.0.0.2
    User ten
Match originalhost web1,web2 user ten
    Port 10
""",
    "algorithms": """
Host web1
    Ciphers aes128-ctr
    KexAlgorithms curve25519-sha256
Host *
    MACs hmac-sha2-256
    HostKeyAlgorithms ssh-ed25519
""",
    "final": """
Match final host=web1.example.com
    Port 6
    HostName ignored.example.com
Host web1
    HostName %h.example.com
    IdentityFile /one
Match host = *.example.com user=late
    HostKeyAlias never-in-the-first-pass
Match !final host *.EXAMPLE.com
    User late
Match canonical all
    IdentityFile /one
    IdentityFile /two
""",
    "canonical without final": """
Match canonical
    Port 6
Match !canonical originalhost=web*
    User first
Match originalhost "web1,web2" all   # a comment
    HostKeyAlias quoted
""",
    "commands for other hosts": """
Match host laptop exec "test -e /home"
    User laptop
Match exec "echo a=b; exit 1" host=laptop*
    User laptop
Match host laptop !exec false
    HostName laptop
Host db?.example.com
    Match exec false
Host *
    User everybody
""",
    "nothing": "",
}


ALIASES = ["web1", "web2", "db1.example.com", "db2.example.com", "10.0.0.1"]


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("name", FILES)
def test_options_equal_those_of_ssh(name: str, alias: str, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(FILES[name])
    assert_as_ssh(config, alias)
    assert_as_ssh(config, alias, "-o User=ten -p 5")


BLOCKS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("Host web1", "Host web*", "Host *", "Host !web1 *", "Host web2 web1"),
                *("Host db? !db1", "Match all", "Match host web1", "Match !host web*"),
                *("Match final host=web1", "Match !final user=u2", "Match canonical all"),
                *("Match originalhost web1 user u1", "Match user u*,!u2", "Match host 10.*,*.x"),
            ]
        ),
        st.lists(
            st.sampled_from(
                [
                    *("Port 1", "Port 2", "User u1", "User u2", "HostName 10.0.0.1"),
                    *("HostName %h.x", "IdentityFile /a", "IdentityFile /b"),
                    *("ConnectTimeout 3", "HostKeyAlias one", "HostKeyAlias two"),
                ]
            ),
            max_size=3,
        ),
    ),
    max_size=6,
)


def test_host_lines_compare_the_host_name_in_the_final_pass(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Host !web1 *\n  Port 1\nMatch final host=web1\nHost web1\n  HostName 10.0.0.1\n"
        "Host 10.0.0.1\n  User named\n"
    )
    assert_as_ssh(config, "web1")


@given(blocks=BLOCKS, alias=st.sampled_from(["web1", "web2", "db1", "db2"]))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_blocks_give_the_options_of_ssh(
    blocks: list[tuple[str, list[str]]], alias: str, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("\n".join("\n  ".join([header, *lines]) for header, lines in blocks))
    assert_as_ssh(config, alias)


def test_the_file_applies_to_jump_hosts(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Host inner\n  ProxyJump bastion\n"
        "Host bastion\n  HostName 10.0.0.1\n  User gate\n  Port 2222\n  IdentityFile /gate\n"
        "  ProxyJump outer:99\n"
        "Host outer\n  User out\n"
    )
    outer, bastion = login(config, "inner").ssh.jumps
    assert (outer.address, outer.port, outer.ssh.user) == ("outer", 99, "out")
    assert (bastion.address, bastion.port, bastion.ssh.user) == ("10.0.0.1", 2222, "gate")
    assert bastion.ssh.identity_files == ("/gate",)
    # The second of a list is reached through the first, without regard to its own block.
    first, second = login(config, "x", "-J me@first,bastion").ssh.jumps
    assert (first.address, first.ssh.user) == ("first", "me")
    assert second.address == "10.0.0.1"


def test_the_file_applies_to_the_bastion_of_ssh_w(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host bastion\n  HostName 10.0.0.1\n  User gate\n")
    (hop,) = login(config, "x", "-o 'ProxyCommand=ssh -W %h:%p bastion'").ssh.jumps
    assert (hop.address, hop.ssh.user) == ("10.0.0.1", "gate")
    (hop,) = login(config, "x", "-o 'ProxyCommand=ssh -F none -W %h:%p bastion'").ssh.jumps
    assert (hop.address, hop.ssh.user) == ("bastion", None)


def test_jump_hosts_in_a_circle_are_an_error(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host *\n  ProxyJump bastion\n")
    with pytest.raises(InventoryError, match=r"bastion > bastion.* go in a circle"):
        login(config, "web1")


def test_hosts_that_match_the_same_blocks_share_their_options(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host web1\n  Port 1\nHost web*\n  User me\n")
    read = read_ssh_config(str(config))
    assert read.match("web2") is read.match("web3")
    assert read.match("web1").blocks != read.match("web2").blocks
    assert login(config, "web1").depends_on_host is False


def test_tokens_and_variables_in_paths_are_those_of_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", pwd.getpwuid(os.getuid()).pw_dir)  # ssh's ~ and %d
    monkeypatch.setenv("KEYS", "%h ~ ${HOME}")
    words = [f"/k{index}/%%-%{letter}" for index, letter in enumerate("CdhiklLnpru")]
    words += ["${HOME}/.ssh/%h", "~/%r", "/e/${KEYS}/%%{HOME}"]
    lines = [f'IdentityFile "{word}"' for word in words]
    config = tmp_path / "config"
    config.write_text(
        "\n".join(
            [
                *("HostName 127.0.0.1", "Port 1", "User me", "HostKeyAlias gate", *lines),
                "UserKnownHostsFile ~/%k /k/%C/%i ${HOME}/%n",
                "GlobalKnownHostsFile /g/%k ${HOME}/%n",
            ]
        )
    )
    done = subprocess.run(
        ["ssh", "-v", "-o", "ProxyCommand=true", "-F", str(config), "web1"],
        capture_output=True,
        text=True,
        check=False,
    )
    theirs = re.findall(r"identity file (.*) type -?\d+", done.stderr)
    found = login(config, "web1").ssh
    assert list(found.identity_files or ()) == [f for f in theirs if not f.endswith("-cert")]
    shown = effective_options(["-F", str(config), "web1"])
    files = [*shown["userknownhostsfile"], *shown["globalknownhostsfile"]]
    assert " ".join(found.known_hosts_files or ()) == " ".join(files)
