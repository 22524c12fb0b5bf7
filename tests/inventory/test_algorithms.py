from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.algorithms import DEFAULT_ALGORITHMS, algorithm_list


def test_a_plain_list_replaces_the_default() -> None:
    assert algorithm_list("Ciphers", "aes128-cbc,3des-cbc,aes128-cbc") == ("aes128-cbc", "3des-cbc")


def test_plus_appends_and_caret_puts_in_front() -> None:
    default = DEFAULT_ALGORITHMS["kexalgorithms"]
    old = "diffie-hellman-group1-sha1"
    assert algorithm_list("KexAlgorithms", f"+{old}") == (*default, old)
    assert algorithm_list("KexAlgorithms", f"^{old}") == (old, *default)
    last = default[-1]
    assert algorithm_list("KexAlgorithms", f"^{last}") == (last, *default[:-1])


def test_minus_takes_away_by_pattern() -> None:
    left = algorithm_list("MACs", "-*-etm@openssh.com")
    assert left == ("hmac-sha2-256", "hmac-sha2-512")
    with pytest.raises(ValueError, match="leaves no algorithm"):
        algorithm_list("MACs", "-*")


@pytest.mark.parametrize("text", ["", "+", "a,,b", "a b", "-a\n", "aes*", "+aes*", "a,-oX", "é"])
def test_what_is_no_algorithm_is_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r"no algorithm|leaves no"):
        algorithm_list("Ciphers", text)


def test_no_default_is_weak() -> None:
    everything = [name for names in DEFAULT_ALGORITHMS.values() for name in names]
    assert not [name for name in everything if name.endswith(("-sha1", "-cbc")) or "md5" in name]
    assert "ssh-rsa" not in everything


@given(st.sampled_from(sorted(DEFAULT_ALGORITHMS)), st.text(max_size=40))
def test_never_an_option_or_a_control_in_a_list(option: str, text: str) -> None:
    try:
        names = algorithm_list(option, text)
    except ValueError:
        return
    assert names
    assert all(name.isascii() and name.isprintable() for name in names)
    assert not [name for name in names if name.startswith(("-", "+", "^"))]
