"""The table at a terminal: as many lines as fit, findings first, the verdict and a command last."""

import re
import shlex
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.comparison import Comparison
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.collector.errors import Category
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.processes import Process, Processes
from sockfleet.collector.probe.scope import Scope
from sockfleet.output.formats import NextCommands, RenderOptions, load_format
from sockfleet.output.text.memory import memory_unit
from sockfleet.output.text.style import TextStyle
from tests.support.fleet.sample_fleet import BEGAN, failure, fleets, reading, scan, summaries

TABLE = load_format("table")
COMMANDS = NextCommands(
    scan=("sockfleet", "scan", "my fleet.yml", "-u", "probe"),
    explain=("sockfleet", "explain", "--inventory", "my fleet.yml", "-u", "probe"),
    inventory=("sockfleet", "inventory", "my fleet.yml"),
    limit="web",
)
NO_ANSWER = "no answer from 10.0.0.9:22 in 5 s "
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def leaking(name, held, **settings):
    tcp = {"inuse": 0, "tw": 0, "orphan": 0, "alloc": held + 4, "mem": 4}
    return reading(name, tcp, scope=Scope.ALL_NAMESPACES, **settings)


def usual(name, **settings):
    return leaking(name, 5, **settings)


def forced(name, held):
    """A reading of the host's own namespace only."""
    return reading(name, {"inuse": 0, "tw": 0, "alloc": held + 4}, scope=Scope.HOST_NAMESPACE)


def shown(outcomes, *, sort="tcp_close", earlier=None, commands=COMMANDS, **options):
    summary = summarize_fleet(summaries(*outcomes), scan(), sort=sort)
    if earlier is not None:
        before = scan(started_at=BEGAN - timedelta(seconds=earlier))
        then = summarize_fleet(summaries(*(usual(one.host.name) for one in outcomes)), before)
        names = [host.name for host in summary.hosts]
        summary = Comparison(then, started_at=BEGAN, names=names).compare(summary)
    defaults = {"width": 80, "height": 23, "is_terminal": True, "commands": commands}
    return TABLE.render(summary, RenderOptions(**(defaults | options))).decode()


def last_lines(text):
    """The verdict on one line, and the words of the command."""
    *_, section = text.rstrip("\n").split("\n\n")
    *sentence, command = section.split("\n")
    return " ".join(sentence), shlex.split(command)


def fleet(leaks, normal, failed=0):
    return [
        *(leaking(f"leak{n}", 1000 + n) for n in range(leaks)),
        *(usual(f"web{n:03}") for n in range(normal)),
        *(
            failure(f"db{n}", message="no answer from 10.0.0.9:22 in 5 s " * 9)
            for n in range(failed)
        ),
    ]


@given(fleets(), st.integers(60, 200), st.integers(16, 60), st.booleans(), st.booleans())
def test_the_table_never_has_more_lines_than_the_terminal(found, width, height, plain, color):
    text = shown(found, width=width, height=height, ascii=plain, color=color)
    style = TextStyle(RenderOptions(width=width))
    assert style.count_lines(text.rstrip("\n")) <= height


def test_hosts_with_findings_come_first_whatever_the_sort():
    orphans = reading(
        "edge", {"inuse": 9, "orphan": 90, "alloc": 99}, kernel=Kernel(tcp_max_orphans=100),
        scope=Scope.ALL_NAMESPACES,
    )  # fmt: skip
    text = shown([*fleet(1, 50), orphans], sort="name")
    names = [line.split()[0] for line in text.splitlines()[1:5]]
    assert names == ["edge", "leak0", "web000", "web001"]


def test_a_fleet_that_fits_stays_in_its_order():
    text = shown(fleet(1, 3), sort="name")
    assert [line.split()[0] for line in text.splitlines()[1:5]] == [
        *("leak0", "web000", "web001", "web002")
    ]
    assert "more" not in text


def test_the_rest_is_one_line_that_says_what_it_is():
    assert re.search(r"… \d+ more, all normal \(--all shows them\)", shown(fleet(2, 50)))
    assert "with findings (--all shows them)" in shown(fleet(80, 50))
    assert "without a diagnosis" in shown([*fleet(1, 40), reading("old", {"inuse": 3})])


def test_everything_is_shown_without_a_height():
    text = shown(fleet(2, 50), height=None)
    assert sum(line.startswith("web") for line in text.splitlines()) == 50
    assert "more" not in text


def test_failures_take_one_line_for_each_category_with_an_example():
    hosts = [*fleet(1, 30, failed=9), failure("edge", Category.REFUSED, "refused by 10.0.0.7:22")]
    lines = shown(hosts).splitlines()
    (timeouts,) = (line for line in lines if "tcp_timeout" in line and "Failed" not in line)
    assert timeouts.startswith("  tcp_timeout  9  db[0-8]: no answer from 10.0.0.9:22")
    assert 60 < len(timeouts) <= 80
    assert timeouts.removesuffix("…").split()[-1] in NO_ANSWER.split(), "no word is cut"
    assert "  refused      1  edge: refused by 10.0.0.7:22" in lines
    every = shown(hosts, failures=True)
    assert " ".join(every.split()).count(NO_ANSWER.strip()) == 9 * 9, "as many lines as they need"


@pytest.mark.parametrize("ends", [". W", "; w", "? W"])
def test_a_failure_in_one_line_leaves_out_the_command_that_does_not_fit(ends):
    said = f"refused by 10.0.0.7:22{ends[0]}".rstrip(";")
    hint = "here its address, user and keys are from: sockfleet inventory fleet.yml --host edge"
    message = f"refused by 10.0.0.7:22{ends}{hint}"
    hosts = [*fleet(1, 30), failure("edge", Category.REFUSED, message)]
    assert f"  refused  1  edge: {said}\n" in shown(hosts)
    assert message in shown(hosts, width=200)
    assert message in " ".join(shown(hosts, failures=True).split())


def test_a_count_and_its_word_stay_on_one_line():
    for width in range(60, 90):
        text = shown([*fleet(3, 30, failed=1)], width=width, height=23)
        assert not re.search(r"[0-9]\n(normal|held-closed|tcp_timeout)", text)
        assert "33 of 34 hosts read" in text
        assert "\x1f" not in text


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ([leaking("a", 500)], "a holds 500 closed sockets."),
        (
            [leaking("a", 1500), usual("b")],
            "a holds 1,500 closed sockets: 99 % of the fleet's 1,505.",
        ),
        ([leaking("a", 500), leaking("b", 400)], "a holds 500 closed sockets and b 400: all of"),
        (
            [leaking(name, 100 * n) for n, name in enumerate("abcde", 1)],
            "e holds 500 closed sockets, d 400, c 300 and 2 more hosts 300: all of the fleet's",
        ),
        ([forced("a", 500)], "a holds up to 500 closed sockets."),
        ([usual("a"), usual("b")], "Nothing unusual: no host holds more than 5 closed sockets."),
        ([usual("a"), failure("b")], "Nothing unusual: a holds 5 closed sockets."),
        (
            [usual("a"), usual("b"), failure("c")],
            "Nothing unusual: no host that was read holds more than 5 closed sockets.",
        ),
        (
            [leaking("a", 0), leaking("b", 0), failure("c")],
            "Nothing unusual: no host that was read holds a closed socket.",
        ),
        ([failure("a")], "No host could be read."),
        ([reading("a", {"inuse": 3})], "No host gave the numbers that tell of closed sockets."),
    ],
)
def test_the_verdict_is_one_sentence(outcomes, sentence):
    assert last_lines(shown(outcomes))[0].startswith(sentence)


def test_the_verdict_names_the_most_severe_first():
    memory = reading(
        "db", {"inuse": 9, "mem": 99, "alloc": 9}, kernel=Kernel(tcp_mem=(1, 50, 100)),
        scope=Scope.ALL_NAMESPACES,
    )  # fmt: skip
    sentence, command = last_lines(shown([memory, leaking("a", 500)]))
    assert sentence.startswith("mem-high on db; a holds 500 closed sockets")
    assert command == [*COMMANDS.explain, "--host", "db"]


def held_by(*counts, denied=0):
    return Processes(
        seen=tuple(
            Process(pid=10 + n, command="php", namespace=1, tcp_close=count)
            for n, count in enumerate(counts)
        ),
        tool="python3",
        exact=True,
        denied=denied,
    )


def test_the_verdict_names_processes_where_they_are_known():
    found = [leaking("a", 500, processes=held_by(400, 100, 1)), usual("b")]
    given = NextCommands(**(vars_of(COMMANDS) | {"given": frozenset({"processes"})}))
    sentence, command = last_lines(shown(found, commands=given))
    assert sentence.startswith(
        "php (pid 10) on a holds 400 closed sockets and php (pid 11) on a 100"
    )
    assert command[-4:] == ["-l", "a", "--repeat", "0"]


def test_a_process_that_holds_little_is_not_the_holder():
    found = [leaking("a", 500, processes=held_by(3, denied=9)), usual("b")]
    assert last_lines(shown(found))[0].startswith("a holds 500 closed sockets")


def vars_of(commands):
    names = ("scan", "explain", "inventory", "limit", "given")
    return {name: getattr(commands, name) for name in names}


@pytest.mark.parametrize(
    ("outcomes", "given", "words"),
    [
        (fleet(7, 9), (), "-l leak6,leak5,leak4,leak3,leak2 --processes"),
        ([leaking("a", 500, processes=held_by(1, denied=3))], ["processes"], "-l a --become"),
        ([leaking("a", 500)], ["processes"], "--host a"),
        ([forced("a", 500)], (), "--host a"),
        ([leaking("-a", 500)], (), "--host=-a"),
        (fleet(0, 3), (), "-l web --repeat 0"),
        (fleet(0, 3, failed=2), (), "-l db0,db1 --failures"),
        (fleet(0, 3, failed=9), (), "-l web --failures"),
        (fleet(0, 3, failed=1), (), "-l web --repeat 0"),
    ],
)
def test_the_next_command_keeps_the_inventory_and_the_options(outcomes, given, words):
    commands = NextCommands(**(vars_of(COMMANDS) | {"given": frozenset(given)}))
    command = last_lines(shown(outcomes, commands=commands))[1]
    begin = COMMANDS.explain if "--host" in words else COMMANDS.scan
    assert command == [*begin, *words.split()]


def test_a_host_alone_that_cannot_be_read_leads_to_what_is_known_of_it():
    command = last_lines(shown([failure("db")]))[1]
    assert command == [*COMMANDS.inventory, "--host", "db"]


def test_hosts_that_all_fail_by_the_same_lead_to_what_is_known_of_the_first():
    hosts = [failure(name, message="key file x cannot be read") for name in ("db", "web")]
    assert last_lines(shown(hosts))[1] == [*COMMANDS.inventory, "--host", "db"]
    hosts += [failure("old", message="key file y cannot be read")]
    assert last_lines(shown(hosts))[1] == [*COMMANDS.scan, "-l", "db,old,web", "--failures"]


def test_numbers_have_separators_and_nothing_is_a_dot_at_a_terminal_only():
    text = shown([leaking("a", 15391), usual("b")])
    row = text.splitlines()[1].split()
    assert row[1:6] == ["15,391", "15,391", "·", "4", "·"]
    plain = shown([leaking("a", 15391), usual("b")], is_terminal=False)
    assert plain.splitlines()[1].split()[1:6] == ["15391", "15391", "0", "4", "0"]
    assert shown([leaking("a", 15391)], ascii=True).splitlines()[1].split()[3] == "0"


def test_a_rate_is_shown_from_ten_minutes_on():
    assert "PER_HOUR" not in shown(fleet(1, 3), earlier=599)
    assert "an hour" not in shown(fleet(1, 3), earlier=599)
    text = shown(fleet(1, 3), earlier=600)
    assert "PER_HOUR" in text
    assert "+5,970" in text


def test_a_change_is_coloured_by_its_direction():
    text = shown([leaking("a", 500), leaking("b", 2), usual("c")], earlier=600, color=True)
    assert "\x1b[33m+495\x1b[0m" in text
    assert "\x1b[32m-3\x1b[0m" in text
    assert "\x1b[2m·\x1b[0m" in text


def test_normal_rows_are_dim_and_a_finding_has_one_colour():
    text = shown([leaking("a", 500), usual("b")], color=True)
    first, second = text.splitlines()[1:3]
    assert first.startswith("a ")
    assert first.count("\x1b[31m") == 2, "the number and the word"
    assert COLOURS.sub("", re.sub(r"\x1b\[2m[^\x1b]*\x1b\[0m", "", second)).split() == []


def test_long_names_are_cut_in_the_middle_rather_than_columns_left_out():
    names = [f"app{n:02}.a-rather-long-name.of-a-data-centre.example.com" for n in range(3)]
    text = shown([usual(name) for name in names], width=80)
    heading, *rows = text.splitlines()[:4]
    assert "INUSE4+6" in heading
    assert "ALLOC" in heading
    assert all(re.match(rf"app0{n}\.\S*…\S*com ", rows[n]) for n in range(3))
    assert max(map(len, rows)) <= 80


def test_names_that_would_look_alike_are_not_cut():
    names = [f"the-beginning-is-the-same-{n}-and-so-is-the-long-end-of-it" for n in "ab"]
    text = shown([usual(name) for name in names], width=60)
    assert all(f"{name}\n" in text for name in names)


@pytest.mark.parametrize(
    ("sizes", "title"),
    [
        ([], "MEM_KIB"),
        ([4096, None, 99_999 * 1024], "MEM_KIB"),
        ([4096, 100_000 * 1024], "MEM_MIB"),
        ([2**62], "MEM_TIB"),
    ],
)
def test_memory_has_one_unit(sizes, title):
    assert memory_unit(sizes).title == title


def test_little_memory_is_not_none():
    unit = memory_unit([2**40])
    assert unit.format(4096, 1) == "<1"
    assert unit.format(0, 0) == 0
    assert unit.format(None, 40) == "40 pages"
