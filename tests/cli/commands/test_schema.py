"""``sockfleet schema`` describes the output of ``sockfleet scan``."""

import json

import pytest
from jsonschema import Draft202012Validator

from tests.support.cli.command_line import run_command
from tests.support.paths import EXAMPLES

THIS_MACHINE = EXAMPLES / "this-machine.yml"


@pytest.fixture
def sockfleet(monkeypatch, capfdbinary):
    def run(name, *arguments):
        return run_command(name, *arguments, monkeypatch=monkeypatch, captured=capfdbinary)

    return run


@pytest.mark.parametrize("options", [(), ("--processes",), ("--no-namespaces",)])
def test_a_real_scan_conforms_to_the_schema(sockfleet, options):
    _, schema, _ = sockfleet("schema")
    code, document, _ = sockfleet("scan", THIS_MACHINE, "-f", "json", *options)
    assert code == 0
    Draft202012Validator(json.loads(schema)).validate(json.loads(document))


def test_each_ndjson_line_conforms_to_its_schema(sockfleet):
    _, schema, _ = sockfleet("schema", "ndjson")
    code, lines, _ = sockfleet("scan", THIS_MACHINE, "nobody.invalid,", "-f", "ndjson")
    assert code == 3
    assert len(lines.splitlines()) == 3
    for line in lines.splitlines():
        Draft202012Validator(json.loads(schema)).validate(json.loads(line))


def test_a_document_without_a_schema_is_a_usage_error(sockfleet):
    code, out, err = sockfleet("schema", "csv")
    assert (code, out) == (2, "")
    assert "'csv' is not one of 'scan', 'ndjson'" in err
