"""The machine on which the examples are installed; what only root can do is left to root."""

import os

import pytest
from example_machine import ExampleMachine

# The cron daemon and what makes users are root's.
collect_ignore = [] if os.geteuid() == 0 else ["test_cron_as_root.py", "test_systemd_as_root.py"]


@pytest.fixture
def machine(tmp_path, sshd):
    return ExampleMachine(tmp_path / "machine", sshd)
