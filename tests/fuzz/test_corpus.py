"""Every target over its corpus, which holds each input that once broke it, and over mutations.

The coverage-guided search is `fuzz.py`; these tests need no fuzzer and catch regressions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(path.relative_to(CORPUS) for path in CORPUS.glob("*/*"))


@pytest.fixture(autouse=True, scope="module")
def without_programs() -> Iterator[None]:
    """Empty PATH: an input that needs Ansible is refused and starts no program."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        yield


@pytest.mark.parametrize("path", INPUTS, ids=str)
def test_an_input_of_the_corpus_holds(path):
    TARGETS[path.parent.name]((CORPUS / path).read_bytes())


def test_every_target_has_a_corpus_and_every_corpus_a_target():
    assert {path.parent.name for path in INPUTS} == set(TARGETS)


@st.composite
def mutations(draw: st.DrawFn, inputs: list[bytes]) -> bytes:
    """An input with some bytes removed, doubled or replaced."""
    data = draw(st.sampled_from(inputs))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(data)))
        end = draw(st.integers(begin, min(len(data), begin + 40)))
        middle = draw(st.one_of(st.binary(max_size=8), st.just(data[begin:end] * 2)))
        data = data[:begin] + middle + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_of_the_corpus_hold(name):
    inputs = [(CORPUS / path).read_bytes() for path in INPUTS if path.parent.name == name]

    @given(mutations(inputs))
    def check(data: bytes) -> None:
        TARGETS[name](data)

    check()
