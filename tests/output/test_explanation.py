"""The arithmetic in plain words."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.sockstat import Sockstat, parse_sockstat
from sockfleet.output.explanation import OneHost, explanation
from sockfleet.output.formats import RenderOptions

WORKED = Path(__file__).parents[1] / "fixtures" / "worked-example"
counters = st.none() | st.integers(0, 2**40)


def told(sockstat, sockstat6=None, *, is_ipv6_off=True, page_size=None, **options):
    host = OneHost(
        origin="a host",
        sockstat=sockstat,
        sockstat6=sockstat6,
        is_ipv6_off=is_ipv6_off,
        page_size=page_size,
    )
    return explanation(host, RenderOptions(**options)).decode()


def worked(**more):
    return told(
        parse_sockstat((WORKED / "sockstat").read_bytes()),
        parse_sockstat((WORKED / "sockstat6").read_bytes()),
        **more,
    )


def test_the_worked_example(golden):
    text = worked(width=80, page_size=4096)
    assert "247 - (143 + 4 - 38) = 138" in text
    assert "= 247 - 147 = 100" in text
    golden("explain-worked-example.txt", text)


def test_the_worked_example_in_ascii_and_in_a_pipe(golden):
    text = worked(ascii=True)
    assert text.isascii()
    golden("explain-worked-example-pipe.txt", text)


def test_colour_changes_nothing_but_the_colour():
    coloured = worked(width=80, color=True)
    assert "\x1b[1m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == worked(width=80)


def sockstat(**tcp):
    return Sockstat({"TCP": {name: value for name, value in tcp.items() if value is not None}})


@given(counters, counters, counters, counters, st.booleans())
def test_every_sum_that_is_shown_is_right_and_none_is_made_up(alloc, inuse, tw, inuse6, ipv6):
    six = Sockstat({"TCP6": {} if inuse6 is None else {"inuse": inuse6}}) if ipv6 else None
    text = told(sockstat(alloc=alloc, inuse=inuse, tw=tw), six)
    for step in re.findall(r"^  \d\. (.*)$", text, re.MULTILINE):
        _, *sides = step.rsplit(" = ", 2)
        numbers = [side for side in sides if "inuse" not in side and "not given" not in side]
        if len(numbers) == 2:
            # The text has integers, + - and brackets only: what is shown must add up.
            assert re.fullmatch(r"[0-9 +()-]+", "".join(numbers))
            assert eval(numbers[0]) == eval(numbers[1])
    known = None not in (alloc, inuse) and not (ipv6 and inuse6 is None)
    assert ("tcp_close is not known" not in text) == known


@pytest.mark.parametrize(
    ("tcp", "words"),
    [
        ({"alloc": 5, "inuse": 5, "tw": 0}, "nothing leaks here"),
        ({"alloc": 4, "inuse": 5, "tw": 0}, "tcp_close is -1: the files were read one after"),
        ({"alloc": 9, "inuse": 5, "tw": 0}, "At most 4 TCP sockets (44 % of alloc)"),
        ({"inuse": 5, "tw": 0}, "tcp_close is not known"),
        ({"alloc": 9, "inuse": 5}, "tw = not given"),
    ],
)
def test_what_it_means(tcp, words):
    assert words in told(sockstat(**tcp))


def test_a_missing_sockstat6_is_told_by_where_it_is_missing():
    assert "There is no sockstat6: IPv6 is off" in told(sockstat(alloc=1))
    assert "right only where IPv6 is off" in told(sockstat(alloc=1), is_ipv6_off=False)


def test_a_file_without_a_tcp_line():
    text = told(Sockstat({"sockets": {"used": 3}}))
    assert "There is no TCP line." in text
    assert "alloc = not given" in text
