"""A record compares, hashes and prints as a data class does, from its first use on."""

import inspect
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace

import pytest

from sockfleet.core.record import mutable, record, replace_fields
from tests.support.paths import ROOT


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


@pytest.mark.parametrize(
    "use",
    [
        lambda kind: [each.name for each in fields(kind)],
        lambda kind: [each.default for each in fields(kind(x=1))],
        lambda kind: replace(kind(x=1), x=2).x,
        lambda kind: asdict(kind(x=1)),
        lambda kind: is_dataclass(kind),
        lambda kind: inspect.signature([kind(x=1) for _ in range(100)][-1].__init__),
    ],
)
def test_functions_of_dataclasses_take_a_record_that_was_not_used_yet(kind, twin, use):
    assert use(kind) == use(twin)


def test_a_wrong_argument_is_refused_from_the_first_use_on(kind):
    for _ in range(2):
        with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
            kind(x=1, z=2)
        with pytest.raises(TypeError, match="positional"):
            kind(1)


def test_all_instances_are_made_alike(kind, twin):
    """The first few without a generated __init__."""
    for number in range(200):
        assert repr(kind(x=number, note="n")) == repr(twin(x=number, note="n"))
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'x'"):
        kind(y=1)


def test_a_mutable_changes_and_equals_only_itself():
    @mutable
    class Counter:
        name: str
        count: int = 0
        seen: list[str] = field(default_factory=list)

    one, other = Counter("a", 1), Counter("a", count=1)
    other.seen.append("b")
    one.count += 1
    assert (one.count, one.seen, other.count, other.seen) == (2, [], 1, ["b"])
    assert one != Counter("a", 2)
    assert len({one, other, one}) == 2
    for _ in range(200):
        assert repr(Counter("a", 2)).endswith("Counter(name='a', count=2, seen=[])")
    for wrong in (lambda: Counter("a", name="b"), lambda: Counter("a", 1, [], 3), Counter):
        with pytest.raises(TypeError):
            wrong()


def test_a_record_has_slots_and_no_other_attributes(kind):
    @record
    class Named(kind):
        name: str

    assert Named.__slots__ == ("name",)
    with pytest.raises(AttributeError):
        Named(x=1, name="a").other = 1


def test_a_default_belongs_to_its_own_instance():
    @record
    class Names:
        names: list[str] = field(default_factory=list)
        given: bool = False

        def __post_init__(self) -> None:
            assert self.names == []

    Names().names.append("a")
    assert Names().names == []


def test_a_record_can_be_pickled_before_and_after_its_first_use():
    assert pickle.loads(pickle.dumps(Pickled(x=[1]))) == Pickled(x=[1])
    again = subprocess.run(
        [sys.executable, "-c", "import pickle, sys; print(pickle.load(sys.stdin.buffer).x)"],
        input=pickle.dumps(Pickled(x=[1])),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    assert again.stdout == b"[1]\n"


@record
class Pickled:
    x: list[int]


def test_many_threads_may_make_the_first_one():
    for _ in range(50):

        @record
        class Point:
            x: int
            others: list[int] = field(default_factory=list)

        together = threading.Barrier(8)

        def make(kind=Point, barrier=together):
            barrier.wait()
            return kind(x=1).others

        with ThreadPoolExecutor(8) as threads:
            made = [threads.submit(make) for _ in range(8)]
            assert [each.result() for each in made] == [[]] * 8


@pytest.mark.parametrize("changes", [{}, {"y": 5}, {"x": 3, "secret": "s", "note": "n"}])
def test_replace_fields_copies_as_replace_does(kind, changes):
    point = kind(x=1, y=2, secret="a", note="b")
    assert asdict(replace_fields(point, **changes)) == asdict(replace(point, **changes))
    assert asdict(point) == {"x": 1, "y": 2, "secret": "a", "note": "b"}


def test_replace_fields_refuses_a_field_that_is_none_of_the_record(kind):
    with pytest.raises(TypeError):
        replace_fields(kind(x=1), z=3)


def test_replace_fields_copies_a_record_of_one_field():
    @record
    class One:
        x: int

    assert replace_fields(One(x=1), x=2) == One(x=2)
    assert replace_fields(One(x=1)) == One(x=1)
