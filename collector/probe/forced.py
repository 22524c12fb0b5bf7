"""The probe of a key that may run nothing else: its forced command, and how the answer is read.

With ``command="…"`` before a key in authorized_keys, sshd runs that command whatever the client
asks for (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"). It cannot know the run's random mark, so its
marks are fixed ones, which a start-up file of the login shell could forge: that is why only the
user chooses this probe, host by host, and why nothing ever falls back to it.

It reads the host's own network namespace and the kernel's limits: no list of processes, no pipe,
no word that comes from the client.
"""

from __future__ import annotations

from dataclasses import replace

from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..transport import CommandOutput
from .answer import ProbeAnswer, parse_probe

__all__ = ["FORCED_COMMAND", "FORCED_MARK", "ForcedProbe"]

FORCED_MARK = "sockfleet-forced-1"
"""The number is that of the form: another one when an old line could be read wrongly."""

# Below /proc/self, as /proc/net is hidden where /proc is mounted with subset=pid. The rest of the
# form (exec, no quotes inside, labels by head) has the reasons of `collector.probe.script`.
_FILES = (
    "/proc/self/net/sockstat",
    "/proc/self/net/sockstat6",
    "/proc/self/net/snmp",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/net/ipv4/tcp_mem",
    "/proc/sys/net/ipv4/tcp_max_orphans",
)

FORCED_COMMAND = (
    f"exec /bin/sh -c 'echo; echo {FORCED_MARK} begin; "
    f"head -n 200 {' '.join(_FILES)} 2>/dev/null; echo {FORCED_MARK} end'"
)
"""For ``command="…"``: it has no double quote and no backslash. Also what is asked for, so that
a server that forces nothing gives the same answer."""


class ForcedProbe:
    """The probe of every host with `inventory.models.Probe.FORCED`."""

    command = FORCED_COMMAND

    def read(self, output: CommandOutput) -> ProbeAnswer:
        """What the host said, never of other namespaces or of processes.

        Only a command that ended with status 0 is believed. Raises HostError: ``command_failed``,
        ``no_shell`` where the begin mark is missing, and what `probe.parse_probe` raises.
        """
        if not output.exit_status:
            return _parsed(output.stdout)
        said = clean(output.stderr.strip().rpartition(b"\n")[2]) or "nothing on stderr"
        raise HostError(
            Category.COMMAND_FAILED,
            Phase.COMMAND,
            f"the key's forced command ended with status {output.exit_status}: {said}. {_REMEDY}",
        )


_REMEDY = "'sockfleet authorized-key' prints the line for authorized_keys that answers"


def _parsed(stdout: bytes) -> ProbeAnswer:
    try:
        answer = parse_probe(stdout, FORCED_MARK)
    except HostError as error:
        if error.category is not Category.NO_SHELL:
            raise
        seen = clean(stdout, limit=120) or "nothing"
        raise HostError(
            Category.NO_SHELL,
            Phase.PARSE,
            f"the key's forced command did not give the answer of --probe forced; it printed "
            f"{seen!r}. {_REMEDY}",
        ) from error
    return replace(answer, namespaces=None, processes=None)
