"""From `ScanOptions` to the limits, the login and the probe of the collector."""

from __future__ import annotations

from ..collector.engine import EngineSettings
from ..collector.probe.become import Become
from ..collector.probe.forced_probe import FORCED_COMMAND
from ..collector.probe.full_probe import FullProbe
from ..collector.probe.script import ProbeOptions, new_marker
from ..collector.transport import TransportSettings
from ..inventory.models import Probe
from .options import ScanOptions
from .passphrases import Passphrases

__all__ = ["engine_settings", "probe_command", "probe_options"]


def probe_options(*, namespaces: bool, processes: bool, process_args: bool) -> ProbeOptions:
    """What each host is asked for; arguments imply processes."""
    return ProbeOptions(
        namespaces=namespaces, processes=processes or process_args, arguments=process_args
    )


def engine_settings(options: ScanOptions, passphrases: Passphrases) -> EngineSettings:
    """The settings of the collector, and what its transports share with ``passphrases``."""
    return EngineSettings(
        concurrency=options.concurrency,
        timeout_s=options.timeout_s,
        deadline_s=options.deadline_s,
        retries=options.retries,
        probe=_probe_options(options),
        become=_become(options),
        transport=options.transport,
        transport_settings=TransportSettings(
            known_hosts_files=tuple(options.known_hosts),
            host_keys=options.host_keys,
            connect_timeout_s=options.connect_timeout_s,
            ask_passphrase=passphrases,
            bastion_connections=options.per_bastion,
            concurrency=options.concurrency,
            agent_listings=passphrases.agent_listings,
        ),
    )


def probe_command(options: ScanOptions, *, repeated: bool) -> str:
    """The exact command that each host runs; ``repeated`` adds that of the shell that stays open.

    A probe that a shell cannot repeat (as root, or with processes) is run anew in each round.
    """
    if options.probe is Probe.FORCED:
        return FORCED_COMMAND
    probe, become = _probe_options(options), _become(options)
    command = FullProbe(probe, become).command
    if not repeated or become is not None or probe.processes:
        return command
    from ..collector.sampling.shell import shell_command

    return f"{command}\n{shell_command(new_marker(), probe)}"


def _probe_options(options: ScanOptions) -> ProbeOptions:
    return probe_options(
        namespaces=options.namespaces,
        processes=options.processes,
        process_args=options.process_args,
    )


def _become(options: ScanOptions) -> Become | None:
    return Become(options.become_method) if options.become else None
