"""Scenarios of lean fleets: hosts without a fault, and hosts that do not answer."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from ..errors import ScenarioError
from ..host.profiles import PROFILES
from ..scenario.faults import Fault
from ..scenario.scenario import Delays, Role, Scenario
from ..scenario.scenario_file import choose_scenario, parse_scenario

__all__ = ["lean_scenario"]

_PER_CENT = 100


def lean_scenario(
    path: Path | None = None,
    *,
    hosts: int | None = None,
    seed: int | None = None,
    dead_percent: float = 0.0,
) -> Scenario:
    """Return the scenario of a file, or the lean fleet's own, with ``hosts`` hosts and ``seed``.

    ``dead_percent`` of the hosts, rounded, drop all packets. Raises ScenarioError, also for a
    scenario with delays or other faults, which a lean fleet does not have.
    """
    if path is None:
        text = (files(__package__) / "lean.yml").read_text("utf-8")
        scenario = parse_scenario(text, "the lean fleet's scenario")
    else:
        scenario = choose_scenario(path)
    for role in scenario.roles:
        if role.fault not in {None, Fault.UNANSWERED}:
            raise ScenarioError(f"roles.{role.name}.fault", f"{role.fault}: not in a lean fleet")
        if role.delays != Delays():
            raise ScenarioError(f"roles.{role.name}.delays", "a lean fleet has a round-trip time")
    if scenario.key_exchange:
        raise ScenarioError("key_exchange", "a lean fleet has curve25519-sha256 alone")
    if seed is not None:
        scenario = replace(scenario, seed=seed)
    count = sum(role.count for role in scenario.roles) if hosts is None else hosts
    dead = round(count * dead_percent / _PER_CENT)
    scenario = scenario if hosts is None and not dead else scenario.scale_to(count - dead)
    if not dead:
        return scenario
    role = Role(name="dead", count=dead, profile=PROFILES["idle"], fault=Fault.UNANSWERED)
    return replace(scenario, roles=(*scenario.roles, role))
