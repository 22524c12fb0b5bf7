"""The probe through a real login shell, and when its output is accepted."""

from __future__ import annotations

from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..transport import CommandOutput
from .answer import ProbeAnswer, parse_probe
from .become import Become, become_command, become_failure
from .explanations import explain_changed_command
from .script import ProbeOptions, new_marker, probe_command

__all__ = ["FullProbe"]


class FullProbe:
    """The probe of one run: the same command for every host, with the run's own mark."""

    def __init__(
        self, options: ProbeOptions, as_root: Become | None = None, *, mark: str | None = None
    ) -> None:
        self._mark = mark or new_marker()
        self._as_root = as_root
        command = probe_command(self._mark, options)
        self.command = command if as_root is None else become_command(command, as_root)
        """The command for the login shell of the host."""

    def read(self, output: CommandOutput) -> ProbeAnswer:
        """Parse the output; accepts only exit status 0.

        Raises HostError: ``become_denied``, ``command_failed``, ``no_shell``, and what
        `parse_probe` raises.
        """
        refused = become_failure(output) if self._as_root is not None else None
        if refused is not None:
            raise refused
        if output.exit_status != 0 and self._mark.encode() in output.stdout:
            # sudo passes on root's SHELL.
            named = output.stdout if self._as_root is None else b""
            changed = explain_changed_command(named, output.stderr)
            if changed is not None:
                raise HostError(Category.NO_SHELL, Phase.COMMAND, changed)
            error = clean(output.stderr.strip().rpartition(b"\n")[2]) or "nothing on stderr"
            raise HostError(
                Category.COMMAND_FAILED,
                Phase.COMMAND,
                f"the probe ended with status {output.exit_status}: {error}",
            )
        return parse_probe(output.stdout, self._mark, output.stderr)
