from __future__ import annotations

import pytest

from sockfleet.inventory.connection.secret_variables import (
    HIDDEN,
    hide_secrets,
    is_secret,
    remove_secrets,
)


@pytest.mark.parametrize(
    "name",
    [
        "ansible_password",
        "ansible_ssh_pass",
        "ansible_become_pass",
        "ansible_become_password",
        "ansible_paramiko_pass",
        "ansible_ssh_private_key",
        "ansible_private_key_passphrase",
        "DB_PASSWORD",
        "api_token",
        "password",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["ansible_ssh_private_key_file", "bypass", "compass", "password_mechanism", "tokens", "pass_x"],
)
def test_similar_names_that_are_no_secrets(name: str) -> None:
    assert not is_secret(name)


def test_hide_secrets_in_nested_values() -> None:
    variables = {
        "ansible_password": "s3",
        "empty_password": "",
        "null_token": None,
        "db": {"password": "s3", "name": "x", 1: "one"},
        "users": [{"passwd": "s3"}, "plain"],
    }
    assert hide_secrets(variables) == {
        "ansible_password": HIDDEN,
        "empty_password": "",
        "null_token": None,
        "db": {"password": HIDDEN, "name": "x", 1: "one"},
        "users": [{"passwd": HIDDEN}, "plain"],
    }
    assert variables["ansible_password"] == "s3"


def test_remove_secrets_copies_only_where_needed() -> None:
    plain = {"a": 1}
    assert remove_secrets(plain) is plain
    assert remove_secrets({"a": 1, "db_password": "s3"}) == {"a": 1}
