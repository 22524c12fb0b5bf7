"""Exit codes: which one a run ends with, and that no other module writes them as numbers."""

from __future__ import annotations

import ast
import signal
import tomllib

import pytest

from sockfleet.core.exit_codes import Exit, code_for_hosts, code_for_signal
from tests.support.paths import ROOT


@pytest.mark.parametrize(
    ("ok", "failed", "code"),
    [(0, 0, Exit.OK), (3, 0, Exit.OK), (2, 1, Exit.SOME_FAILED), (0, 1, Exit.NONE_READ)],
)
def test_the_hosts_choose_the_exit_code(ok: int, failed: int, code: Exit) -> None:
    assert code_for_hosts(ok, failed) is code


def test_a_signal_gives_the_code_that_shells_report() -> None:
    assert [code_for_signal(n) for n in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)] == [
        129,
        130,
        143,
    ]


def test_no_other_module_writes_an_exit_code_as_a_number() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = {
        str(path.relative_to(ROOT))
        for folder in project["tool"]["setuptools"]["package-dir"].values()
        for path in (ROOT / folder).glob("*.py")
        if any(map(_writes_exit_code, ast.walk(ast.parse(path.read_text()))))
    }
    assert found == {"core/exit_codes.py"}


def _writes_exit_code(node: ast.AST) -> bool:
    """Whether it gives ``exit_code`` a number, exits this process with one, or adds to 128."""
    match node:
        case ast.Assign(targets=[ast.Name(id="exit_code")], value=value):
            return _is_number(value)
        case ast.AnnAssign(target=ast.Name(id="exit_code"), value=value):
            return _is_number(value)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="sys" | "os" | "ctx"), attr="exit" | "_exit"),
            args=[value],
        ):
            return _is_number(value)
        case ast.BinOp(left=ast.Constant(value=128), op=ast.Add()):
            return True
        case _:
            return False


def _is_number(value: ast.expr | None) -> bool:
    match value:
        case ast.IfExp(body=body, orelse=orelse):
            return _is_number(body) or _is_number(orelse)
        case _:
            return isinstance(value, ast.Constant)
