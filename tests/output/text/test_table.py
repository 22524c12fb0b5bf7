"""The table: golden files for its looks, and properties at any width."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.fleet import SORT_KEYS, summarize_fleet
from sockfleet.collector.errors import Category
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.scope import Scope
from sockfleet.output.formats import RenderOptions, load_format
from sockfleet.output.text.style import format_memory
from tests.support.fleet.sample_fleet import BOOT_ID, failure, fleets, reading, scan, summaries

TABLE = load_format("table")


def believable():
    """A fleet with a leak, TIME_WAIT, a host without IPv6, shared names and failures."""
    usual = {"inuse": 120, "orphan": 0, "tw": 31, "alloc": 131, "mem": 40}
    leaking = {"inuse": 210, "orphan": 3, "tw": 12, "alloc": 5210, "mem": 1900}
    proxy = {"inuse": 800, "orphan": 12, "tw": 9400, "alloc": 861, "mem": 2200}
    return summaries(
        *(
            reading(f"web{n:02}", usual, groups=("web",), variables={"dc": "eu"})
            for n in range(1, 8)
        ),
        reading("app03.eu-west-1.example.com", leaking, groups=("app",), variables={"dc": "us"}),
        reading("proxy1", proxy, ipv6=False, groups=("proxy",), scope=Scope.ALL_NAMESPACES),
        reading("old1", {"inuse": 3}, kernel=Kernel(boot_id=BOOT_ID.format(1))),
        reading("old2", usual, kernel=Kernel(boot_id=BOOT_ID.format(1))),
        *(failure(f"db{n}", groups=("db",)) for n in (1, 2, 3, 7)),
        failure(
            "edge",
            Category.HOSTKEY_CHANGED,
            "edge (10.0.0.7:22) shows another host key than known_hosts line 12 has. If the host "
            "was set up anew, remove the old line: ssh-keygen -R edge",
        ),
    )


def shown(hosts, *, sort="tcp_close", group_by=None, complete=True, warnings=(), **options):
    summary = summarize_fleet(
        hosts, scan(complete=complete), sort=sort, group_by=group_by, warnings=warnings
    )
    return TABLE.render(summary, RenderOptions(**options)).decode()


def test_eighty_columns(golden):
    golden("table-80.txt", shown(believable(), width=80))


def test_eighty_columns_in_colour(golden):
    golden("table-80-colour.txt", shown(believable(), width=80, color=True))


def test_a_pipe(golden):
    golden("table-pipe.txt", shown(believable()))


def test_ascii_and_the_first_three(golden):
    text = shown(believable(), width=80, ascii=True, top=3)
    assert text.isascii()
    golden("table-ascii-top.txt", text)


def test_wide_with_groups(golden):
    golden("table-140.txt", shown(believable(), width=140))


def test_grouped_and_ended_early(golden):
    text = shown(believable(), width=100, group_by="dc", complete=False, warnings=["a note"])
    golden("table-group-by.txt", text)


def test_without_a_read_host_there_are_failures_and_no_numbers(golden):
    golden("table-none-read.txt", shown(summaries(failure("db1"), failure("db2")), width=80))


def test_one_host_needs_no_total():
    assert "TOTAL" not in shown(summaries(reading("web1")))


def test_no_host_at_all():
    assert shown([]) == "0 of 0 hosts read in 1.23 s.\n"


@given(fleets(), st.integers(20, 160), st.booleans(), st.sampled_from(SORT_KEYS))
def test_no_line_is_wider_than_the_terminal_but_for_names(found, width, plain, sort):
    text = shown(summaries(*found), width=width, ascii=plain, sort=sort)
    lines = text.split("\n\n")[0].splitlines()
    if found and not lines[0].startswith("0 of"):
        narrowest = 60  # a name, the sort key and the two numbers that always stay
        assert all(len(line) <= max(width, narrowest) for line in lines)


@given(fleets(), st.integers(20, 160) | st.none())
def test_every_read_host_is_named_in_full_exactly_once(found, width):
    hosts = summaries(*found)
    text = shown(hosts, width=width).split("\n\nWho holds")[0].split(" read in ")[0]
    for host in hosts:
        if host.tcp is not None:
            assert len(re.findall(rf"^{re.escape(host.name)}(?![\w.])", text, re.MULTILINE)) == 1


def test_names_that_do_not_fit_are_never_cut():
    names = [f"a-very-long-name-of-a-host-in-the-{n}th-data-centre.example.com" for n in (1, 2)]
    text = shown(summaries(*map(reading, names)), width=60)
    assert all(f"{name}\n" in text for name in names)


def test_colour_changes_nothing_but_the_colour():
    coloured = shown(believable(), width=80, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(believable(), width=80)


def test_the_bound_is_marked_only_where_it_is_one():
    exact = shown(summaries(reading("a", scope=Scope.ALL_NAMESPACES)))
    assert "≤" not in exact
    assert "≤100" in shown(summaries(reading("a", scope=Scope.VISIBLE_NAMESPACES)))


@pytest.mark.parametrize(("alloc", "text"), [(0, "0"), (-1, "-1")])
def test_a_bound_of_none_is_none(alloc, text):
    hosts = summaries(reading("a", {"inuse": 1, "tw": 0, "alloc": 1 + alloc}, ipv6=False))
    assert shown(hosts).splitlines()[1].split()[1] == text
    assert "≤" not in shown(hosts)


def test_absent_numbers_are_empty_never_zero():
    row = shown(summaries(reading("a", {"inuse": 3}), reading("b")), sort="name").splitlines()[1]
    assert row.split() == ["a", "7"]


def test_a_group_is_marked_only_for_its_own_bounds():
    hosts = summaries(
        reading("a", variables={"dc": "exact"}, scope=Scope.ALL_NAMESPACES),
        reading("b", variables={"dc": "bound"}),
    )
    rows = {row.split()[0]: row.split() for row in shown(hosts, group_by="dc").splitlines() if row}
    assert (rows["exact"][2], rows["bound"][2]) == ("100", "≤100")


def test_an_absent_count_of_ipv6_is_not_none_in_use():
    tcp = {"inuse": 143, "tw": 38, "alloc": 247}
    absent = shown(summaries(reading("a", tcp, tcp6={}))).splitlines()[1].split()
    off = shown(summaries(reading("a", tcp, ipv6=False))).splitlines()[1].split()
    assert absent == ["a", "38", "247"]
    assert off == ["a", "≤104", "142", "38", "143", "247", "held-closed"]


@pytest.mark.parametrize(
    ("tcp", "scope", "cell"),
    [
        ({"inuse": 3, "tw": 0, "alloc": 900}, Scope.ALL_NAMESPACES, "\x1b[31mheld-closed"),
        ({"inuse": 3, "tw": 0, "alloc": 900}, Scope.HOST_NAMESPACE, "\x1b[36mheld-closed"),
        ({"inuse": 3, "tw": 900, "alloc": 9}, Scope.ALL_NAMESPACES, "\x1b[2mtime-wait"),
        ({"inuse": 3, "mem": 99}, Scope.ALL_NAMESPACES, "\x1b[1;31mmem-high"),
    ],
)
def test_a_diagnosis_is_coloured_by_its_severity(tcp, scope, cell):
    kernel = Kernel(tcp_mem=(1, 50, 100))
    assert cell in shown(summaries(reading("a", tcp, scope=scope, kernel=kernel)), color=True)


def test_mem_without_a_page_size_stays_in_pages():
    text = shown(summaries(reading("a", kernel=Kernel(release="x"))))
    assert "86 pages" in text


@pytest.mark.parametrize("key", SORT_KEYS)
def test_the_sort_key_always_has_its_column(key):
    heading = shown(believable(), sort=key, width=40).splitlines()[0]
    assert "▼" in heading


def test_markup_and_wide_characters_are_just_text():
    hosts = summaries(
        failure("db1", message="[red]no[/red] [link=x]y"), reading("主机一"), reading("b")
    )
    text = shown(hosts, width=80)
    assert "db1: [red]no[/red] [link=x]y" in text
    rows = text.splitlines()
    assert rows[1].index("≤") == rows[2].index("≤") + 3  # three characters of two columns
    assert r"\u4e3b\u673a\u4e00" in shown(hosts, ascii=True)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (352_256, "344 KiB"),
        (1_023_999, "0.977 MiB"),
        (1_400_000, "1.34 MiB"),
        (2**40, "1 TiB"),
        (2**62, "4096 PiB"),
    ],
)
def test_memory_in_units(size, text):
    assert format_memory(size) == text


def test_trends_stand_below_the_verdict_and_before_the_next_command():
    trends = {
        "app03.eu-west-1.example.com": "grows by 38 an hour since 12 Nov 22:05; EMFILE in 9 h",
        "web01": "changed by +40 on 12 Nov 22:05",
        "web02": "grows by 2 an hour since before the first scan",
        "web03": "grows by 1 an hour since before the first scan",
    }
    lines = shown(believable(), trends=trends).splitlines()
    last = lines.index("1 more over time: sockfleet history trend")
    assert lines[last - 3] == (
        "app03.eu-west-1.example.com's tcp_close grows by 38 an hour since 12 Nov 22:05; "
        "EMFILE in 9 h."
    )
    assert "closed sockets" in lines[last - 4]
    narrow = shown(believable(), trends=trends, width=60, height=24, is_terminal=True)
    assert narrow.count("\n") <= 24
    assert "app03.eu-west-1.example.com's tcp_close grows" in narrow
