from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.ssh_options.arguments import read_option
from sockfleet.inventory.ssh_options.keywords import OtherOptions, first_of_each
from tests.support.ssh.ssh_reference import effective_options

# They make a login safer or reach the host in another way: to pass over them would not be honest.
REFUSED = {"casignaturealgorithms", "requiredrsasize", "bindinterface", "tag", "include"}
# What ssh -G prints beside options of ssh_config(5); the gssapi ones are a patch of Debian.
NO_OPTIONS = {"host", "gssapikeyexchange", "gssapitrustdns", "gssapirenewalforcesrekey"}
NO_OPTIONS |= {"gssapikexalgorithms", "gssapiclientidentity", "gssapiserveridentity"}


def test_there_is_a_decision_about_every_option_that_ssh_settles() -> None:
    settled = effective_options(["-F", "none", "web1"])
    assert len(settled) > 60
    undecided = []
    for keyword, (value, *_) in settled.items():
        if keyword in NO_OPTIONS:
            continue
        try:
            first_of_each([read_option(f"{keyword} {value}", "args")], OtherOptions())
        except InventoryError:
            undecided.append(keyword)
    assert set(undecided) <= REFUSED


@pytest.mark.parametrize("keyword", sorted(REFUSED))
def test_these_are_refused_on_purpose(keyword: str) -> None:
    with pytest.raises(InventoryError, match=f"'{keyword}' is refused"):
        first_of_each([read_option(f"{keyword} x", "args")], OtherOptions())


def test_the_first_counts_and_files_add_up() -> None:
    texts = ["port 1", "Port 2", "IdentityFile /a", "identityfile /b", "UserKnownHostsFile2 /k"]
    first, accumulated = first_of_each(
        [read_option(text, "args") for text in texts], OtherOptions()
    )
    assert first["port"].text == "1"
    assert first["userknownhostsfile"].text == "/k"
    assert [option.text for option in accumulated["identityfile"]] == ["/a", "/b"]


@given(st.text(alphabet=st.characters(categories=("L", "N")), min_size=1, max_size=20))
def test_an_option_nobody_knows_is_refused(keyword: str) -> None:
    try:
        option = read_option(f"{keyword}xyzzy 1", "args")
        first_of_each([option], OtherOptions())
    except InventoryError as error:
        assert str(error).isprintable()
    else:
        pytest.fail("it was passed over")
