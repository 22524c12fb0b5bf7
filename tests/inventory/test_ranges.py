"""Host patterns of inventories: ranges and ports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.ranges import MOST_NAMES, expand_host_pattern, split_port


@pytest.mark.parametrize(
    ("text", "names", "port"),
    [
        ("web1", ["web1"], None),
        ("web1:2222", ["web1"], 2222),
        ("web[1:3]", ["web1", "web2", "web3"], None),
        ("web[08:10:2]:22", ["web08", "web10"], 22),
        ("r[1:2]h[a:b]", ["r1ha", "r1hb", "r2ha", "r2hb"], None),
        ("n[9:11]x[9:10]", ["n9x9", "n9x10", "n10x9", "n10x10", "n11x9", "n11x10"], None),
        ("[y:B]", ["y", "z", "A", "B"], None),
        ("[:2]", ["0", "1", "2"], None),
        ("[2001:db8::1]:22", ["2001:db8::1"], 22),
        ("2001:db8::[a:b]", ["2001:db8::a", "2001:db8::b"], None),
        ("2001:db8::1", ["2001:db8::1"], None),
        ("fe80::1%eth0", ["fe80::1%eth0"], None),
        ("under_:22", ["under_:22"], None),
        ("", [""], None),
    ],
)
def test_names_and_port(text: str, names: list[str], port: int | None) -> None:
    assert expand_host_pattern(text, "here") == (names, port)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web[3:1]", "runs backwards"),
        ("web[c:a]", "runs backwards"),
        ("web[5:1:-2]", "step '-2'"),
        ("web[1:5:0]", "step '0'"),
        ("web[1:5:x]", "step 'x'"),
        ("web[01:100]", "2 digits"),
        ("web[1:]", r"range \[1:\]"),
        ("web[1]", r"range \[1\]"),
        ("web[1:2:3:4]", r"range \[1:2:3:4\]"),
        ("web[ab:cd]", "single letters"),
        ("web[1:b]", "two numbers or two"),
        ("web[1:２]", "two numbers or two"),
        ("web[1:2", r"begins a range"),
        ("web]1[1:2]", r"begins a range"),
        (f"web[0:{MOST_NAMES}]", "more than 1,000,000 hosts"),
        ("w[1:9999]x[1:9999]", "more than 1,000,000 hosts"),
    ],
)
def test_invalid_ranges_are_refused(text: str, message: str) -> None:
    """Ansible reads [3:1] as no host and [ab:cd] as a to c."""
    with pytest.raises(InventoryError, match=message) as caught:
        expand_host_pattern(text, "hosts.ini:7")
    assert caught.value.where == "hosts.ini:7"
    assert repr(text) in caught.value.problem or text in caught.value.problem


@given(st.integers(0, 5000), st.integers(0, 50), st.integers(1, 9), st.integers(0, 6))
def test_numbers(first: int, more: int, step: int, width: int) -> None:
    begin, end = str(first).zfill(width), str(first + more).zfill(width)
    if begin[0] == "0" and len(begin) not in (1, len(end)):
        return
    names, port = expand_host_pattern(f"a[{begin}:{end}:{step}]b", "here")
    assert port is None
    pad = len(begin) if begin[0] == "0" and len(begin) > 1 else 0
    assert names == [f"a{n:0{pad}d}b" for n in range(first, first + more + 1, step)]


@given(st.text("ab1[:]%.-_9 \x00é|", max_size=20))
def test_any_text_gives_names_or_an_inventory_error(text: str) -> None:
    try:
        names, port = expand_host_pattern(text, "here")
    except InventoryError:
        return
    assert names
    assert port is None or port >= 0
    assert not any("[" in name for name in names)


@given(st.text(max_size=30))
def test_split_port_keeps_the_whole_text(text: str) -> None:
    name, port = split_port(text)
    assert name == text if port is None else name in text
