"""docs/security.md is true: its algorithms, options, tests and defaults are as named."""

from __future__ import annotations

import re

import pytest

from sockfleet.collector.ssh import algorithms
from sockfleet.collector.transport import OUTPUT_LIMIT, TransportSettings
from sockfleet.inventory.connection.defaults import ConnectionDefaults
from sockfleet.inventory.models import HostKeyPolicy, Probe
from sockfleet.output.formats import load_format
from tests.support.cli.command_line import known_options
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/security.md").read_text()


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ("key exchange", algorithms.KEX),
        ("ciphers", algorithms.CIPHERS),
        ("MACs", algorithms.MACS),
        ("host keys", algorithms.HOST_KEYS),
    ],
)
def test_the_algorithms_are_those_that_are_offered(row, names):
    assert f"| {row} | {', '.join(names)} |" in PAGE


def test_every_file_that_is_named_is_there():
    named = re.findall(r"`((?:tests|docs)/[\w./]+|ci-constraints\.txt|pyproject\.toml)`", PAGE)
    assert len(named) > 8
    for path in named:
        assert (ROOT / path).is_file(), path


def test_every_option_exists():
    foreign = {"--from", "--no-deps"}  # of authorized-key, which its own tests run, and pip-audit
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) - foreign <= known_options()


def test_the_defaults_are_as_the_page_says():
    assert TransportSettings().host_keys is HostKeyPolicy.STRICT
    assert ConnectionDefaults().agent is None
    assert ConnectionDefaults().allow_proxy_command is False
    assert ConnectionDefaults().probe is Probe.FULL
    assert OUTPUT_LIMIT == 256 * 1024
    assert {load_format(name).mode for name in ("table", "json", "ndjson", "csv")} == {0o600}
    assert load_format("prometheus").mode == 0o644


def test_the_policy_says_how_to_report():
    text = (ROOT / "SECURITY.md").read_text()
    assert "## Reporting" in text
    assert "## Supported versions" in text
    assert "docs/security.md" in text
