"""docs/sinks.md: its sinks can be made, its settings exist, and its own receiver works."""

from __future__ import annotations

import base64
import json
import re

import pytest
import yaml

from sockfleet.alerting.sinks import registry
from sockfleet.alerting.sinks.registry import build_sinks
from sockfleet.alerting.sinks.settings import SinkSettings
from sockfleet.alerting.sinks.sink import Delivered
from tests.support.alerting.notifications import make_message
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/sinks.md").read_text()
SECRETS = {
    "pagerduty.key": "0123456789abcdef",
    "hook.key": f"whsec_{base64.b64encode(b'k' * 32).decode()}",
    "slack.url": "json://127.0.0.1:9/",
    "healthchecks.url": "https://hc-ping.com/uuid",
}


def section(title):
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def settings_in(text):
    """The settings in the first column of a table."""
    rows = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([\w-]+)`", row)]


def test_the_sinks_at_its_top_can_be_made(tmp_path):
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(secret)
        (tmp_path / name).chmod(0o600)
    (text,) = re.findall(r"```yaml\n(sinks:.*?)```", PAGE, re.DOTALL)
    document = yaml.safe_load(text.replace("/usr/local/bin/page", "/bin/cat"))["sinks"]
    built = build_sinks(document, tmp_path)
    assert [str(fault) for fault in built.faults] == []
    assert {each["type"] for each in document.values()} == set(registry._OWN)


@pytest.mark.parametrize("kind", sorted(registry._OWN))
def test_its_settings_are_those_of_the_type(tmp_path, kind):
    documented = set(settings_in(section(kind)))
    if kind in {"alertmanager", "webhook", "pagerduty", "heartbeat"}:
        documented |= set(settings_in(section("Over HTTP")))
    settings = SinkSettings("s", {"type": kind}, tmp_path, {})
    registry._load_notifier(kind).build(settings)
    # A secret's name without -file or -env is a setting only to say that it is none.
    secrets = {name.removesuffix("-file") for name in documented if name.endswith("-file")}
    known = set(settings._known) - {"type"} - (secrets - documented)
    assert documented == known


def test_the_receiver_of_a_package_works_as_it_stands(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", section("Your own"), re.DOTALL)
    names = {}
    exec(code, names)
    settings = SinkSettings("log", {"type": "file", "file": "alerts"}, tmp_path)
    sink = names["FILE"].build(settings)
    settings.note_unknown_keys()
    assert settings.faults == []
    assert sink.send(make_message()) == Delivered()
    (line,) = (tmp_path / "alerts").read_text().splitlines()
    assert json.loads(line)["alerts"][0]["rule"] == "closed-sockets-grow"
