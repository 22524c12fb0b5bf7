"""The machine on which the examples are installed."""

import pytest

from tests.support.machine.example_machine import ExampleMachine


@pytest.fixture
def machine(tmp_path, sshd):
    return ExampleMachine(tmp_path / "machine", sshd)
