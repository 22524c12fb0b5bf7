"""The probe through a real login shell: what is asked, and when its answer is believed."""

from __future__ import annotations

from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..transport import CommandOutput
from .answer import ProbeAnswer, parse_probe
from .become import Become, become, become_failure
from .script import ProbeOptions, new_marker, probe_command

__all__ = ["FullProbe"]


class FullProbe:
    """One run's probe: the same text for every host, with a mark of its own."""

    def __init__(
        self, options: ProbeOptions, as_root: Become | None = None, *, mark: str | None = None
    ) -> None:
        self._mark = mark or new_marker()
        self._as_root = as_root
        command = probe_command(self._mark, options)
        self.command = command if as_root is None else become(command, as_root)
        """For the login shell of the host."""

    def read(self, output: CommandOutput) -> ProbeAnswer:
        """What the host said; only a command that ended with status 0 is believed.

        Raises HostError: ``become_denied``, ``command_failed``, and what `parse_probe` raises.
        """
        refused = become_failure(output) if self._as_root is not None else None
        if refused is not None:
            raise refused
        if output.exit_status != 0 and self._mark.encode() in output.stdout:
            said = clean(output.stderr.strip().rpartition(b"\n")[2]) or "nothing on stderr"
            raise HostError(
                Category.COMMAND_FAILED,
                Phase.COMMAND,
                f"the probe ended with status {output.exit_status}: {said}",
            )
        return parse_probe(output.stdout, self._mark)
