"""PyYAML without its reader's pattern reads as PyYAML does."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import re
compile_now = re.compile
from sockfleet.inventory.sources.quick_yaml import yaml
from yaml.reader import Reader, ReaderError
assert re.compile is compile_now
assert type(Reader.NON_PRINTABLE) is not re.Pattern
assert yaml.load("[ü, 1.5, 2026-11-29]", Loader=yaml.SafeLoader)[:2] == ["ü", 1.5]
try:
    yaml.load("a: \\x01", Loader=yaml.SafeLoader)
except ReaderError as error:
    print(error.position)
"""


def test_the_reader_in_python_still_refuses_what_is_not_printable():
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("3\n", "")
