from __future__ import annotations

from typing import Any

from sockfleet.inventory.models import Group, Inventory, InventoryHost
from sockfleet.inventory.overview import graph_lines, list_document


def host(name: str, **variables: Any) -> InventoryHost:
    return InventoryHost(name=name, groups=(), variables=variables)


FLEET = Inventory(
    groups={
        "all": Group(name="all", children=("ungrouped", "web", "site"), variables={"v": 1}),
        "ungrouped": Group(name="ungrouped", hosts=("lone",)),
        "web": Group(name="web", hosts=("w1", "w2"), variables={"b": "x", "a": None}),
        "site": Group(name="site", children=("web", "empty")),
        "empty": Group(name="empty"),
    },
    hosts={"lone": host("lone"), "w1": host("w1", p={"x": [1]}), "w2": host("w2")},
)


def test_the_list_omits_empty_groups_and_variables() -> None:
    variables = {"w1": {"p": 1}, "w2": {}}
    assert list_document(FLEET, variables) == {
        "_meta": {"hostvars": {"w1": {"p": 1}}, "profile": "inventory_legacy"},
        "all": {"children": ["ungrouped", "web", "site"]},
        "web": {"hosts": ["w1", "w2"]},
        "site": {"children": ["web", "empty"]},
    }


def test_the_graph_shows_a_group_below_each_parent() -> None:
    assert list(graph_lines(FLEET)) == [
        "@all:",
        "  |--@ungrouped:",
        "  |  |--lone",
        "  |--@web:",
        "  |  |--w1",
        "  |  |--w2",
        "  |--@site:",
        "  |  |--@web:",
        "  |  |  |--w1",
        "  |  |  |--w2",
        "  |  |--@empty:",
    ]


def test_the_graph_of_a_selection_omits_other_groups() -> None:
    assert list(graph_lines(FLEET, selected={"w2"})) == [
        "@all:",
        "  |--@web:",
        "  |  |--w2",
        "  |--@site:",
        "  |  |--@web:",
        "  |  |  |--w2",
    ]


def test_variables_follow_their_host_and_their_group() -> None:
    lines = graph_lines(
        FLEET,
        selected={"w1"},
        group_variables={name: group.variables for name, group in FLEET.groups.items()},
        host_variables={name: described.variables for name, described in FLEET.hosts.items()},
    )
    assert list(lines)[:8] == [
        "@all:",
        "  |--@web:",
        "  |  |--w1",
        "  |  |  |--{p = {'x': [1]}}",
        "  |  |--{a = None}",
        "  |  |--{b = x}",
        "  |--@site:",
        "  |  |--@web:",
    ]
    assert next(reversed(list(graph_lines(FLEET, group_variables={"all": {"v": 1}})))) == (
        "  |--{v = 1}"
    )


def test_control_characters_are_escaped() -> None:
    nasty = Inventory(
        groups={
            "all": Group(name="all", children=("a\x1b[2J",)),
            "a\x1b[2J": Group(name="a\x1b[2J", hosts=("h\n",)),
        },
        hosts={"h\n": host("h\n")},
    )
    lines = list(graph_lines(nasty, host_variables={"h\n": {"v": "\u202e"}}))
    assert lines == ["@all:", "  |--@a\\x1b[2J:", "  |  |--h\\n", "  |  |  |--{v = \\u202e}"]
