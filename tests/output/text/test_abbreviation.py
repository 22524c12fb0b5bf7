"""Folded host names: short, and complete."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.output.text.abbreviation import abbreviate, fold_names


def unfolded(word):
    """What clustershell's nodeset -e would print."""
    match = re.fullmatch(r"(.*)\[([0-9,-]+)\](.*)", word)
    if match is None:
        return [word]
    before, ranges, after = match.groups()
    names = []
    for piece in ranges.split(","):
        first, _, last = piece.partition("-")
        names += [
            f"{before}{str(number).zfill(len(first))}{after}"
            for number in range(int(first), int(last or first) + 1)
        ]
    return names


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["web1"], ["web1"]),
        ([f"web{n:02}" for n in range(1, 18)] + ["web20"], ["web[01-17,20]"]),
        (["web1", "web2"], ["web[1,2]"]),
        (["web8", "web9", "web10"], ["web[8-10]"]),
        (["web9", "web09", "web10"], ["web[9,09,10]"]),
        (["web99", "web100", "web101"], ["web[99-101]"]),
        (["db", "web1", "web3"], ["db", "web[1,3]"]),
        (["10.0.0.1", "10.0.0.2", "10.0.0.3"], ["10.0.0.[1-3]"]),
        (
            ["web1.rack1", "web2.rack1", "web3.rack1", "web1.rack2", "web2.rack2"],
            ["web[1,2].rack2", "web[1-3].rack1"],
        ),
        (["a", "a"], ["a"]),
        ([], []),
    ],
)
def test_examples(names, words):
    assert fold_names(names) == words


@given(st.sets(st.from_regex(r"[a-c]?[0-9]{0,3}[.-]?[0-9]{0,2}[x-z]?", fullmatch=True)))
def test_every_name_comes_back_exactly_once(names):
    assert sorted(name for word in fold_names(names) for name in unfolded(word)) == sorted(names)


def test_a_serial_number_is_not_folded():
    long = "9" * 5000
    assert fold_names([f"host-{long}", f"host-{long[:-1]}8"]) == sorted(
        [f"host-{long}", f"host-{long[:-1]}8"]
    )


def test_very_many_names_are_abbreviated():
    scattered = [f"{chr(97 + n)}{chr(97 + n)}" for n in range(20)]
    assert abbreviate(scattered).endswith("kk, ll, … and 8 more")
    assert abbreviate(["web1", "web2", "web3"]) == "web[1-3]"
