"""One host of a lean fleet, with all answers prepared in advance."""

from __future__ import annotations

from collections.abc import Mapping

from ...collector.probe.script import ProbeOptions, probe_command
from ..host.answer import Answer, answer, parse_probe_command
from ..host.namespace_lines import counter_lines, namespace_lines, sockets_by_process
from ..host.proc_files import proc_files
from ..scenario.scenario import SimulatedHost
from .key_exchange import HostKey

__all__ = ["LeanHost"]

_MARK = "sockfleet-0000000000000000"


class LeanHost:
    """The host's key, its files, and its answers without the marks, which differ in each run."""

    __slots__ = ("_contents", "_counters", "_own", "_whole", "files", "key")

    def __init__(self, host: SimulatedHost, key: HostKey) -> None:
        self.key = key
        self.show(host)

    def show(self, host: SimulatedHost) -> None:
        """Answer with the contents of ``host`` from now on."""
        self._contents = contents = host.contents
        self.files = proc_files(contents)
        """The present content of each file, by path."""
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
        """The lines of each namespace, by the process whose files show it."""
        if self._counters is None:  # only sampling shells read them
            self._counters = {
                pid: counter_lines(self._contents, sockets)
                for pid, sockets in sockets_by_process(self._contents).items()
            }
        return self._counters

    def probe_output(self, mark: str, *, namespaces: bool) -> bytes:
        """The output of the probe."""
        return mark.encode().join(self._whole if namespaces else self._own)

    def run(self, command: str) -> Answer:
        """The output of a command, as in `answer.answer`."""
        probe = parse_probe_command(command)
        if probe is None:
            return answer(command, self.files)
        mark, namespaces = probe
        return Answer(stdout=self.probe_output(mark, namespaces=namespaces))
