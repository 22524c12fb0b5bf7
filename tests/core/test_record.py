"""A record compares, hashes and prints as a data class does, from its first use on."""

from dataclasses import dataclass, field, replace

import pytest

from sockfleet.core.record import record


@pytest.fixture
def kind():
    """A class of which no instance was compared, hashed or printed yet."""

    @record
    class Point:
        x: int
        y: int = 0
        secret: str = field(default="", repr=False)
        note: str = field(default="", compare=False)

    return Point


@pytest.fixture
def twin():
    @dataclass(kw_only=True, unsafe_hash=True)
    class Point:
        x: int
        y: int = 0
        secret: str = field(default="", repr=False)
        note: str = field(default="", compare=False)

    Point.__qualname__ = "kind.<locals>.Point"
    return Point


@pytest.mark.parametrize("use", [repr, str, hash])
def test_each_first_use_gives_what_a_data_class_gives(kind, twin, use):
    given = {"x": 1, "secret": "s", "note": "n"}
    expected = use(twin(**given))
    assert [use(kind(**given)) for _ in range(2)] == [expected] * 2


def test_fields_that_count_make_equal_records(kind):
    assert kind(x=1) == kind(x=1, note="another")
    assert kind(x=1) != kind(x=1, secret="another")
    assert len({kind(x=1), kind(x=1, note="another"), kind(x=2)}) == 2


def test_a_record_equals_none_of_another_class(kind, twin):
    assert kind(x=1) != twin(x=1)
    assert kind(x=1) != (1, 0, "", "")


def test_a_derived_record_compares_all_its_fields(kind):
    @record
    class Named(kind):
        name: str

    assert kind(x=1) == kind(x=1)
    assert Named(x=1, name="a") != Named(x=1, name="b")
    assert Named(x=1, name="a") == replace(Named(x=1, name="b"), name="a")
    assert repr(Named(x=1, name="a")).endswith("Named(x=1, y=0, note='', name='a')")
    assert kind(x=1) != Named(x=1, name="a")


def test_a_class_derived_from_a_record_prints_its_own_name(kind):
    class Plain(kind):
        pass

    assert repr(Plain(x=1)).endswith("Plain(x=1, y=0, note='')")
    assert Plain(x=1) == Plain(x=1)


def test_a_method_that_the_class_has_itself_stays():
    @record
    class Secret:
        text: str

        def __repr__(self) -> str:
            return "Secret(***)"

    assert Secret(text="a") == Secret(text="a")
    assert repr(Secret(text="a")) == "Secret(***)"
