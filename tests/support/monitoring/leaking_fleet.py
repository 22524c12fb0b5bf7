"""A simulated fleet whose host shop leaks, scanned as cron does."""

from __future__ import annotations

from pathlib import Path

from sockfleet.simulator.fleet.process import FleetProcess
from tests.support.cli.command_process import run_sockfleet

__all__ = ["scan_fleet"]

_SCENARIO = """
roles:
  web: {{count: 4, profile: web, groups: [web], sockets: {{tcp_close: 100}}}}
  shop: {{{shop}}}
  old: {{fault: denied}}
"""


def scan_fleet(folder: Path, *, leaked: int | None, to: Path) -> None:
    """Scan four web servers, a host that is never read, and shop.

    shop holds ``leaked`` closed sockets; None: it cannot be read.
    """
    folder.mkdir()
    shop = f"profile: web, groups: [web], sockets: {{tcp_close: {leaked}}}"
    scenario = folder / "scenario.yml"
    scenario.write_text(_SCENARIO.format(shop="fault: denied" if leaked is None else shop))
    with FleetProcess(folder, scenario) as fleet:
        words = ["scan", fleet.inventory, "-q", "--known-hosts", fleet.known_hosts, "-o", to]
        done = run_sockfleet(*words)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
