"""The profile of a cold host: the lines of ``perf report`` by group."""

from __future__ import annotations

import pytest
from cold_profile import by_group

REPORT = """
    62.83%  libpython3.11.so.1.0
    17.97%  _rust.abi3.so
    11.82%  [kernel.kallsyms]
     3.79%  libc.so.6
     2.55%  loop.cpython-311-x86_64-linux-gnu.so
     0.61%  _asyncio.cpython-311-x86_64-linux-gnu.so
     0.24%  libcrypto.so.3
     0.06%  [vdso]
     0.02%  _hashlib.cpython-311-x86_64-linux-gnu.so

"""


def test_each_file_counts_for_its_group():
    assert by_group(REPORT.splitlines()) == pytest.approx(
        {
            "Python code": 62.83,
            "cryptography": 18.21,
            "the kernel": 11.88,
            "memory and copying": 3.79,
            "the event loop": 3.16,
            "other": 0.02,
        }
    )


def test_a_static_interpreter_counts_as_python_code():
    assert by_group([" 70.00%  python3.12"]) == {"Python code": 70.0}
