"""--group-by: the children of a group as a level, or the values of a variable."""

import pytest

from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.core.errors import UsageError
from tests.support.fleet.sample_fleet import failure, reading, scan, summaries

CHILDREN = {"all": ("region", "loose"), "region": ("eu", "us"), "eu": (), "us": ()}


def groups_of(*outcomes, group_by):
    summary = summarize_fleet(summaries(*outcomes), scan(), group_by=group_by, children=CHILDREN)
    levels = {host.name: host.levels for host in summary.hosts}
    return list(summary.groups), levels


def test_a_group_takes_its_children_as_the_level():
    assert groups_of(
        reading("a", groups=("eu", "region")),
        reading("b", groups=("region", "us")),
        reading("c", groups=("region",)),
        reading("d", groups=("loose",)),
        group_by="region",
    ) == (
        ["eu", "region", "us"],
        {"a": ("eu",), "b": ("us",), "c": ("region",), "d": ()},
    )


def test_a_group_without_children_is_itself_the_level():
    assert groups_of(
        reading("a", groups=("eu", "region")), reading("b", groups=("us",)), group_by="eu"
    ) == (["eu"], {"a": ("eu",), "b": ()})


def test_all_takes_the_top_groups():
    assert groups_of(reading("a", groups=("eu", "region")), reading("b"), group_by="all") == (
        ["region", "ungrouped"],
        {"a": ("region",), "b": ("ungrouped",)},
    )


def test_a_variable_s_values_are_the_groups():
    names, levels = groups_of(
        reading("a", variables={"rack": "r1"}),
        failure("b", variables={"rack": 7}),
        reading("c", variables={"rack": ["x", "é"]}),
        reading("d", variables={"rack": True}),
        reading("e", variables={"rack": None}),
        reading("f", variables={"rack": ""}),
        reading("g"),
        group_by="rack",
    )
    assert names == ["7", '["x", "é"]', "r1", "true"]
    assert [levels[name] for name in "efg"] == [(), (), ()]


def test_a_value_is_cleaned_and_bounded():
    names, _ = groups_of(reading("a", variables={"v": "\x1b[31m" + "x" * 500}), group_by="v")
    assert names[0].isprintable()
    assert len(names[0]) == 100


def test_a_group_goes_before_a_variable_of_the_same_name():
    names, _ = groups_of(reading("a", groups=("eu",), variables={"eu": "no"}), group_by="eu")
    assert names == ["eu"]


def test_an_unknown_name_lists_the_groups():
    with pytest.raises(UsageError, match=r"--group-by 'rck'.*the groups are eu, region"):
        groups_of(reading("a", groups=("eu", "region")), group_by="rck")
    with pytest.raises(UsageError, match="there are no groups"):
        groups_of(reading("a"), group_by="rck")
