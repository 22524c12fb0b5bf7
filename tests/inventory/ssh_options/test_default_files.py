"""The files that ssh reads by itself: ~/.ssh/config, then the system's."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from sockfleet.core.errors import UsageError
from sockfleet.inventory.connection.defaults import ConnectionDefaults
from sockfleet.inventory.connection.resolve import resolve_hosts
from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.models import Host, HostKeyPolicy
from sockfleet.inventory.ssh_options import config_files
from sockfleet.inventory.ssh_options.config_files import DefaultFiles, find_default_files
from sockfleet.inventory.ssh_options.ssh_config import SshConfig
from sockfleet.scan import ScanOptions, select_hosts
from tests.support.fleet.resolved_hosts import inventory

Variables = dict[str, dict[str, Any]]


def write_user_file(text: str) -> Path:
    folder = Path("~/.ssh").expanduser()
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "config"
    path.write_text(text)
    path.chmod(0o600)
    return path


def default_files(folder: Path, user: str | None = None, system: str | None = None) -> DefaultFiles:
    if user is not None:
        write_user_file(user)
    path = folder / "etc" / "ssh_config"
    path.parent.mkdir(exist_ok=True)
    if system is not None:
        path.write_text(system)
    return DefaultFiles(user=find_default_files().user, system=str(path))


def resolve(files: DefaultFiles, hosts: Variables | None = None) -> tuple[list[Host], list[str]]:
    hosts = {"web1": {}} if hosts is None else hosts
    return resolve_hosts(inventory(hosts), list(hosts), ConnectionDefaults(ssh_config=files))


def test_the_users_file_comes_before_the_systems(tmp_path: Path) -> None:
    files = default_files(
        tmp_path,
        user="Host web1\n  HostName 10.0.0.1\n  User me\n",
        system="Host *\n  User you\n  Port 2222\n",
    )
    (host,), notes = resolve(files)
    assert (host.address, host.ssh.user, host.port) == ("10.0.0.1", "me", 2222)
    assert notes == []


def test_missing_files_and_files_closed_to_this_user_are_no_error(tmp_path: Path) -> None:
    (host,), _ = resolve(default_files(tmp_path))
    assert host.address == "web1"
    if os.geteuid() != 0:
        write_user_file("Port 1\n").chmod(0)
        (host,), _ = resolve(default_files(tmp_path))
        assert host.port == 22


def test_the_variables_and_the_command_line_win_over_the_files(tmp_path: Path) -> None:
    files = default_files(tmp_path, user="User config\nPort 1\n")
    hosts: Variables = {"a": {"ansible_user": "variable"}, "b": {}}
    (a, b), _ = resolve_hosts(
        inventory(hosts), list(hosts), ConnectionDefaults(user="option", ssh_config=files)
    )
    assert (a.ssh.user, b.ssh.user) == ("variable", "option")
    assert (a.port, b.port) == (1, 1)


def test_an_inventory_can_name_another_file_or_none(tmp_path: Path) -> None:
    files = default_files(tmp_path, user="Port 1\n")
    other = tmp_path / "other"
    other.write_text("Port 2\n")
    hosts: Variables = {
        "a": {"ansible_ssh_common_args": f"-F {other}"},
        "b": {"ansible_ssh_common_args": "-F none"},
        "c": {},
    }
    found, _ = resolve(files, hosts)
    assert [host.port for host in found] == [2, 22, 1]


def test_nothing_is_read_where_no_host_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = default_files(tmp_path, user="an error\n =")

    def fail(_files: DefaultFiles) -> None:
        raise AssertionError("the files were read")

    monkeypatch.setattr("sockfleet.inventory.ssh_options.config_files.read_default_files", fail)
    hosts: Variables = {
        "a": {"ansible_connection": "local"},
        "b": {"ansible_ssh_common_args": "-F none"},
    }
    resolve(files, hosts)
    select_hosts(ScanOptions(inventory=["a,b,"], ssh_config="none"))


def test_the_files_are_read_once_for_all_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = default_files(tmp_path, user="User me\n")
    reads: list[DefaultFiles] = []
    really_read = config_files.read_default_files

    def read(given: DefaultFiles) -> SshConfig:
        reads.append(given)
        return really_read(given)

    monkeypatch.setattr("sockfleet.inventory.ssh_options.config_files.read_default_files", read)
    hosts: Variables = {f"web{n}": {} for n in range(300)}
    found, _ = resolve(files, hosts)
    assert reads == [files]
    assert len({id(host.ssh) for host in found}) == 1


def test_what_a_distribution_writes_there_gives_no_note(tmp_path: Path) -> None:
    files = default_files(
        tmp_path,
        system="Host *\n  SendEnv LANG LC_*\n  HashKnownHosts yes\n  GSSAPIAuthentication yes\n"
        "  GSSAPIKeyExchange yes\n",
    )
    (host,), notes = resolve(files)
    assert notes == []
    assert host.ssh.gssapi is False  # the package gssapi is not installed here


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('User "me\n', "config:1: User: a quote is not closed"),
        ("Port 22\nHost\n", "config:2: Host has no value"),
        ("\x00\xff\n", "config:1: "),
        ("Match hots x\n", "config:1: Match 'hots': no such criterion is known"),
    ],
)
def test_a_broken_file_is_one_error_that_names_line_and_way_out(
    tmp_path: Path, text: str, problem: str
) -> None:
    files = default_files(tmp_path, user=text)
    with pytest.raises(UsageError) as caught:
        resolve(files, {f"web{n}": {} for n in range(50)})
    message = str(caught.value)
    assert problem in message
    assert message.endswith("; --ssh-config none reads neither ~/.ssh/config nor the system's")
    assert "\n" not in message


def test_an_option_that_is_refused_for_all_hosts_is_one_line(tmp_path: Path) -> None:
    path = write_user_file("Host *\n  Nonsense x\n")
    with pytest.raises(InventoryError) as caught:
        resolve(default_files(tmp_path), {f"web{n}": {} for n in range(50)})
    assert str(caught.value) == (
        f"inventory.yml: all.hosts: host 'web0' and 49 more: {path}:2: 'Nonsense' is refused: "
        "unknown here; --ssh-config none reads neither ~/.ssh/config nor the system's"
    )


def test_a_proxy_command_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    files = default_files(tmp_path, user="ProxyCommand nc %h %p\n")
    with pytest.raises(InventoryError, match=r"config:1: .*--allow-proxy-command"):
        resolve(files)
    (host,), _ = resolve_hosts(
        inventory({"web1": {}}),
        ["web1"],
        ConnectionDefaults(ssh_config=files, allow_proxy_command=True),
    )
    assert host.ssh.proxy_command == "nc web1 22"


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_can_write_is_refused_as_by_ssh(tmp_path: Path, mode: int) -> None:
    files = default_files(tmp_path, user="Port 1\n")
    Path(files.user).chmod(mode)
    with pytest.raises(UsageError, match="other users can write to it; --ssh-config none"):
        resolve(files)


def test_a_fifo_is_refused(tmp_path: Path) -> None:
    files = default_files(tmp_path, user="")
    Path(files.user).unlink()
    os.mkfifo(files.user, 0o600)
    with pytest.raises(UsageError, match="it is no file"):
        resolve(files)


def test_names_in_include_lines_are_relative_to_the_folder_of_the_file(tmp_path: Path) -> None:
    files = default_files(
        tmp_path, user="Include config.d/*\n", system="Include ssh_config.d/*.conf\n"
    )
    for folder, name, text in (
        (Path(files.user).parent / "config.d", "one", "User me\n"),
        (Path(files.system).parent / "ssh_config.d", "two.conf", "Port 2\n"),
    ):
        folder.mkdir()
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    (host,), _ = resolve(files)
    assert (host.ssh.user, host.port) == ("me", 2)


def test_match_exec_runs_its_command_once_for_each_distinct_text(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    command = f"echo %n %h %p %r >> {shlex.quote(str(seen))}; test %n = a"
    files = default_files(
        tmp_path,
        user="Host a b\n  HostName %h.example.com\n  User me\n"
        f'Match host *.example.com exec "{command}"\n  Port 1\n'
        f'Match host nobody exec "touch {tmp_path / "never"}"\n  Port 2\n',
    )
    found, _ = resolve(files, {"a": {}, "b": {}, "c": {}})
    assert [host.port for host in found] == [1, 22, 22]
    assert seen.read_text() == "a a.example.com 22 me\nb b.example.com 22 me\n"
    assert not (tmp_path / "never").exists()


def test_options_of_the_command_line_replace_those_of_the_files(tmp_path: Path) -> None:
    write_user_file(
        "StrictHostKeyChecking yes\nUserKnownHostsFile /theirs\nConnectTimeout 3\n"
        "IdentityAgent /agent\n"
    )
    plain = select_hosts(ScanOptions(inventory=["web1,"])).hosts[0].ssh
    assert plain.host_keys is HostKeyPolicy.STRICT
    assert plain.known_hosts_files is not None
    assert plain.known_hosts_files[0] == "/theirs"
    assert (plain.connect_timeout_s, plain.agent) == (3.0, "/agent")
    options = ScanOptions(
        inventory=["web1,"],
        host_keys=HostKeyPolicy.ACCEPT_NEW,
        known_hosts=["/ours"],
        connect_timeout_s=4.0,
        agent=False,
    )
    replaced = select_hosts(options).hosts[0].ssh
    assert replaced.host_keys is None
    assert replaced.known_hosts_files is None
    assert (replaced.connect_timeout_s, replaced.agent) == (None, None)


def test_ask_leaves_the_policy_to_the_scan_and_batch_mode_puts_no_question(tmp_path: Path) -> None:
    files = default_files(
        tmp_path, user="Host a\n  BatchMode yes\nHost *\n  StrictHostKeyChecking ask"
    )
    (a, b), _ = resolve(files, {"a": {}, "b": {}})
    assert (a.ssh.host_keys, b.ssh.host_keys) == (HostKeyPolicy.STRICT, None)


def test_the_agent_of_the_environment_is_used_unless_an_option_says_no(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def agent(*, option: bool | None) -> str | None:
        options = ScanOptions(inventory=["web1,"], agent=option, ssh_config="none")
        return select_hosts(options).hosts[0].ssh.agent

    assert agent(option=None) is None
    with pytest.raises(UsageError, match="SSH_AUTH_SOCK is not set"):
        agent(option=True)
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    assert [agent(option=each) for each in (None, True, False)] == ["/agent", "/agent", None]
