"""ssh_config files, compared with ``ssh -G -F FILE``."""

from __future__ import annotations

import getpass
import os
import pwd
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.ssh_options.arguments import read_arguments
from sockfleet.inventory.ssh_options.config_files import read_ssh_config
from sockfleet.inventory.ssh_options.keywords import IgnoredOptions
from sockfleet.inventory.ssh_options.login import Credentials, Login, LoginResolver
from tests.support.ssh.ssh_reference import as_ssh_shows, effective_options, list_missed

ME = getpass.getuser()


def login(
    config: Path, alias: str, text: str = "", *, ignored: IgnoredOptions | None = None
) -> Login:
    resolver = LoginResolver(
        hop_credentials=Credentials(),
        allow_proxy_command=False,
        ignored=ignored or IgnoredOptions(),
    )
    options = read_arguments(shlex.split(text), "args").options
    return resolver.resolve(alias, options, Credentials(), config_file=str(config))


def assert_as_ssh(config: Path, alias: str, text: str = "") -> Login:
    found = login(config, alias, text)
    ours = as_ssh_shows(found)
    theirs = effective_options([*shlex.split(text), "-F", str(config), alias])
    assert ours == {keyword: theirs[keyword] for keyword in ours}
    assert list_missed(found, theirs) == set()
    return found


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


@pytest.mark.parametrize("alias", ["web1", "web2", "db1"])
def test_included_options_apply_at_the_place_of_the_include(alias: str, tmp_path: Path) -> None:
    config, part, inner = tmp_path / "config", tmp_path / "part.conf", tmp_path / "inner"
    config.write_text(
        f"Include {tmp_path}/none.conf {tmp_path}/*.conf\nUser outside\n"
        f"Host web*\n  ConnectTimeout 3\n  Include {inner}\n  HostKeyAlias still-web\n"
        "Host *\n  Port 1\n"
    )
    part.write_text("Host web1\n  User part\nHost *\n  IdentityFile /part\n")
    inner.write_text("HostName 10.0.0.1\nHost db1 web2\n  Port 99\n")
    assert_as_ssh(config, alias)


def test_a_relative_include_is_read_from_the_users_folder(tmp_path: Path) -> None:
    folder = Path.home() / ".ssh"
    folder.mkdir()
    (folder / "part").write_text("User part\n")
    config = tmp_path / "config"
    config.write_text("Include part\n")
    assert login(config, "web1").ssh.user == "part"


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


def test_a_file_gets_one_note(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Compression yes\nHost *\n  SendEnv LANG\n  ForwardAgent no\n")
    ignored = IgnoredOptions()
    login(config, "web1", ignored=ignored)
    assert ignored.notes() == [
        f"{config}: ignored, as it changes nothing here: Compression, SendEnv, ForwardAgent"
    ]


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Port 22\nHost\n", "config:2: Host has no value"),
        ("Match exec true\n  Port 1\n", "config:1: Match exec is refused"),
        ("Match localnetwork 10.0.0.0/8 host *\n  Port 1\n", "config:1: Match localnetwork is"),
        ("Match hots x\n", "config:1: Match 'hots': no such criterion is known"),
        ("Match all host x\n", "config:1: Match all stands alone"),
        ("Match final host x all\n", "config:1: Match all stands alone"),
        ("Match host\n", "config:1: Match host has no pattern"),
        ("Host *\n  Nonsense x\n", "config:2: 'Nonsense' is refused"),
        ("=\n", "config:1: '=' is no ssh option"),
        ('User "me\n', "config:1: User: a quote is not closed"),
        ("Port x\n", "config:1: Port: 'x' is no port"),
        ("RevokedHostKeys /x\n", "config:1: RevokedHostKeys '/x' is refused"),
        ("ProxyCommand nc %h %p\n", "--allow-proxy-command"),
        ("Include {path}\n", "Include goes deeper than 16 files"),
        ("User \udcff\n", "config:1: User: "),
    ],
)
def test_errors_name_the_line(text: str, message: str, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(text.format(path=config), errors="surrogateescape")
    with pytest.raises(InventoryError) as caught:
        login(config, "web1")
    assert message in str(caught.value)


def test_an_included_folder_of_leftovers_is_read_as_ssh_reads_it(tmp_path: Path) -> None:
    # Editors, file managers and backups leave such files in conf.d.
    parts = tmp_path / "conf.d"
    (parts / "sub").mkdir(parents=True)
    (parts / ".50-box.old").write_text("Host web1\n  HostName 10.9.9.9\n  User old\n")
    (parts / ".DS_Store").write_bytes(b"\0\0\0\1Bud1\0\0\x10\0")
    (parts / "50-box").write_bytes(b"# caf\xe9 of M\xfcller\nHost web1\n  HostName 10.0.0.5\n")
    (parts / "B-first").write_text("Host web1\n  Port 1\n")
    (parts / "a-second").write_text("Host web1\n  Port 2\n")
    (parts / "sub" / "deep").write_text("Host web1\n  User deep\n")
    (parts / "60-moved").symlink_to(parts / "nowhere")
    config = tmp_path / "config"
    for pattern in ("*", "60-moved", "[^.]*", "**", "[!5]*", "?0-*", "", ".5*", "sub"):
        config.write_text(f"Include {parts}/{pattern}\nUser me\n")
        assert_as_ssh(config, "web1")


def test_lines_that_end_in_carriage_returns(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_bytes(b"Host web1\r\n  User me\r\n  Port 2\r\n\r\n")
    assert_as_ssh(config, "web1")


def test_refused_options_in_blocks_of_other_hosts_are_ignored(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host laptop\n  RevokedHostKeys /x\nHost *\n  User me\n")
    assert login(config, "web1").ssh.user == "me"


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


def test_a_variable_that_is_not_set_fails_the_hosts_that_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEYS", raising=False)
    config = tmp_path / "config"
    config.write_text("Host web1\n  IdentityFile ${KEYS}/id\nHost *\n  User me\n")
    with pytest.raises(InventoryError, match="'KEYS' is not set"):
        login(config, "web1")
    assert login(config, "web2").ssh.user == "me"


def test_a_command_in_match_fails_only_the_hosts_on_which_it_decides(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        'Match host web1 exec "ip route | grep -q 10.0.0.1"\n  ProxyJump none\n'
        "Host * !bastion\n  ProxyJump bastion\n"
    )
    with pytest.raises(InventoryError, match="config:1: Match exec is refused"):
        login(config, "web1")
    assert [hop.address for hop in login(config, "web2").ssh.jumps] == ["bastion"]


@given(text=st.text(max_size=120))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gives_a_login_or_an_inventory_error(text: str, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(text, encoding="utf-8", errors="replace")
    try:
        found = login(config, "web1")
    except InventoryError as error:
        assert str(config) in str(error)
    else:
        assert isinstance(found, Login)
