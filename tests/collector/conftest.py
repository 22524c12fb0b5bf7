"""The transports' tests share code of this folder, and run once for each transport."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `from over_ssh import ask`

from over_ssh import TRANSPORTS

# Only root can make the accounts whose passwords sshd then judges.
collect_ignore = [] if os.geteuid() == 0 else ["test_transport_passwords.py"]


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """The name of each SSH transport in turn."""
    return request.param
