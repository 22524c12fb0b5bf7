"""Packs give back what was packed, and refuse everything else."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.history.errors import StoreDamagedError
from sockfleet.history.store import pack
from sockfleet.history.store.pack import (
    compress,
    decompress,
    pack_numbers,
    unpack_array,
    unpack_numbers,
)

NUMBERS = st.lists(
    st.one_of(st.none(), st.integers(-(2**61), 2**61), st.integers(-3, 300)), max_size=300
)


@given(NUMBERS)
def test_unpacking_gives_back_the_numbers(numbers):
    packed = pack_numbers(numbers)
    assert unpack_numbers(packed, len(numbers)) == numbers


@given(NUMBERS)
def test_an_array_has_the_same_numbers_and_absences(numbers):
    values, absent = unpack_array(pack_numbers(numbers), len(numbers))
    missing = np.zeros(len(numbers), bool) if absent is None else absent
    found = [None if gone else value for value, gone in zip(values.tolist(), missing, strict=True)]
    assert found == numbers


@given(NUMBERS, st.randoms(use_true_random=False))
def test_some_places_of_an_array_are_those_of_the_whole(numbers, random):
    places = np.array(random.sample(range(len(numbers)), random.randint(0, len(numbers))), np.intp)
    packed = pack_numbers(numbers)
    values, absent = unpack_array(packed, len(numbers))
    some, some_absent = unpack_array(packed, len(numbers), places)
    assert some.tolist() == values[places].tolist()
    missing = [False] * len(places) if absent is None else absent[places].tolist()
    assert ([False] * len(places) if some_absent is None else some_absent.tolist()) == missing


@pytest.mark.parametrize("numbers", [[], [None], [None] * 9, [5] * 9, [0], [-1, None, -1]])
def test_numbers_without_a_difference_take_few_bytes(numbers):
    packed = pack_numbers(numbers)
    assert len(packed) < 40
    assert unpack_numbers(packed, len(numbers)) == numbers


def test_absent_differs_from_zero():
    assert unpack_numbers(pack_numbers([0, None, 0]), 3) == [0, None, 0]


def test_a_number_beyond_62_bits_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        pack_numbers([2**63])


def test_zlib_serves_where_zstandard_cannot_be_imported(monkeypatch):
    pack._zstd.cache_clear()
    monkeypatch.setitem(sys.modules, "zstandard", None)
    try:
        packed = pack_numbers(list(range(1000)))
        assert unpack_numbers(packed, 1000) == list(range(1000))
        assert decompress(compress(b"text" * 99), 396) == b"text" * 99
    finally:
        pack._zstd.cache_clear()
    assert packed[0] == 2
    assert unpack_numbers(packed, 1000) == list(range(1000))


@given(NUMBERS.filter(len), st.data())
def test_a_damaged_pack_is_an_error_or_other_numbers_never_a_crash(numbers, data):
    packed = bytearray(pack_numbers(numbers))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    try:
        found = unpack_numbers(bytes(packed), len(numbers))
    except StoreDamagedError:
        return
    assert len(found) == len(numbers)


@given(NUMBERS.filter(len), st.integers(0, 400))
def test_a_pack_that_is_cut_off_is_an_error(numbers, length):
    packed = pack_numbers(numbers)
    if length >= len(packed):
        return
    with pytest.raises(StoreDamagedError):
        unpack_numbers(packed[:length], len(numbers))


@pytest.mark.parametrize("codec", [1, 2])
def test_a_bomb_is_refused_before_it_is_unpacked(codec):
    import zlib

    import zstandard

    bomb = b"\0" * (64 << 20)
    body = zstandard.compress(bomb) if codec == 1 else zlib.compress(bomb)
    with pytest.raises(StoreDamagedError):
        unpack_numbers(struct.pack("<BBIq", codec, 1, 1000, 0) + body, 1000)
    with pytest.raises(StoreDamagedError):
        decompress(bytes([codec]) + body, 1000)


def test_a_pack_of_another_count_is_refused():
    with pytest.raises(StoreDamagedError, match="3 numbers where 4"):
        unpack_numbers(pack_numbers([1, 2, 3]), 4)


def test_an_unknown_codec_is_refused():
    with pytest.raises(StoreDamagedError, match="codec"):
        decompress(b"\x09abc", 3)
    with pytest.raises(StoreDamagedError):
        decompress(b"", 3)
