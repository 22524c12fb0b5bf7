"""--shard: parts of equal size, computed from host names, that never change."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.core.errors import UsageError
from sockfleet.inventory.name_shard import NameShard, parse_shard, part_of

names = st.text(st.characters(exclude_categories=()), max_size=30)
NAMES = [f"web{n:05}.example.net" for n in range(20_000)]


@given(names, st.integers(1, 2000))
def test_each_host_is_in_exactly_one_part(name, of):
    part = part_of(name, of)
    assert 1 <= part <= of
    assert [
        n for n in range(max(1, part - 2), part + 2) if NameShard(part=n, of=of).holds(name)
    ] == [part]


@given(names, st.integers(1, 2000))
def test_with_one_more_part_a_host_stays_or_moves_to_the_new_part(name, of):
    assert part_of(name, of + 1) in {part_of(name, of), of + 1}


@pytest.mark.parametrize("of", [2, 3, 5, 16, 100])
def test_the_parts_are_even(of):
    """Within five standard deviations of a uniform draw; these names are one fixed draw."""
    counts = Counter(part_of(name, of) for name in NAMES)
    fair = len(NAMES) / of
    assert set(counts) == set(range(1, of + 1))
    assert all(abs(count - fair) < 5 * (fair * (1 - 1 / of)) ** 0.5 for count in counts.values())


@pytest.mark.parametrize("of", [1, 4, 9])
def test_the_new_part_gets_an_equal_share(of):
    moved = sum(part_of(name, of) != part_of(name, of + 1) for name in NAMES)
    fair = len(NAMES) / (of + 1)
    assert abs(moved - fair) < 5 * fair**0.5


def test_parts_are_the_same_in_every_version():
    """Machines of one fleet may run different versions: a change would scan hosts twice."""
    wanted = {"web1": 1, "web2": 4, "db.example.net": 4, "": 2, "h\udcff": 3, "é": 1}
    assert {name: part_of(name, 5) for name in wanted} == wanted
    assert part_of("web1", 1_000_000) == 185_321


def test_the_form_of_the_option():
    assert parse_shard("2/5") == NameShard(part=2, of=5)
    assert parse_shard("1/1") == NameShard(part=1, of=1)


@given(st.text(max_size=10))
@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "01/3", "1/3/5", "1 / 3", "", "٢/٥", "-1/3"])
def test_other_forms_are_refused(text, other):
    with pytest.raises(UsageError, match="expected I/N"):
        parse_shard(text)
    if not other.replace("/", "").isdecimal():
        with pytest.raises(UsageError):
            parse_shard(other)
