"""Command-line tools that read a fleet over SSH: ssh itself, pdsh, clush, ansible, pyinfra.

The cost of their start is measured by a run over a few hosts and subtracted (`client_cpu`). All of
them but pyinfra start OpenSSH's ssh for each host, with the same options: no configuration, no
agent, and a known_hosts file with the host's line only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from client_cpu import Peer
from fleet_target import CAT, Target

PROCESSES = 16
CURVE25519 = "curve25519-sha256,curve25519-sha256@libssh.org"


def ssh_options(target: Target, kex: str | None = CURVE25519) -> list[str]:
    """Return the fastest options for ssh; ``kex`` None: its own choice of key exchange."""
    settings = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": f"{target.folder}/known/%h",
        "GlobalKnownHostsFile": "none",
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
    }
    if kex is not None:
        settings["KexAlgorithms"] = kex
    words = ["-F", "none", "-i", target.identity, "-p", str(target.port)]
    return [*words, *(word for item in settings.items() for word in ("-o", "=".join(item)))]


def with_ssh(
    target: Target, addresses: Sequence[str], kex: str | None = CURVE25519
) -> Iterable[tuple[str, bytes]]:
    options = ssh_options(target, kex)

    def one(address: str) -> tuple[str, bytes]:
        return address, _stdout(["ssh", *options, f"{target.user}@{address}", CAT])

    with ThreadPoolExecutor(PROCESSES) as threads:
        return list(threads.map(one, addresses))


def with_default_kex(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    return with_ssh(target, addresses, kex=None)


def with_pdsh(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    command = ["pdsh", "-R", "ssh", "-f", str(PROCESSES), "-l", target.user]
    options = " ".join(ssh_options(target)).replace("%", "%%")  # pdsh would expand %h itself
    output = _stdout([*command, "-S", "-w", ",".join(addresses), CAT], PDSH_SSH_ARGS_APPEND=options)
    return _by_host(output, rb"(?m)^([0-9.]+): (.*)$")


def with_clush(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    command = ["clush", "-f", str(PROCESSES), "-l", target.user, "-w", ",".join(addresses)]
    options = " ".join(ssh_options(target)).replace("%", "%%")  # clush would expand %h itself
    output = _stdout([*command, "-o", options, CAT])
    return _by_host(output, rb"(?m)^([0-9.]+): (.*)$")


def with_ansible(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    inventory = Path(target.folder, "ansible.ini")
    variables = f"ansible_user={target.user}\nansible_port={target.port}\n"
    variables += f"ansible_ssh_private_key_file={target.identity}\n"
    inventory.write_text("\n".join([*addresses, "[all:vars]", variables]))
    command = [str(Path(sys.executable).with_name("ansible")), "all", "--inventory", str(inventory)]
    output = _stdout(
        [*command, "--module-name", "raw", "--args", CAT, "--forks", str(PROCESSES)],
        ANSIBLE_CONFIG=str(_empty(target, "ansible.cfg")),
        ANSIBLE_HOME=f"{target.folder}/ansible",
        ANSIBLE_NOCOLOR="1",
        ANSIBLE_SSH_USETTY="no",
        # No ControlPersist, because cold logins are measured.
        ANSIBLE_SSH_ARGS=" ".join(ssh_options(target)),
    )
    return _by_host(output, rb"(?ms)^([0-9.]+) \| [^\n]* >>\n(.*?)(?=^[0-9.]+ \| |\Z)")


def with_pyinfra(target: Target, addresses: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    inventory = Path(target.folder, "pyinfra_hosts.py")
    hosts = [(a, {"ssh_known_hosts_file": target.known_host(a)}) for a in addresses]
    everyone = {
        "ssh_user": target.user,
        "ssh_port": target.port,
        "ssh_key": target.identity,
        "ssh_strict_host_key_checking": "yes",
        "ssh_config_file": str(_empty(target, "ssh_config")),
    }
    inventory.write_text(f"hosts = ({hosts!r}, {everyone!r})\n")
    command = [str(Path(sys.executable).with_name("pyinfra")), str(inventory), "-y", "-v"]
    done = subprocess.run(
        [*command, "--parallel", str(PROCESSES), "exec", "--", CAT],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        cwd=target.folder,
        check=False,
    )
    _check(done, command)
    return _by_host(re.sub(rb"\x1b\[[0-9;]*m", b"", done.stdout), rb"(?m)\[([0-9.]+)\] (.*)$")


def _empty(target: Target, name: str) -> Path:
    path = Path(target.folder, name)
    path.touch()
    return path


def _stdout(command: list[str], **environment: str) -> bytes:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )
    _check(done, command)
    return done.stdout


def _check(done: subprocess.CompletedProcess[bytes], command: list[str]) -> None:
    if done.returncode:
        output = (done.stdout + (done.stderr or b"")).decode(errors="replace")[-500:]
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {output}")


def _by_host(output: bytes, line: bytes) -> Iterable[tuple[str, bytes]]:
    """Join the lines of each host; the tool prefixes every line with its host."""
    lines: dict[str, list[bytes]] = {}
    for found in re.finditer(line, output):
        lines.setdefault(found[1].decode(), []).append(found[2])
    return [(host, b"\n".join(words)) for host, words in lines.items()]


PEERS = (
    Peer(
        name="ssh",
        read_hosts=with_ssh,
        max_hosts=100,
        is_command=True,
        setup=f"a process for each host, {PROCESSES} at once",
    ),
    Peer(
        name="pdsh",
        read_hosts=with_pdsh,
        max_hosts=100,
        is_command=True,
        setup=f"-R ssh -f {PROCESSES}",
    ),
    Peer(
        name="clush", read_hosts=with_clush, max_hosts=100, is_command=True, setup=f"-f {PROCESSES}"
    ),
    Peer(
        name="pyinfra",
        read_hosts=with_pyinfra,
        max_hosts=200,
        is_command=True,
        own_environment=True,
        setup=f"exec, --parallel {PROCESSES}, on paramiko and gevent",
    ),
    Peer(
        name="ansible raw",
        read_hosts=with_ansible,
        max_hosts=60,
        is_command=True,
        setup=f"-m raw, --forks {PROCESSES}, no ControlPersist",
    ),
    Peer(
        name="ssh with sntrup761",
        read_hosts=with_default_kex,
        max_hosts=30,
        is_command=True,
        own_kex=True,
        setup="its own first choice of key exchange, for information",
    ),
)
