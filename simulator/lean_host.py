"""One host of a lean fleet: everything that it can be asked for, made before it is asked."""

from __future__ import annotations

from ..collector.probe import ProbeOptions, probe_command
from .answer import Answer, answer, probe_asked
from .lean_key_exchange import HostKey
from .namespace_lines import namespace_lines
from .proc_files import proc_files
from .scenario import SimulatedHost

__all__ = ["LeanHost"]

_MARK = "sockfleet-0000000000000000"


class LeanHost:
    """Its key and its files, and its answers without the marks, which differ from run to run."""

    __slots__ = ("_own", "_whole", "files", "key")

    def __init__(self, host: SimulatedHost, key: HostKey) -> None:
        contents = host.contents
        self.key = key
        self.files = proc_files(contents)
        own, whole = (
            answer(
                probe_command(_MARK, ProbeOptions(namespaces=namespaces)),
                self.files,
                page_size=contents.kernel.page_size,
                namespaces=namespace_lines(contents),
            ).stdout.split(_MARK.encode())
            for namespaces in (False, True)
        )
        self._own = own
        self._whole = whole

    def run(self, command: str) -> Answer:
        """What the command prints, as `answer.answer` says."""
        probe = probe_asked(command)
        if probe is None:
            return answer(command, self.files)
        mark, namespaces = probe
        return Answer(stdout=mark.encode().join(self._whole if namespaces else self._own))
