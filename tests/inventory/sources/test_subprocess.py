"""Programs that print an inventory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.sources.subprocess import run_child, to_one_line


def test_output_and_failure() -> None:
    done = run_child(["/bin/sh", "-c", "echo $X; echo err >&2"], "w", environment={"X": "1"})
    assert (done.stdout, done.stderr, done.failure) == (b"1\n", "err\n", None)
    assert run_child(["/bin/sh", "-c", "exit 4"], "w").failure == "ended with exit status 4"
    assert run_child(["/bin/sh", "-c", "kill -15 $$"], "w").failure == "ended by signal 15"


def test_output_larger_than_a_pipe_on_both_streams() -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo $i-0123456789012345678901234567890123456789; "
    script += "echo $i-0123456789012345678901234567890123456789 >&2; i=$((i+1)); done"
    done = run_child(["/bin/sh", "-c", script], "w")
    assert done.stdout.count(b"\n") == done.stderr.count("\n") == 3000


def test_programs_that_cannot_be_run() -> None:
    with pytest.raises(InventoryError, match=r"^w: cannot run /no/such: No such file"):
        run_child(["/no/such"], "w")


@given(st.text(), st.booleans())
def test_to_one_line_gives_one_printable_line(text: str, last: bool) -> None:
    line = to_one_line(text, last=last, limit=40)
    assert line.isprintable()
    assert 0 < len(line) <= 42


def test_to_one_line_keeps_the_chosen_end() -> None:
    assert to_one_line("a\n\tb\x1b[31m") == "a b [31m"
    assert to_one_line("x" * 50 + "end", last=True, limit=4) == "… xend"
    assert to_one_line("begin" + "x" * 50, limit=5) == "begin …"
