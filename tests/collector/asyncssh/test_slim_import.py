"""Importing the default transport starts no other program and loads no unused module."""

import os
import subprocess
import sys

import pytest

_SCRIPT = """
import ctypes.util, sys, typing
search = ctypes.util.find_library
sys.addaudithook(lambda event, _: print(event) if event in ("subprocess.Popen", "os.system") else 0)
from sockfleet.collector.asyncssh.transport import AsyncsshTransport
import asyncssh
assert ctypes.util.find_library is search
assert sys.modules["typing"] is typing
assert "asyncssh.crypto.x509" not in sys.modules
assert "cryptography.x509" not in sys.modules
print(asyncssh.__version__)
"""


def run(script, **variables):
    """Run a script in a new interpreter, with these variables beside the environment's."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


def test_no_compiler_runs_to_find_libraries():
    done = run(_SCRIPT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


def test_only_asyncssh_gets_forms_that_make_nothing():
    script = (
        "import sys, typing\n"
        "before = typing.Optional\n"
        "from sockfleet.collector.asyncssh.slim_import import asyncssh\n"
        "other = {name for name, module in sys.modules.items()\n"
        "         if getattr(module, 'Optional', before) is not before}\n"
        "assert other and all(name.startswith('asyncssh.') for name in other), other\n"
        "class Other(typing.Generic[typing.AnyStr]): value: typing.Optional[int]\n"
        "assert typing.get_type_hints(Other) == {'value': typing.Optional[int]}\n"
    )
    done = run(script)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("line", ["class A(Sequence[int]): pass", "x = Optional._name"])
def test_an_asyncssh_that_needs_a_form_is_imported_whole(tmp_path, line):
    (tmp_path / "asyncssh").mkdir()
    (tmp_path / "asyncssh/__init__.py").write_text(
        f"from typing import Optional, Sequence\n{line}\n"
    )
    script = (
        "from sockfleet.collector.asyncssh.slim_import import asyncssh\n"
        "import typing\n"
        "assert asyncssh.Optional is typing.Optional\n"
    )
    done = run(script, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_an_asyncssh_that_needs_its_x509_module_is_imported_whole(tmp_path):
    crypto = tmp_path / "asyncssh" / "crypto"
    crypto.mkdir(parents=True)
    (crypto.parent / "__init__.py").write_text("from . import crypto\n")
    (crypto / "__init__.py").write_text("from . import x509\n")
    (crypto / "x509.py").write_text("certificates = 'read'\n")
    script = (
        "from sockfleet.collector.asyncssh.slim_import import asyncssh\n"
        "print(asyncssh.crypto.x509.certificates)"
    )
    done = run(script, PYTHONPATH=str(tmp_path))
    assert (done.stdout, done.stderr) == ("read\n", "")
