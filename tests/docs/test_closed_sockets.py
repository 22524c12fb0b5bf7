"""docs/numbers.md and docs/closed-sockets.md: their examples run, and their tables are true."""

import re
from dataclasses import fields

import pytest

from sockfleet.aggregator.diagnosis import Word
from sockfleet.aggregator.thresholds import Thresholds
from tests.support.docs.closed_sockets_page import PAGE, SHELL, WORKED, example, shell
from tests.support.docs.evidence import Evidence, diagnose

AS_ROOT = ("ss -s", "lsof", "unshare", "--processes")
"""Words of the blocks that test_closed_sockets_as_root.py runs."""


@pytest.mark.parametrize(
    "block", [text for text in SHELL if not any(word in text for word in AS_ROOT)]
)
def test_every_other_block_runs(desk, block):
    shell(block)


def test_the_worked_example(desk):
    lines = example("text", "TCP6: inuse").splitlines()
    for line, name in zip(lines, ("sockstat", "sockstat6"), strict=True):
        assert line in (WORKED / name).read_text()
    printed = shell(example("sh", "explain sockstat sockstat6"))
    assert "247 - (143 + 4 - 38) = 138" in printed
    assert "= 247 - 147 = 100" in printed
    for number in ("247 - (143 + 4 - 38) = 138", "247 - 147 = 100"):
        assert number in PAGE


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(mem_pages=100, tcp_mem=(1, 2, 3)),
        Evidence(orphan=100, tcp_max_orphans=1),
        Evidence(alloc=900, tcp_close=800),
        Evidence(tw=500, closed=500),
        Evidence(alloc=1, tcp_close=0),
    ],
)
def test_the_next_command_of_every_other_word_runs(desk, evidence):
    (one,) = diagnose(evidence, Thresholds())
    shell(one.next)


def rows(title):
    """The cells of the table whose first title is ``title``."""
    table = re.search(rf"^\| {title} \|[^\n]*\n\|---.*?\n\n", PAGE, re.DOTALL | re.MULTILINE)[0]
    return [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]


def test_every_word_is_explained_in_its_order():
    assert [row[0] for row in rows("DIAGNOSIS")] == [f"`{word}`" for word in Word]


def test_every_threshold_is_in_the_table_with_its_default():
    assert [(row[0], row[1]) for row in rows("key")] == [
        (f"`{field.name}`", str(field.default)) for field in fields(Thresholds)
    ]
