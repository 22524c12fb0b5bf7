"""Helpers for tests of ``become``: a probe, its part that runs as root, rules, and a refusal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sockfleet.collector.errors import Category, Phase
from sockfleet.collector.probe.become import become_failure
from sockfleet.collector.probe.script import ProbeOptions, probe_command
from sockfleet.collector.transport import CommandOutput

__all__ = ["refusal", "root_script_of", "sudoers", "whole_probe"]

_SUDOERS = Path(f"/etc/sudoers.d/sockfleet-test-{os.getpid()}")


def whole_probe(mark: str, *, arguments: bool = False) -> str:
    """Return a probe command with namespaces and processes."""
    return probe_command(mark, ProbeOptions(processes=True, arguments=arguments))


def root_script_of(command: str) -> str:
    """Return the script that runs as root: the second quoted word of the command."""
    return command.split("'")[3]


@contextmanager
def sudoers(*lines: str) -> Iterator[None]:
    """These lines are in sudoers for the time of the block; needs root."""
    _SUDOERS.write_text("".join(f"{line}\n" for line in lines))
    _SUDOERS.chmod(0o440)
    try:
        subprocess.run(["visudo", "-c", "-q", "-f", str(_SUDOERS)], check=True)
        yield
    finally:
        _SUDOERS.unlink()


def refusal(output: CommandOutput) -> str:
    """Return the message of the refusal that ``output`` must be."""
    error = become_failure(output)
    assert error is not None, output
    assert (error.category, error.phase) == (Category.BECOME_DENIED, Phase.COMMAND)
    assert error.message.isprintable()
    return error.message
