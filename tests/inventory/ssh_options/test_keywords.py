from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.ssh_options.arguments import read_option
from sockfleet.inventory.ssh_options.keywords import IgnoredOptions, select_effective
from tests.support.ssh.ssh_reference import effective_options

# They make a login safer or change the route to the host, so ignoring them would be wrong.
REFUSED = {"casignaturealgorithms", "requiredrsasize", "bindinterface", "tag", "include"}
# ssh -G also prints these, which are not in ssh_config(5); the gssapi ones are a patch of Debian.
NO_OPTIONS = {"host", "gssapikeyexchange", "gssapitrustdns", "gssapirenewalforcesrekey"}
NO_OPTIONS |= {"gssapikexalgorithms", "gssapiclientidentity", "gssapiserveridentity"}


def test_every_option_that_ssh_prints_is_supported_ignored_or_refused() -> None:
    settled = effective_options(["-F", "none", "web1"])
    assert len(settled) > 60
    undecided = []
    for keyword, (value, *_) in settled.items():
        if keyword in NO_OPTIONS:
            continue
        try:
            select_effective([read_option(f"{keyword} {value}", "args")], IgnoredOptions())
        except InventoryError:
            undecided.append(keyword)
    assert set(undecided) <= REFUSED


@pytest.mark.parametrize("keyword", sorted(REFUSED))
def test_deliberately_refused_options(keyword: str) -> None:
    with pytest.raises(InventoryError, match=f"'{keyword}' is refused"):
        select_effective([read_option(f"{keyword} x", "args")], IgnoredOptions())


def test_the_first_takes_effect_and_files_accumulate() -> None:
    texts = ["port 1", "Port 2", "IdentityFile /a", "identityfile /b", "UserKnownHostsFile2 /k"]
    first, accumulated = select_effective(
        [read_option(text, "args") for text in texts], IgnoredOptions()
    )
    assert first["port"].text == "1"
    assert first["userknownhostsfile"].text == "/k"
    assert [option.text for option in accumulated["identityfile"]] == ["/a", "/b"]


@given(st.text(alphabet=st.characters(categories=("L", "N")), min_size=1, max_size=20))
def test_unknown_options_are_refused(keyword: str) -> None:
    try:
        option = read_option(f"{keyword}xyzzy 1", "args")
        select_effective([option], IgnoredOptions())
    except InventoryError as error:
        assert str(error).isprintable()
    else:
        pytest.fail("it was ignored")
