"""The two fleets of the comparison: many simulated hosts, and real OpenSSH servers."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from fleet_target import Target, split_known_hosts
from peers_commands import CURVE25519

from sockfleet.simulator.host.proc_files import tcp_line
from sockfleet.simulator.lean.process import LeanFleetProcess

sys.path.append(str(Path(__file__).parents[1]))  # for tests.support
from tests.support.machine.login_users import can_make_users, login_user
from tests.support.ssh.sshd import Sshd

_ADDRESSES_EACH = 16  # the most that one sshd listens on (MAX_LISTEN_SOCKS in sshd.c)


@contextmanager
def simulated(
    folder: Path, hosts: int, *, rtt_ms: float = 0.0
) -> Iterator[tuple[Target, LeanFleetProcess]]:
    """Run the lean simulator: curve25519, Ed25519 keys, AES-GCM; each host has its own numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    with LeanFleetProcess(folder, hosts=hosts, rtt_ms=rtt_ms) as fleet:
        yield simulated_target(folder, fleet), fleet


def simulated_target(folder: Path, fleet: LeanFleetProcess) -> Target:
    addresses = split_known_hosts(fleet.known_hosts, folder)
    return Target(
        folder=str(folder),
        port=fleet.port,
        user=fleet.scenario.user,
        identity=str(fleet.identity),
        known_hosts=str(fleet.known_hosts),
        addresses=addresses,
        truth={
            address: tcp_line(host.contents, host.contents.host)
            for address, host in zip(addresses, fleet.hosts, strict=True)
        },
    )


@contextmanager
def real_sshd(folder: Path, hosts: int, *, kex: str | None = CURVE25519) -> Iterator[Target]:
    """Run real OpenSSH servers on ``hosts`` addresses of this machine.

    As root the login is a new account with /bin/sh and no start-up files, and ``folder`` must be
    open to others; otherwise it is the current user. ``kex`` None: the server's own list of key
    exchanges.
    """
    addresses = [f"127.78.{number // 250}.{1 + number % 250}" for number in range(hosts)]
    with ExitStack() as stack:
        user = getpass.getuser()
        if can_make_users():
            user = stack.enter_context(
                login_user(f"bench-{folder.name}", "/bin/sh", folder / "home")
            )
        config = [] if kex is None else [f"KexAlgorithms {kex}"]
        first: Sshd | None = None
        known = []
        for number in range(0, hosts, _ADDRESSES_EACH):
            server = Sshd(
                folder / f"sshd{number}",
                addresses=addresses[number : number + _ADDRESSES_EACH],
                port=first.port if first else None,
                config=[*config, f"AuthorizedKeysFile {first.authorized_keys}"]
                if first
                else config,
            )
            first = first or server
            known.append(server.known_hosts_lines())
            stack.enter_context(server)
        assert first is not None
        known_hosts = folder / "known_hosts"
        known_hosts.write_text("".join(known))
        yield Target(
            folder=str(folder),
            port=first.port,
            user=user,
            identity=str(first.client_key),
            known_hosts=str(known_hosts),
            addresses=split_known_hosts(known_hosts, folder),
            truth=None,
        )


def same_but_wrong(target: Target) -> Target:
    """Return the target with every host's truth replaced by another's, so that each is wrong."""
    assert target.truth is not None
    rotated = [*target.addresses[1:], target.addresses[0]]
    truth = {
        address: target.truth[other]
        for address, other in zip(target.addresses, rotated, strict=True)
    }
    return replace(target, truth=truth)
