"""The probe for a key with a forced command, and the parser of its output.

With ``command="…"`` before a key in authorized_keys, sshd runs that command for every request
(sshd(8), "AUTHORIZED_KEYS FILE FORMAT"). The command cannot contain the run's random mark, so it
has fixed marks, which a start-up file of the login shell could forge. Therefore this probe is used
only for hosts for which the user chooses it, and never as a fallback.

It reads the host's own network namespace and the kernel's limits. It lists no processes and takes
no input from the client.
"""

from __future__ import annotations

from dataclasses import replace

from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..transport import CommandOutput, describe_output
from .answer import ProbeAnswer, parse_probe
from .labels import FORCED_MARK

__all__ = ["FORCED_COMMAND", "FORCED_MARK", "ForcedProbe"]

# Below /proc/self, as /proc/net is hidden where /proc is mounted with subset=pid. The reasons for
# the form (exec, no quotes inside, labels by head) are in `collector.probe.script`.
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
"""For ``command="…"``, so it has no double quote and no backslash. The client requests it too, so
a server that forces no command gives the same answer."""


class ForcedProbe:
    """The probe of every host with `inventory.models.Probe.FORCED`."""

    command = FORCED_COMMAND

    def read(self, output: CommandOutput) -> ProbeAnswer:
        """Parse the output; namespaces and processes are always None.

        Accepts only exit status 0. Raises HostError: ``command_failed``, ``no_shell`` without the
        begin mark, and what `parse_probe` raises.
        """
        if not output.exit_status:
            return _parse_forced(output)
        error = clean(output.stderr.strip().rpartition(b"\n")[2]) or "nothing on stderr"
        raise HostError(
            Category.COMMAND_FAILED,
            Phase.COMMAND,
            f"the key's forced command ended with status {output.exit_status}: {error}. {_REMEDY}",
        )


_REMEDY = "'sockfleet authorized-key' prints the line for authorized_keys that answers"


def _parse_forced(output: CommandOutput) -> ProbeAnswer:
    try:
        answer = parse_probe(output.stdout, FORCED_MARK, output.stderr)
    except HostError as error:
        if error.category is not Category.NO_SHELL:
            raise
        raise HostError(
            Category.NO_SHELL,
            Phase.PARSE,
            "the key's forced command did not give the answer of --probe forced; it printed "
            f"{describe_output(output.stdout, output.stderr)}. {_REMEDY}",
        ) from error
    return replace(answer, namespaces=None, processes=None)
