"""How ssh_config files are read: includes, lines, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.ssh_options.keywords import IgnoredOptions
from sockfleet.inventory.ssh_options.login import Login
from tests.support.ssh.config_login import assert_as_ssh, login


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


def test_a_file_gets_one_note(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Compression yes\nHost *\n  SendEnv LANG\n  ForwardAgent no\n")
    ignored = IgnoredOptions()
    login(config, "web1", ignored=ignored)
    assert ignored.notes() == [
        f"{config}: ignored, as it changes nothing here: Compression, SendEnv, ForwardAgent"
    ]


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
