from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.ssh_options.arguments import read_option
from sockfleet.inventory.ssh_options.keyword_table import KEYWORDS, OTHER_KEYWORDS, Effect
from sockfleet.inventory.ssh_options.keywords import IgnoredOptions, select_effective
from tests.support.ssh.ssh_reference import effective_options

# ssh -G also prints the host, which is no option. Of ssh_config(5) it prints no Match and Include.
NO_OPTIONS = {"host"}
# The GSSAPI keywords of key exchange are a patch of Debian; ssh elsewhere does not know them.
PATCHED = {"gssapiclientidentity", "gssapikexalgorithms", "gssapikeyexchange"}
PATCHED |= {"gssapirenewalforcesrekey", "gssapiserveridentity", "gssapitrustdns"}


def test_the_table_has_the_keywords_of_the_manual_page() -> None:
    done = subprocess.run(["man", "-w", "ssh_config"], capture_output=True, check=True, text=True)
    page = gzip.decompress(Path(done.stdout.strip()).read_bytes()).decode()
    described = re.findall(r"^\.It Cm (\w+)", page, re.MULTILINE)
    assert sorted(described) == sorted(keyword.name for keyword in KEYWORDS.values())


def test_the_table_has_every_keyword_that_ssh_prints() -> None:
    printed = set(map(str.lower, effective_options(["-F", "none", "web1"]))) - NO_OPTIONS
    assert len(printed) > 60
    assert printed <= KEYWORDS.keys()


def test_ssh_knows_every_keyword_of_the_table() -> None:
    for name in KEYWORDS.keys() - PATCHED - {"host", "match", "include"}:
        try:
            effective_options(["-F", "none", "-o", f"{name}=%", "web1"])
        except ValueError as error:
            assert "Bad configuration option" not in str(error)


# Whatever chooses the method, the keys or the algorithms of a login.
CHOOSES = re.compile(
    r".*(algorithms|authentications?)|ciphers?|macs|protocol|identit.*|certificatefile"
    r"|kbdinteractivedevices|pkcs11provider|securitykeyprovider|requiredrsasize"
)


def test_what_chooses_the_login_is_never_ignored_as_harmless() -> None:
    chosen = [keyword for name, keyword in KEYWORDS.items() if CHOOSES.fullmatch(name)]
    assert len(chosen) > 20
    assert [each.name for each in chosen if each.effect is Effect.HARMLESS] == []
    # Of other versions, those that ssh itself ignores: of SSH 1.
    theirs = effective_options(["-F", "none", "web1"])
    others = list(filter(CHOOSES.fullmatch, OTHER_KEYWORDS))
    assert "rsaauthentication" in others
    for name in others:
        assert effective_options(["-F", "none", "-o", f"{name}=no", "web1"]) == theirs, name


def test_the_table_decides_what_becomes_of_a_keyword() -> None:
    for name, keyword in KEYWORDS.items():
        if name in {"host", "match", "include", "ignoreunknown"}:
            continue
        ignored = IgnoredOptions()
        option = read_option(f"{keyword.name} odd", "args")
        if keyword.effect is Effect.REFUSED:
            with pytest.raises(InventoryError, match=f"{keyword.name} 'odd' is refused: "):
                select_effective([option], ignored)
        else:
            first, accumulated = select_effective([option], ignored)
            is_taken = name in first or bool(accumulated.get(name))
            assert is_taken is (keyword.effect is Effect.HONOURED)
            assert bool(ignored.notes()) is (keyword.effect is not Effect.HONOURED)
            is_named = any("is not honoured" in note for note in ignored.notes())
            assert is_named is (keyword.effect is Effect.LEFT_OUT)
        for value in keyword.harmless:
            ignored = IgnoredOptions()
            select_effective([read_option(f"{keyword.name} {value}", "args")], ignored)
            assert "changes nothing here" in ignored.notes()[0]


def test_what_ssh_does_by_default_is_never_refused() -> None:
    for keyword, (value, *_) in effective_options(["-F", "none", "web1"]).items():
        if keyword not in {*NO_OPTIONS, "casignaturealgorithms", "requiredrsasize"}:
            select_effective([read_option(f"{keyword} {value}", "args")], IgnoredOptions())


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
