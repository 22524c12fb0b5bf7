"""Whether the process that holds something has ended."""

from __future__ import annotations

import os
import subprocess
import sys

from sockfleet.core.process_identity import has_ended, this_process


def test_this_process_has_not_ended():
    assert not has_ended(this_process())


def test_a_process_that_exited_has_ended_and_so_has_one_whose_pid_is_used_again():
    code = "from sockfleet.core.process_identity import this_process; print(this_process())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert has_ended(done.stdout.strip())
    used_again = this_process().rpartition(":")[0] + ":1"
    assert has_ended(used_again)


def test_a_process_that_waits_for_its_parent_has_ended():
    code = "from sockfleet.core.process_identity import this_process; print(this_process())"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        identity = child.stdout.read().strip()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(identity)


def test_a_process_of_another_machine_or_container_is_never_known_to_have_ended():
    boot, namespace, pid, started = this_process().split(":")
    for other in (f"x:{namespace}:{pid}:0", f"{boot}:1:{pid}:0", "", "::1:0", f"{boot}:{started}"):
        assert not has_ended(other)
