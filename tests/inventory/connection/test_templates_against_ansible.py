"""Templates must have the values that ansible-core gives them, or be refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from sockfleet.inventory.connection.template_process import TemplateEnvironment, evaluate
from sockfleet.inventory.connection.templates import make_context
from sockfleet.inventory.models import Inventory
from sockfleet.inventory.sources.load import load_inventory
from tests.support.inventory.ansible_reference import run_ansible
from tests.support.made_examples import make_examples
from tests.support.paths import CORPUS


def evaluate_all(inventory: Inventory) -> dict[str, dict[str, Any]]:
    environment = TemplateEnvironment()
    return {
        name: {
            variable: evaluate(environment, variable, make_context(host, [variable]))
            for variable in host.variables
        }
        for name, host in inventory.hosts.items()
    }


def test_the_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = CORPUS / "templates"
    monkeypatch.chdir(folder)
    ours = evaluate_all(load_inventory(["hosts.yml"]))
    question = {"cwd": str(folder), "sources": ["hosts.yml"], "values": True}
    theirs = run_ansible([question])[0]["values"]
    assert ours.keys() == theirs.keys()
    for host, values in ours.items():
        for name, value in values.items():
            if name.startswith("only_"):
                assert "value" in theirs[host][name], name
                assert "Ansible" in value["error"], name
            elif "error" in value:
                assert "error" in theirs[host][name], (host, name, value, theirs[host][name])
            else:
                assert value == theirs[host][name], (host, name)


LITERALS = st.sampled_from(["1", "0", "2.5", "'a.b'", "''", "true", "none", "[1, 'x']", "{'k': 1}"])
NAMES = st.sampled_from(["text", "number", "lists", "mapping", "indirect", "missing", "mapping.k"])
FILTERS = st.sampled_from(
    [
        *("upper", "default('d')", "length", "int", "string", "list", "first", "join('-')", "trim"),
        *("replace('a', 'b')", "last", "sort", "lower", "float", "title", "reverse | list"),
    ]
)
OPERATORS = st.sampled_from(["+", "~", "==", "and", "or", "*"])
SIMPLE = LITERALS | NAMES
EXPRESSIONS = st.one_of(
    SIMPLE,
    st.builds("{} | {}".format, SIMPLE, FILTERS),
    st.builds("{} | {} | {}".format, SIMPLE, FILTERS, FILTERS),
    st.builds(
        "{} {} {}".format, SIMPLE, st.sampled_from(["+", "~", "==", "and", "or", "*"]), SIMPLE
    ),
    st.builds("{} if {} else {}".format, SIMPLE, SIMPLE, SIMPLE),
    st.builds("{} is {}".format, SIMPLE, st.sampled_from(["defined", "none", "number", "string"])),
)
PARTS = st.one_of(
    st.builds("{{{{ {} }}}}".format, EXPRESSIONS),
    st.builds("{{% if {} %}}x{{% endif %}}".format, EXPRESSIONS),
    st.builds("{{% for i in {} %}}{{{{ i }}}},{{% endfor %}}".format, SIMPLE),
    st.sampled_from(["-", " ", "web", "\n", "{# c #}", "{{- number -}}"]),
)
TEMPLATES = st.lists(PARTS, min_size=1, max_size=3).map("".join)


def test_made_up_templates(tmp_path: Path) -> None:
    templates = make_examples(TEMPLATES, 300)
    variables: dict[str, Any] = {
        "text": "aXb",
        "number": 7,
        "lists": ["b", "{{ text }}"],
        "mapping": {"k": "{{ number }}", "z": None},
        "indirect": "{{ lists }}",
    } | {f"v{number}": template for number, template in enumerate(templates)}
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"web1": variables}}}))
    ours = evaluate_all(load_inventory([str(tmp_path / "hosts.yml")]))["web1"]
    question = {"cwd": str(tmp_path), "sources": ["hosts.yml"], "values": True}
    theirs = run_ansible([question])[0]["values"]["web1"]
    different = {
        variables[name]: (value, theirs[name])
        for name, value in ours.items()
        if ("error" not in theirs[name] if "error" in value else value != theirs[name])
    }
    assert not different, "\n".join(f"{text!r}: {both}" for text, both in different.items())
