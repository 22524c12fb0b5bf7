"""Values of YAML and JSON text."""

from __future__ import annotations

import json
from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.sources.yaml_text import NeedsAnsible, parse_yaml

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.dates()
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(plain)
def test_values_are_those_of_the_safe_loader(value: object) -> None:
    text = yaml.safe_dump(value)
    assert parse_yaml(text, "f") == yaml.safe_load(text)


@given(st.text())
def test_any_text_gives_a_value_or_an_inventory_error(text: str) -> None:
    try:
        parse_yaml(text, "f.yml")
    except (InventoryError, NeedsAnsible) as error:
        assert error.where.startswith("f.yml")


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.floats(allow_nan=False)))
def test_json_is_json(value: dict[str, object]) -> None:
    assert parse_yaml(json.dumps(value), "f") == value


def test_json_is_tried_before_yaml() -> None:
    assert parse_yaml('{"a": 1e3}', "f") == {"a": 1000.0}
    assert parse_yaml("a: 1e3", "f") == {"a": "1e3"}


def test_empty_documents_are_none() -> None:
    assert parse_yaml("", "f") is None
    assert parse_yaml("# nothing\n---\n", "f") is None


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yml:3", "key 'a' appears twice"),
        ('{"a": {"b": 1,\n "b": 2}}', "f.yml:2", "key 'b' appears twice"),
        ("all:\n  hosts:\n   - {x: 1, 1: 2, 0x1: 3}\n", "f.yml:3", "key 1 appears twice"),
        ("x: &a 1\ny: {<<: {q: 1}, q: 2, q: 3}\n", "f.yml:2", "key 'q' appears twice"),
    ],
)
def test_duplicate_keys_are_refused(text: str, where: str, message: str) -> None:
    """Ansible warns and keeps the last one."""
    with pytest.raises(InventoryError, match=message) as caught:
        parse_yaml(text, "f.yml")
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: [1, 2\nb: 3\n", "f.yml:2", "not valid YAML at column"),
        ("a:\n\tb: 1\n", "f.yml:2", "cannot start any token"),
        ("a: 1\n b: 2\n", "f.yml:2", "mapping values are not allowed"),
        ("--- 1\n--- 2\n", "f.yml:2", "another document"),
        ("a: *nowhere\n", "f.yml:1", "undefined alias"),
        ("a: \x00\n", "f.yml", "not valid YAML"),
        ("a: !custom 1\n", "f.yml:1", "tag '!custom'"),
        ("a: !!python/object:os.system x\n", "f.yml:1", "python/object"),
        ("a: !!binary aGk=\n", "f.yml:1", "binary"),
        ("a: 2020-13-45\n", "f.yml:1", "cannot read '2020-13-45'"),
        ("a: !!int x\n", "f.yml:1", "cannot read 'x'"),
        ("? [1, 2]\n: 3\n", "f.yml:1", "as a key"),
        ("a: &x [*x]\n", "f.yml:1", "holds itself"),
        ("a: &x {<<: *x}\n", "f.yml:1", "holds itself"),
        ("a: {<<: 5}\n", "f.yml:1", "expected a mapping"),
        ("[" * 100_000, "f.yml", "nested too deeply"),
        ("- " * 100_000, "f.yml", "nested too deeply"),
        ('{"a": ' * 100_000, "f.yml", "nested too deeply"),
    ],
)
def test_errors_name_the_line(text: str, where: str, message: str) -> None:
    with pytest.raises(InventoryError, match=message) as caught:
        parse_yaml(text, "f.yml")
    assert caught.value.where == where


def test_merge_keys_and_aliases() -> None:
    text = (
        "a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}\nc: {<<: [{x: 9}, *a], z: 1}\nd: *a\n"
        "e: {<<: {x: 1}, <<: {x: 2}}\nf: [&s t, *s]\n? &k key\n: *k\n"
    )
    assert parse_yaml(text, "f") == yaml.safe_load(text)


def test_aliases_of_aliases_stay_small() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    value = parse_yaml("\n".join(lines), "f")
    assert isinstance(value, dict)
    assert value["a59"][0] is value["a59"][1]


def test_tags_of_ansible() -> None:
    text = 'a: !unsafe "{{ x }}"\nb: !unsafe [1, {c: d}]\nc: !vault |\n  $ANSIBLE_VAULT;1.1\n  62\n'
    assert parse_yaml(text, "f") == {
        "a": "{{ x }}",
        "b": [1, {"c": "d"}],
        "c": {"__ansible_vault": "$ANSIBLE_VAULT;1.1\n62\n"},
    }
    assert parse_yaml('{"a": {"__ansible_unsafe": "{{ x }}"}}', "f") == {"a": "{{ x }}"}
    assert parse_yaml("a: !!set {1, 2}\nd: 2020-01-02", "f") == {"a": [1, 2], "d": date(2020, 1, 2)}


def test_an_encrypted_file_needs_ansible() -> None:
    with pytest.raises(NeedsAnsible, match="encrypted"):
        parse_yaml("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "f.yml")
