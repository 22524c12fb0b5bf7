"""The transports' tests share code of this folder, and run once for each transport."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `from over_ssh import ask`

from over_ssh import TRANSPORTS

# Only root can make accounts, rules of sudo, network namespaces and control groups.
_AS_ROOT = (
    "test_become_as_root.py",
    "test_fault_network_as_root.py",
    "test_process_probe_as_root.py",
    "test_transport_passwords.py",
    "test_warm_namespaces_as_root.py",
)
collect_ignore = [] if os.geteuid() == 0 else list(_AS_ROOT)


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """The name of each SSH transport in turn."""
    return request.param
