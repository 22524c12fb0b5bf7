"""Loading a large inventory: YAML, INI and a range of host names, and ansible-inventory.

    python bench/inventory_load.py [--hosts 100000] [--rounds 5] [--compare 2000]

The fleets have two levels of groups, and each host has its own address and port. This process loads
every kind once in every round and prints the median, with the time of a host pattern.
``ansible-inventory --list`` reads the same kinds with ``--compare`` hosts once in every round, and
its start (an inventory of one host) is subtracted. The exit code is 1 above the budget of 5 s for
100,000 hosts.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sockfleet.inventory.patterns import select
from sockfleet.inventory.sources.load import load_inventory

BUDGET_S, BUDGET_HOSTS = 5.0, 100_000
GROUPS = 20
ANSIBLE = Path(sys.executable).with_name("ansible-inventory")


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def yaml_text(hosts: int) -> str:
    lines = ["all:", "  vars: {ansible_user: ops, rack: none}", "  children:", "    fleet:"]
    lines.append("      children:")
    for group in range(GROUPS):
        lines += [f"        role{group}:", f"          vars: {{role: {group}}}", "          hosts:"]
        for number in range(group, hosts, GROUPS):
            lines.append(f"            web{number:06}.example.com:")
            lines.append(f"              ansible_host: {address(number)}")
            lines.append("              ansible_port: 2222")
    return "\n".join(lines) + "\n"


def ini_text(hosts: int) -> str:
    lines = ["[all:vars]", "ansible_user=ops", "rack=none", "[fleet:children]"]
    lines += [f"role{group}" for group in range(GROUPS)]
    for group in range(GROUPS):
        lines += [f"[role{group}:vars]", f"role={group}", f"[role{group}]"]
        for number in range(group, hosts, GROUPS):
            lines.append(
                f"web{number:06}.example.com ansible_host={address(number)} ansible_port=2222"
            )
    return "\n".join(lines) + "\n"


def range_text(hosts: int) -> str:
    return f"[fleet]\nweb[000001:{hosts:06}].example.com\n[fleet:vars]\nansible_user=ops\n"


KINDS: dict[str, tuple[str, Callable[[int], str]]] = {
    "YAML": ("hosts.yml", yaml_text),
    "INI": ("hosts.ini", ini_text),
    "range": ("range.ini", range_text),
}


def write_inventories(folder: Path, hosts: int) -> dict[str, str]:
    folder.mkdir()
    paths = {}
    for kind, (name, text) in KINDS.items():
        (folder / name).write_text(text(hosts))
        paths[kind] = str(folder / name)
    return paths


def load(path: str, hosts: int) -> None:
    assert len(load_inventory([path], playbook_dir=None).hosts) == hosts


def run_ansible(path: str, home: Path) -> None:
    subprocess.run(
        [ANSIBLE, "--list", "--inventory", path],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=home,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
    )


def seconds(step: Callable[[], object]) -> float:
    begin = time.perf_counter()
    step()
    return time.perf_counter() - begin


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=BUDGET_HOSTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compare", type=int, default=2000, help="hosts for ansible-inventory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large, small = (
            write_inventories(folder / "large", options.hosts),
            write_inventories(folder / "small", options.compare),
        )
        (folder / "one").write_text("one\n")
        steps: dict[str, Callable[[], object]] = {
            "ansible start": partial(run_ansible, str(folder / "one"), folder)
        }
        for kind in KINDS:
            steps[kind] = partial(load, large[kind], options.hosts)
            steps[f"{kind} small"] = partial(load, small[kind], options.compare)
            steps[f"{kind} ansible"] = partial(run_ansible, small[kind], folder)
        kept = load_inventory([large["YAML"]], playbook_dir=None)
        steps["pattern"] = partial(select, kept, "fleet:!role3:!web00001*")
        times_s: dict[str, list[float]] = {step: [] for step in steps}
        for _ in range(options.rounds):
            for step, run in steps.items():
                times_s[step].append(seconds(run))
    return show_results(
        {step: statistics.median(times) for step, times in times_s.items()}, options
    )


def show_results(median: dict[str, float], options: argparse.Namespace) -> int:
    print(f"{options.hosts:,} hosts in {GROUPS} groups, median of {options.rounds} rounds")
    for kind in KINDS:
        theirs = median[f"{kind} ansible"] - median["ansible start"]
        print(
            f"{kind:6} {median[kind]:6.2f} s  {options.hosts / median[kind]:9,.0f} hosts/s   "
            f"{theirs / median[f'{kind} small']:5.1f} times as fast as ansible-inventory "
            f"on {options.compare:,} hosts"
        )
    print(f"pattern {median['pattern']:5.2f} s  fleet:!role3:!web00001*")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process, with one fleet kept: {peak_mib:.0f} MiB")
    slowest = max(median[kind] for kind in KINDS) * BUDGET_HOSTS / options.hosts
    if slowest > BUDGET_S:
        print(f"over the budget of {BUDGET_S:g} s for {BUDGET_HOSTS:,} hosts: {slowest:.2f} s")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
