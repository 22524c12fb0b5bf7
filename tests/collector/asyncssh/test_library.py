"""Importing the default transport starts no other program."""

import subprocess
import sys

_SCRIPT = """
import ctypes.util, sys
search = ctypes.util.find_library
sys.addaudithook(lambda event, _: print(event) if event in ("subprocess.Popen", "os.system") else 0)
from sockfleet.collector.asyncssh.transport import AsyncsshTransport
import asyncssh
assert ctypes.util.find_library is search
print(asyncssh.__version__)
"""


def test_no_compiler_runs_to_find_libraries():
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
