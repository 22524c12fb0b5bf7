"""What the tests of becoming root share: a whole probe, what of it runs as root, a refusal."""

from __future__ import annotations

from sockfleet.collector.errors import Category, Phase
from sockfleet.collector.probe.become import become_failure
from sockfleet.collector.probe.script import ProbeOptions, probe_command
from sockfleet.collector.transport import CommandOutput

__all__ = ["refusal", "text_of", "whole_probe"]


def whole_probe(mark: str, *, arguments: bool = False) -> str:
    """A probe with all of its parts."""
    return probe_command(mark, ProbeOptions(processes=True, arguments=arguments))


def text_of(command: str) -> str:
    """What runs as root, as the second quoted word has it."""
    return command.split("'")[3]


def refusal(output: CommandOutput) -> str:
    """The message of what must be a refusal."""
    error = become_failure(output)
    assert error is not None, output
    assert (error.category, error.phase) == (Category.BECOME_DENIED, Phase.COMMAND)
    assert error.message.isprintable()
    return error.message
