"""The servers of `fault_table`: one simulated fleet, and as many real sshds as the rest needs."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from sockfleet.inventory.models import Host, Secret, SshSettings
from sockfleet.simulator.fleet.process import FleetProcess
from sockfleet.simulator.scenario.faults import Fault
from sockfleet.simulator.scenario.scenario import SimulatedHost
from tests.support.machine.login_users import can_make_users, login_user, shell_path
from tests.support.ssh.fault_table import SIMULATED
from tests.support.ssh.over_ssh import ssh_settings
from tests.support.ssh.sshd import Sshd, free_port, ssh_keygen

__all__ = ["GOOD", "GOOD_JUMP", "Places", "all_places", "fleet_places"]

GOOD = ("good1", "good2")
"""Sound hosts of the simulated fleet, to be asked beside each fault."""

GOOD_JUMP = "sshd: sound"
"""A real sshd, to be a jump host to the simulated ones."""

_CONNECT_LIMIT_S = 0.4
_HOST_LIMIT_S = 2.0

# What sshd runs instead of the probe, by the fault's name; each has an address of its own.
_FORCED = {
    "sshd: nologin": "/usr/sbin/nologin",
    "sshd: forced command": "echo 'TCP: inuse 999999 orphan 0 tw 0 alloc 999999 mem 0'",
    "sshd: sftp only": "echo 'This service allows sftp connections only.'; exit 1",
    "sshd: no output": "exit 0",
    "sshd: never ends": "sleep 30",
    # The shell ends with the probe; what it left behind keeps its output.
    "sshd: child holds stdout": 'sleep 30 & sh -c "$SSH_ORIGINAL_COMMAND"',
    "sshd: killed": "echo begun; kill -KILL $$",
    "sshd: connection killed": "echo begun; sleep 0.2; kill -KILL $PPID",
    "sshd: endless stdout": "cat /dev/zero",
    "sshd: endless stderr": "cat /dev/zero >&2",
    "sshd: noisy and forged": (
        "echo sockfleet-0123456789abcdef begin; echo '==> /proc/net/sockstat <=='; "
        "echo 'TCP: inuse 888888 orphan 8 tw 8 alloc 888888 mem 8'; "
        "echo sockfleet-0123456789abcdef end; printf '\\033[2J\\377'; "
        'echo noise >&2; exec sh -c "$SSH_ORIGINAL_COMMAND"'
    ),
}
_MATCHED = {
    "sshd: MaxSessions 0": "MaxSessions 0",
    "sshd: no public keys": "PubkeyAuthentication no",
    "sshd: denied": "DenyUsers *",
    **{name: f"ForceCommand {command}" for name, command in _FORCED.items()},
}


@dataclass
class Places:
    """How to reach each fault, and the one known_hosts file for all."""

    known_hosts: Path
    hosts: dict[str, Host] = field(default_factory=dict)
    simulated: dict[str, SimulatedHost] = field(default_factory=dict)
    """The truth of the simulated ones."""
    good_takes_s: float = 0.0
    """How long the slowest of the good hosts took on this machine, as busy as it is."""

    @property
    def connect_limit_s(self) -> float:
        """The connect timeout of a host that would wait for ever, enough for any login here."""
        return _CONNECT_LIMIT_S + 10 * self.good_takes_s

    @property
    def host_limit_s(self) -> float:
        """The timeout for everything, where the command would never end."""
        return _HOST_LIMIT_S + 10 * self.good_takes_s

    @property
    def good(self) -> list[Host]:
        """The hosts to be read beside a fault."""
        return [self.hosts[name] for name in GOOD]

    def trust(self, lines: str) -> None:
        with self.known_hosts.open("a") as file:
            file.write(lines)

    def add(self, name: str, server: Sshd, address: str, **ssh: object) -> None:
        self.hosts[name] = Host(
            name=name, address=address, port=server.port, ssh=ssh_settings(server, **ssh)
        )


@contextmanager
def all_places(folder: Path) -> Iterator[Places]:
    """Every fault of the table, and the good hosts."""
    with fleet_places(folder) as places, _sshd_places(folder, places):
        yield places


@contextmanager
def fleet_places(folder: Path) -> Iterator[Places]:
    """The simulated hosts, good ones and faulty ones."""
    places = Places(folder / "known_hosts_of_all")
    scenario = folder / "faults.yml"
    roles = {"good": {"count": len(GOOD), "profile": "container-host"}}
    roles |= {row.name: {"fault": row.name} for row in SIMULATED}
    scenario.write_text(yaml.safe_dump({"roles": roles}))
    with FleetProcess(folder, scenario) as fleet:
        variables = yaml.safe_load(fleet.inventory.read_text())["all"]["hosts"]
        ssh = SshSettings(user=fleet.scenario.user, identity_files=(str(fleet.identity),))
        for host in fleet.hosts:
            address = variables[host.name]["ansible_host"]
            places.simulated[host.name] = host
            places.hosts[host.name] = Host(
                name=host.name, address=address, port=fleet.port, ssh=ssh
            )
        # A server sends prompts to a client that has no key for it.
        prompted = replace(ssh, identity_files=(), password=Secret("a password"))
        claimed = places.hosts[Fault.CLAIMED_PROMPTS]
        places.hosts[Fault.CLAIMED_PROMPTS] = replace(claimed, ssh=prompted)
        places.trust(fleet.known_hosts.read_text())
        yield places


@contextmanager
def _sshd_places(folder: Path, places: Places) -> Iterator[None]:
    with ExitStack() as started:
        _with_matches(folder, places, started)
        _with_other_keys(folder, places, started)
        _with_old_key_exchange(folder, places, started)
        _with_certificates(folder, places, started)
        _stopped_or_frozen(folder, places, started)
        _too_busy(folder, places, started)
        if can_make_users():
            _locked(folder, places, started)
        yield


def _with_matches(folder: Path, places: Places, started: ExitStack) -> None:
    addresses = {name: f"127.0.30.{n}" for n, name in enumerate(_MATCHED, 1)}
    server = Sshd(folder / "matching", addresses=tuple(addresses.values()))
    matches = "".join(
        f"Match LocalAddress {addresses[name]}\n    {line}\n" for name, line in _MATCHED.items()
    )
    server.config.write_text(server.config.read_text() + matches)
    for name, address in addresses.items():
        places.add(name, server, address)
    places.trust(server.known_hosts_lines())
    started.enter_context(server)


def _with_other_keys(folder: Path, places: Places, started: ExitStack) -> None:
    """A plain server; what is wrong is on the client's side."""
    names = ("changed key", "unknown key", "revoked key", "unknown user", "key not authorised")
    *addresses, sound = [f"127.0.32.{n}" for n in range(1, 7)]
    changed, unknown, revoked, user, key = addresses
    server = started.enter_context(Sshd(folder / "plain", addresses=(*addresses, sound)))
    stranger = ssh_keygen(folder / "stranger")
    for name, address in zip(names, addresses, strict=True):
        places.add(f"sshd: {name}", server, address)
    places.add("sshd: unknown user", server, user, user="nobody-of-that-name")
    places.add("sshd: key not authorised", server, key, identity_files=(str(stranger),))
    assert unknown not in places.known_hosts.read_text()
    places.trust(f"[{changed}]:{server.port} {_public(stranger)}\n")
    places.trust(f"@revoked {server.known_hosts_lines(revoked)}")
    places.add(GOOD_JUMP, server, sound)
    places.trust(server.known_hosts_lines(user, key, sound))


def _with_old_key_exchange(folder: Path, places: Places, started: ExitStack) -> None:
    config = ["KexAlgorithms diffie-hellman-group-exchange-sha256,diffie-hellman-group14-sha1"]
    server = Sshd(folder / "old", addresses=("127.0.31.1",), config=config)
    places.add("sshd: old key exchange", started.enter_context(server), "127.0.31.1")
    places.trust(server.known_hosts_lines())


def _with_certificates(folder: Path, places: Places, started: ExitStack) -> None:
    trusted, foreign = (ssh_keygen(folder / name) for name in ("trusted", "foreign"))
    for number, (kind, authority, valid) in enumerate(
        [("expired", trusted, "-2d:-1d"), ("foreign", foreign, "-1d:+1d")], 2
    ):
        address = f"127.0.31.{number}"
        at = folder / f"{kind}-certificate"
        certificate = at / "host_ed25519-cert.pub"
        server = Sshd(at, addresses=(address,), config=[f"HostCertificate {certificate}"])
        words = ["-s", str(authority), "-I", kind, "-h", "-n", address, "-V", valid]
        public = server.host_keys[0].with_suffix(".pub")
        subprocess.run(["ssh-keygen", "-q", *words, str(public)], check=True)
        places.add(f"sshd: {kind} certificate", started.enter_context(server), address)
        places.trust(f"@cert-authority [{address}]:{server.port} {_public(trusted)}\n")


def _stopped_or_frozen(folder: Path, places: Places, started: ExitStack) -> None:
    server = started.enter_context(Sshd(folder / "frozen", addresses=("127.0.31.4",)))
    started.enter_context(server.frozen())
    places.add("sshd: frozen listener", server, "127.0.31.4")
    places.hosts["sshd: stopped"] = Host(
        name="sshd: stopped",
        address="127.0.31.5",
        port=free_port("127.0.31.5"),
        ssh=ssh_settings(server),
    )


def _too_busy(folder: Path, places: Places, started: ExitStack) -> None:
    server = Sshd(folder / "busy", addresses=("127.0.31.6",), config=["LoginGraceTime 600"])
    # Of this keyword, unlike others, the last value counts (servconf.c).
    server.config.write_text(server.config.read_text() + "MaxStartups 1\n")
    started.enter_context(server)
    # Somebody else's login takes the only place and goes no further.
    other = started.enter_context(socket.create_connection(("127.0.31.6", server.port)))
    assert other.recv(4) == b"SSH-"
    places.add("sshd: MaxStartups", server, "127.0.31.6")


def _locked(folder: Path, places: Places, started: ExitStack) -> None:
    user = started.enter_context(login_user("sf-locked", shell_path("sh"), folder / "home"))
    subprocess.run(["usermod", "--lock", user], check=True)
    server = started.enter_context(Sshd(folder / "locked", addresses=("127.0.31.7",)))
    places.add("sshd: locked account", server, "127.0.31.7", user=user)
    places.trust(server.known_hosts_lines())


def _public(key: Path) -> str:
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])
