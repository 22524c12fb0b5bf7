"""``--dask``: a run of the collector on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..collector.engine import EngineSettings
from ..collector.outcome import HostOutcome
from ..collector.runtime.event_loop import run_on_event_loop
from ..collector.runtime.signals import stop_on_signals
from ..core.errors import UsageError
from ..inventory.models import Host
from .collecting import Ended
from .prompts import Passphrases

__all__ = ["check_cluster_options", "collect_on_dask", "notes_on_secrets", "uses_keys_here"]


def check_cluster_options(given: Mapping[str, Any]) -> None:
    """Raise UsageError for options that ask a cluster for what it cannot do."""
    address: str | None = given["dask"]
    if address is None:
        if given["dask_ship_secrets"]:
            raise UsageError("--dask-ship-secrets is for --dask ADDRESS")
        return
    from ..collector.cluster.dask_client import check_address

    check_address(address)
    if given["workers"] != "auto":
        raise UsageError(
            "--dask and --workers exclude each other: the cluster's workers are the processes"
        )
    if given["dask_ship_secrets"] and address.startswith("tcp://"):
        raise UsageError(
            f"--dask-ship-secrets: secrets go to tls:// addresses only, and not to {address}"
        )


def uses_keys_here(given: Mapping[str, Any]) -> bool:
    """Whether passphrases of key files of this machine are of any use."""
    return given["dask"] in (None, "local") or bool(given["dask_ship_secrets"])


def notes_on_secrets(hosts: Iterable[Host], given: Mapping[str, Any]) -> list[str]:
    """What the workers will not have that was found here."""
    if uses_keys_here(given):
        return []
    count = sum(host.ssh.password is not None for host in hosts)
    if not count:
        return []
    what = f"the passwords of {count} hosts are not sent to the Dask workers"
    return [f"{what}, which use their own SOCKFLEET_PASSWORD; --dask-ship-secrets sends them"]


def collect_on_dask(
    hosts: Sequence[Host],
    settings: EngineSettings,
    deliver: Callable[[HostOutcome], None],
    *,
    address: str,
    ship_secrets: bool,
) -> Ended:
    """As `collecting.collect`; raises ClusterError where the scheduler is not reached."""
    from ..collector.cluster.scan import DaskScan, DaskSettings
    from ..collector.outcome import RunEnd

    asked = settings.transport_settings.ask_passphrase
    dask = DaskSettings(
        address=address,
        with_secrets=ship_secrets,
        passphrases=asked.known if isinstance(asked, Passphrases) else {},
    )
    signals: list[int] = []

    async def main() -> tuple[RunEnd, str | None]:
        scan = DaskScan(hosts, settings, dask, deliver)
        stop_on_signals(scan.stop, signals)
        return await scan.run(), scan.lost

    end, lost = run_on_event_loop(main())
    return Ended(
        complete=end.complete,
        signal=signals[0] if signals else None,
        notes=end.notes,
        failed=lost,
    )
