"""The probe under every login shell, as sshd starts it, through both transports.

As root each shell is the login shell of an account made for it; as another user it runs behind a
forced command.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sockfleet.collector.errors import Category, HostError
from sockfleet.collector.probe.answer import ProbeAnswer
from sockfleet.collector.probe.full_probe import FullProbe
from sockfleet.collector.probe.script import ProbeOptions
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host
from tests.support.machine.login_users import can_make_users, login_user, shell_path
from tests.support.ssh.over_ssh import ask, read, settings_for, ssh_settings
from tests.support.ssh.sshd import Sshd

SHELLS = ("sh", "bash", "dash", "busybox", "zsh", "tcsh", "fish")

NOISE = """\
echo welcome; echo 'sockets: used 1'; echo 'TCP: inuse 999999 orphan 9 tw 9 alloc 999999 mem 9'
echo 'sockfleet-0123456789abcdef begin'; echo '==> /proc/net/sockstat <=='
echo 'TCP: inuse 888888 orphan 8 tw 8 alloc 888888 mem 8'; echo 'sockfleet-0123456789abcdef end'
printf '\\033[2J\\377'
echo 'and the same on stderr' >&2
"""

BASHRC = {"noisy": NOISE, "greedy": "cat >/dev/null\n"}
"""The start-up file of bash for accounts whose shell that is."""

LONG = ProbeOptions(processes=True)
"""The probe goes on standard input."""


@dataclass(frozen=True)
class Farm:
    """A server, and how to reach each shell on it."""

    server: Sshd
    places: dict[str, tuple[str, str]]
    """Address and user by the case's name."""


@pytest.fixture(scope="module")
def homes_folder() -> Iterator[Path]:
    # Not below pytest's own folder, which is closed to the accounts.
    with TemporaryDirectory(prefix="sockfleet-homes-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def farm(homes_folder: Path) -> Iterator[Farm]:
    folder = homes_folder
    names = (*SHELLS, *BASHRC, "nologin")
    addresses = {name: f"127.0.21.{n}" for n, name in enumerate(names, 1)}
    config = ["SetEnv SHLVL=0"]  # bash reads its start-up file
    server = Sshd(folder / "sshd", addresses=tuple(addresses.values()), config=config)
    homes = {name: folder / "homes" / name for name in names}
    for home in homes.values():
        home.mkdir(parents=True)
    for name, text in BASHRC.items():
        (homes[name] / ".bashrc").write_text(text)
    with ExitStack() as accounts:
        if can_make_users():
            users = {
                name: accounts.enter_context(
                    login_user(f"sf-{name}", _login_shell(name, folder), homes[name])
                )
                for name in names
            }
        else:
            users = dict.fromkeys(names, server.user)
            matches = [
                f"Match LocalAddress {addresses[name]}\n    ForceCommand {_forced(name, homes)}"
                for name in names
            ]
            server.config.write_text("\n".join([server.config.read_text(), *matches, ""]))
        with server:
            yield Farm(server, {name: (addresses[name], users[name]) for name in names})


def _login_shell(name: str, folder: Path) -> str:
    if name == "nologin":
        return "/usr/sbin/nologin"
    if name == "busybox":  # it is the name that makes it a shell
        ash = folder / "ash"
        ash.symlink_to(shell_path("busybox"))
        return str(ash)
    return shell_path("bash" if name in BASHRC else name)


def _forced(name: str, homes: dict[str, Path]) -> str:
    if name == "nologin":
        return "echo This account is currently not available.; exit 1"
    start_up = f". {homes[name]}/.bashrc; " if name in BASHRC else ""
    words = "bash" if name in BASHRC else {"busybox": "busybox ash"}.get(name, name)
    return f'{start_up}exec {words} -c "$SSH_ORIGINAL_COMMAND"'


def place(farm: Farm, name: str, tmp_path: Path) -> tuple[TransportSettings, Host]:
    address, user = farm.places[name]
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(farm.server.known_hosts_lines())
    ssh = ssh_settings(farm.server, user=user)
    return settings_for(known_hosts), Host(
        name=name, address=address, port=farm.server.port, ssh=ssh
    )


def answer_of(transport: str, farm: Farm, name: str, tmp_path: Path) -> ProbeAnswer | HostError:
    return read(transport, *place(farm, name, tmp_path))


def said(transport: str, farm: Farm, name: str, tmp_path: Path) -> bytes:
    return ask(transport, *place(farm, name, tmp_path), "true").stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_the_probe_under_this_login_shell(transport, farm, tmp_path, shell):
    answer = answer_of(transport, farm, shell, tmp_path)
    assert isinstance(answer, ProbeAnswer), answer
    assert answer.sockstat.get("TCP", "alloc") is not None
    assert answer.kernel.release == os.uname().release


@pytest.mark.parametrize("shell", [*SHELLS, "noisy"])
def test_a_probe_on_standard_input_under_this_login_shell(transport, farm, tmp_path, shell):
    probe = FullProbe(LONG)
    answer = probe.read(ask(transport, *place(farm, shell, tmp_path), probe.command).output)
    assert answer.namespaces is not None
    assert answer.processes is not None


def test_a_start_up_file_that_reads_the_standard_input_is_named_by_what_is_missing(
    transport, farm, tmp_path
):
    probe = FullProbe(LONG)
    output = ask(transport, *place(farm, "greedy", tmp_path), probe.command).output
    with pytest.raises(HostError, match=r"only 0 of \d+ bytes of the command came") as caught:
        probe.read(output)
    assert caught.value.category is Category.NO_SHELL
    assert isinstance(answer_of(transport, farm, "greedy", tmp_path), ProbeAnswer)


def test_an_account_without_a_shell_reads_no_standard_input(transport, farm, tmp_path):
    probe = FullProbe(LONG)
    output = ask(transport, *place(farm, "nologin", tmp_path), probe.command).output
    with pytest.raises(HostError, match="currently not available") as caught:
        probe.read(output)
    assert caught.value.category is Category.NO_SHELL


def test_what_start_up_files_print_is_not_believed(transport, farm, tmp_path):
    assert b"TCP: inuse 999999" in said(transport, farm, "noisy", tmp_path)
    answer = answer_of(transport, farm, "noisy", tmp_path)
    assert isinstance(answer, ProbeAnswer), answer
    assert answer.sockstat.get("TCP", "alloc") not in (999999, 888888)


def test_an_account_without_a_shell(transport, farm, tmp_path):
    error = answer_of(transport, farm, "nologin", tmp_path)
    assert isinstance(error, HostError)
    assert error.category is Category.NO_SHELL
    assert "not available" in error.message
