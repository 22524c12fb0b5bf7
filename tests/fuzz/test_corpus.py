"""Every target over its corpus, which holds each input that once broke it, and over its ruins.

The coverage-guided search is `fuzz.py`; this needs no fuzzer and finds what comes back.
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
    """An input that needs Ansible is refused instead of starting it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        yield


@pytest.mark.parametrize("path", INPUTS, ids=str)
def test_an_input_of_the_corpus(path):
    TARGETS[path.parent.name]((CORPUS / path).read_bytes())


def test_every_target_has_a_corpus_and_every_corpus_a_target():
    assert {path.parent.name for path in INPUTS} == set(TARGETS)


@st.composite
def ruins(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """Inputs of a corpus with some bytes cut out, doubled or replaced."""
    data = draw(st.sampled_from(whole))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(data)))
        end = draw(st.integers(begin, min(len(data), begin + 40)))
        middle = draw(st.one_of(st.binary(max_size=8), st.just(data[begin:end] * 2)))
        data = data[:begin] + middle + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_ruins_of_the_corpus(name):
    whole = [(CORPUS / path).read_bytes() for path in INPUTS if path.parent.name == name]

    @given(ruins(whole))
    def holds(data: bytes) -> None:
        TARGETS[name](data)

    holds()
