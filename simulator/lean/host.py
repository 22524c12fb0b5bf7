"""One host of a lean fleet: everything that it can be asked for, made before it is asked."""

from __future__ import annotations

from collections.abc import Mapping

from ...collector.probe.script import ProbeOptions, probe_command
from ..host.answer import Answer, answer, probe_asked
from ..host.namespace_lines import counter_lines, namespace_lines, sockets_by_process
from ..host.proc_files import proc_files
from ..scenario.scenario import SimulatedHost
from .key_exchange import HostKey

__all__ = ["LeanHost"]

_MARK = "sockfleet-0000000000000000"


class LeanHost:
    """Its key and its files, and its answers without the marks, which differ from run to run."""

    __slots__ = ("_contents", "_counters", "_own", "_whole", "files", "key")

    def __init__(self, host: SimulatedHost, key: HostKey) -> None:
        self.key = key
        self.hold(host)

    def hold(self, host: SimulatedHost) -> None:
        """Show what ``host`` holds, from now on."""
        self._contents = contents = host.contents
        self.files = proc_files(contents)
        """The present text of each, by its path."""
        lines = namespace_lines(contents)
        self._own, self._whole = (
            answer(
                probe_command(_MARK, ProbeOptions(namespaces=namespaces)),
                self.files,
                page_size=contents.kernel.page_size,
                namespaces=lines,
            ).stdout.split(_MARK.encode())
            for namespaces in (False, True)
        )
        self._counters: Mapping[int, list[str]] | None = None

    @property
    def counters(self) -> Mapping[int, list[str]]:
        """The lines of each namespace, by the process through which it is read."""
        if self._counters is None:  # asked for by warm connections alone
            self._counters = {
                pid: counter_lines(self._contents, sockets)
                for pid, sockets in sockets_by_process(self._contents).items()
            }
        return self._counters

    def probed(self, mark: str, *, namespaces: bool) -> bytes:
        """What the probe prints."""
        return mark.encode().join(self._whole if namespaces else self._own)

    def run(self, command: str) -> Answer:
        """What the command prints, as `answer.answer` says."""
        probe = probe_asked(command)
        if probe is None:
            return answer(command, self.files)
        mark, namespaces = probe
        return Answer(stdout=self.probed(mark, namespaces=namespaces))
