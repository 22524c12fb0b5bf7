"""Scenarios: the roles of a simulated fleet, each with its hosts, sockets, delays and fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random

from ..errors import ScenarioError
from ..host.contents import Contents
from ..host.profiles import Profile, draw_contents
from .faults import Fault

__all__ = ["Delays", "HostKeys", "Role", "Scenario", "SimulatedHost"]

Seconds = tuple[float, float]


class HostKeys(StrEnum):
    """Whether hosts share a host key."""

    OWN = "own"
    """Each host has its own key."""
    SHARED = "shared"
    """All hosts have one key, as in a fleet cloned from one image, which is cheaper to generate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Additional time of each step, in seconds: the minimum and the maximum."""

    banner_s: Seconds = (0.0, 0.0)
    """From the connection to the server's version line."""
    auth_s: Seconds = (0.0, 0.0)
    """From the login request to the answer."""
    command_s: Seconds = (0.0, 0.0)
    """From the command to its first output, and before each read of a file over SFTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Hosts of one kind, named ``NAME`` where there is one, ``NAME1``, ``NAME2`` … otherwise."""

    name: str
    count: int = 1
    groups: tuple[str, ...] = ()
    variables: Mapping[str, str | int] = field(default_factory=dict)
    """Additional inventory variables of its hosts."""
    profile: Profile
    ipv6: bool = True
    delays: Delays = Delays()
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedHost:
    """One host of a fleet: its sockets, its delays in seconds, and its fault."""

    name: str
    role: Role
    contents: Contents
    banner_s: float = 0.0
    auth_s: float = 0.0
    command_s: float = 0.0

    @property
    def fault(self) -> Fault | None:
        """The fault of the host's role. None: the host has none."""
        return self.role.fault

    def with_leak(self, sockets: int) -> SimulatedHost:
        """Return the host with ``sockets`` more sockets in TCP_CLOSE, in its own namespace."""
        own = self.contents.host
        leaking = replace(own, tcp_close=own.tcp_close + sockets)
        return replace(self, contents=replace(self.contents, host=leaking))

    @property
    def is_read(self) -> bool:
        """Whether a scan with a sufficient timeout must read it."""
        return self.fault is None or self.fault.planned is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fleet; the same scenario always gives the same hosts and numbers."""

    roles: tuple[Role, ...]
    seed: int = 1
    user: str = "probe"
    """The only account that accepts the fleet's key."""
    host_keys: HostKeys = HostKeys.OWN
    key_exchange: tuple[str, ...] = ()
    """The SSH names of the key exchanges that the hosts offer. Empty: asyncssh's default."""

    def hosts(self) -> tuple[SimulatedHost, ...]:
        """The hosts, role by role. A host's contents depend only on the seed, its name and role.

        Raises ScenarioError where two roles have a host of the same name.
        """
        hosts: dict[str, SimulatedHost] = {}
        for role in self.roles:
            for name in _host_names(role):
                if name in hosts:
                    both = f"{hosts[name].role.name!r} and {role.name!r}"
                    raise ScenarioError("roles", f"{both} both have a host {name!r}")
                hosts[name] = _make_host(name, role, self.seed)
        return tuple(hosts.values())

    def scale_to(self, count: int) -> Scenario:
        """Return the scenario with ``count`` hosts in total.

        Roles without a fault grow or shrink in proportion; faulty ones keep their size, because a
        fleet ten times as large does not have ten times as many dead hosts.
        Raises ScenarioError where a role would have no host.
        """
        sound = [role for role in self.roles if role.fault is None]
        room = count - sum(role.count for role in self.roles if role.fault is not None)
        if not sound or room < len(sound):
            least = sum(1 if role.fault is None else role.count for role in self.roles)
            problem = "no role without a fault to fill up with"
            raise ScenarioError("hosts", f"{count}: {f'at least {least}' if sound else problem}")
        shares = iter(_share_out([role.count for role in sound], room))
        roles = (role if role.fault else replace(role, count=next(shares)) for role in self.roles)
        return replace(self, roles=tuple(roles))


def _share_out(counts: list[int], room: int) -> list[int]:
    """Divide ``room`` hosts in proportion to the present counts, with at least one for each."""
    least = 0 if room >= sum(counts) else 1  # where a fleet grows, no count can become 0
    weights = [count - least for count in counts]
    rest, whole = room - least * len(counts), sum(weights)
    shares, done = [], 0
    for weight in weights:  # cumulative rounding, so that the shares add up to ``room``
        shares.append(least + rest * (done + weight) // whole - rest * done // whole)
        done += weight
    return shares


def _host_names(role: Role) -> list[str]:
    if role.count == 1:
        return [role.name]
    width = len(str(role.count))
    return [f"{role.name}{number:0{width}}" for number in range(1, role.count + 1)]


def _make_host(name: str, role: Role, seed: int) -> SimulatedHost:
    random = Random(f"{seed}/{name}")  # noqa: S311 (no secrets: test numbers)
    contents = draw_contents(random, role.profile, ipv6=role.ipv6)
    return SimulatedHost(
        name=name,
        role=role,
        contents=contents,
        banner_s=random.uniform(*role.delays.banner_s),
        auth_s=random.uniform(*role.delays.auth_s),
        command_s=random.uniform(*role.delays.command_s),
    )
