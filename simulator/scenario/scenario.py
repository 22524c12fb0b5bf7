"""What a simulated fleet consists of: roles, how many hosts of each, and what they play."""

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
    """Whose the host keys are."""

    OWN = "own"
    """Each host has its own, as in life."""
    SHARED = "shared"
    """One for all, as in a fleet cloned from one image: less to generate and to look up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long a host takes over each step beyond the machine's own time: least and most."""

    banner_s: Seconds = (0.0, 0.0)
    """From the connection to the server's version line."""
    auth_s: Seconds = (0.0, 0.0)
    """From the request to log in to the answer."""
    command_s: Seconds = (0.0, 0.0)
    """From the command to its first output, and before each read of a file over SFTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Hosts of one kind. Named ``NAME`` where there is one, ``NAME1``, ``NAME2`` … where more."""

    name: str
    count: int = 1
    groups: tuple[str, ...] = ()
    variables: Mapping[str, str | int] = field(default_factory=dict)
    """Further inventory variables of each of its hosts."""
    profile: Profile
    ipv6: bool = True
    delays: Delays = Delays()
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedHost:
    """One host of a fleet: what it holds and what it plays."""

    name: str
    role: Role
    contents: Contents
    banner_s: float = 0.0
    auth_s: float = 0.0
    command_s: float = 0.0

    @property
    def fault(self) -> Fault | None:
        """What is wrong with it; None: nothing."""
        return self.role.fault

    def leaking(self, sockets: int) -> SimulatedHost:
        """The same host with so many more sockets in TCP_CLOSE, in its own namespace."""
        mine = self.contents.host
        more = replace(mine, tcp_close=mine.tcp_close + sockets)
        return replace(self, contents=replace(self.contents, host=more))

    @property
    def is_read(self) -> bool:
        """Whether a scan that has the time must read it."""
        return self.fault is None or self.fault.planned is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fleet, wholly determined: the same scenario gives the same hosts and numbers."""

    roles: tuple[Role, ...]
    seed: int = 1
    user: str = "probe"
    """The one account that the fleet's key may log in to."""
    host_keys: HostKeys = HostKeys.OWN
    key_exchange: tuple[str, ...] = ()
    """The only methods that the hosts offer, by their SSH names; empty: asyncssh's own choice."""

    def hosts(self) -> tuple[SimulatedHost, ...]:
        """The hosts, role by role. A host's contents depend on the seed and its name alone.

        Raises ScenarioError where two roles give one name.
        """
        hosts: dict[str, SimulatedHost] = {}
        for role in self.roles:
            for name in _names(role):
                if name in hosts:
                    both = f"{hosts[name].role.name!r} and {role.name!r}"
                    raise ScenarioError("roles", f"{both} both have a host {name!r}")
                hosts[name] = _host(name, role, self.seed)
        return tuple(hosts.values())

    def scaled(self, count: int) -> Scenario:
        """The same scenario with ``count`` hosts in all.

        Roles without a fault grow or shrink in proportion; faulty ones stay as they are: a fleet
        ten times as large is not one with ten times as many dead hosts in it.
        Raises ScenarioError where that leaves a role without a host.
        """
        sound = [role for role in self.roles if role.fault is None]
        room = count - sum(role.count for role in self.roles if role.fault is not None)
        if not sound or room < len(sound):
            least = sum(1 if role.fault is None else role.count for role in self.roles)
            problem = "no role without a fault to fill up with"
            raise ScenarioError("hosts", f"{count}: {f'at least {least}' if sound else problem}")
        shares = iter(_shares([role.count for role in sound], room))
        roles = (role if role.fault else replace(role, count=next(shares)) for role in self.roles)
        return replace(self, roles=tuple(roles))


def _shares(counts: list[int], room: int) -> list[int]:
    """``room`` hosts over roles in proportion to their counts so far, and at least one each."""
    least = 0 if room >= sum(counts) else 1  # a fleet that grows has no role to save from 0
    weights = [count - least for count in counts]
    rest, whole = room - least * len(counts), sum(weights)
    shares, done = [], 0
    for weight in weights:  # cumulative rounding: the shares always add up
        shares.append(least + rest * (done + weight) // whole - rest * done // whole)
        done += weight
    return shares


def _names(role: Role) -> list[str]:
    if role.count == 1:
        return [role.name]
    width = len(str(role.count))
    return [f"{role.name}{number:0{width}}" for number in range(1, role.count + 1)]


def _host(name: str, role: Role, seed: int) -> SimulatedHost:
    random = Random(f"{seed}/{name}")  # noqa: S311 (numbers to look at, nothing secret)
    contents = draw_contents(random, role.profile, ipv6=role.ipv6)
    return SimulatedHost(
        name=name,
        role=role,
        contents=contents,
        banner_s=random.uniform(*role.delays.banner_s),
        auth_s=random.uniform(*role.delays.auth_s),
        command_s=random.uniform(*role.delays.command_s),
    )
