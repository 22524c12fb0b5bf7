from __future__ import annotations

import pytest

from sockfleet.inventory.connection.secret_variables import (
    HIDDEN,
    is_secret,
    with_secrets_hidden,
    without_secrets,
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
def test_names_that_only_look_like_it(name: str) -> None:
    assert not is_secret(name)


def test_secrets_are_hidden_wherever_they_stand() -> None:
    variables = {
        "ansible_password": "s3",
        "empty_password": "",
        "null_token": None,
        "db": {"password": "s3", "name": "x", 1: "one"},
        "users": [{"passwd": "s3"}, "plain"],
    }
    assert with_secrets_hidden(variables) == {
        "ansible_password": HIDDEN,
        "empty_password": "",
        "null_token": None,
        "db": {"password": HIDDEN, "name": "x", 1: "one"},
        "users": [{"passwd": HIDDEN}, "plain"],
    }
    assert variables["ansible_password"] == "s3"


def test_without_secrets_copies_only_where_there_are_some() -> None:
    plain = {"a": 1}
    assert without_secrets(plain) is plain
    assert without_secrets({"a": 1, "db_password": "s3"}) == {"a": 1}
