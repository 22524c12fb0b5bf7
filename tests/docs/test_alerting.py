"""docs/alerting.md: its commands in their order, its rules, and a section for each alert."""

from __future__ import annotations

import os
import re
import subprocess
from itertools import chain

import pytest
import yaml

from sockfleet.alerting.rules import read_rule
from sockfleet.alerting.rules.keys import KEYS_OF
from sockfleet.alerting.rules.load import shipped_rules
from sockfleet.alerting.rules.placeholders import WORDS
from tests.support.monitoring.json_receiver import run_json_receiver
from tests.support.monitoring.prometheus import RULES
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/alerting.md").read_text()
SHIPPED = yaml.safe_load(shipped_rules())
LINK = "https://docs.example.org/sockfleet/alerting.html#"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


SINKS, TEST_PAGE, EXAMPLE = blocks("yaml")
LINES = [line for block in blocks("sh") for line in block.splitlines()]


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    rows = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([\w-]+)`", row)]


def run(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line], env=os.environ, capture_output=True, text=True, check=False
    )


def test_the_commands_work_in_their_order_and_the_phone_rings(desk, monkeypatch):
    monkeypatch.setenv("SOCKFLEET_STORE", str(desk / "history.db"))
    with run_json_receiver() as phone:
        (desk / "phone.url").write_text(f"json://127.0.0.1:{phone.port}/phone")
        (desk / "phone.url").chmod(0o600)
        (desk / "test.yml").write_text(TEST_PAGE)
        answers = {}
        for line in LINES:
            done = run(line)
            assert (done.returncode, done.stderr) == (0, ""), line
            answers[line] = done.stdout
            if "--print-rules" in line:
                rules = (desk / "rules.yml").read_text()
                assert "sinks: {}\n" in rules
                (desk / "rules.yml").write_text(rules.replace("sinks: {}\n", SINKS))
        rung = phone.received.get(timeout=1)
        assert rung.path == "/phone"
        assert "a test: sockfleet reaches you; hosts that were read: 1" in str(rung.document)
        assert phone.received.empty()
    checked = answers["sockfleet alert --check rules.yml"]
    assert checked.startswith(f"rules.yml: {len(SHIPPED['rules'])} rules, 2 sinks, ")
    replayed = answers["sockfleet alert rules.yml --since 7d --dry-run"]
    assert "would have sent" in replayed


def test_the_line_for_cron_scans_and_judges(desk, monkeypatch):
    monkeypatch.setenv("SOCKFLEET_STORE", str(desk / "history.db"))
    (text,) = blocks("text")
    line = re.sub(r"/(?:etc|var|run)/(?:\w+/)+", "", text.split("sockfleet ", 1)[1])
    (desk / "rules.yml").write_text(shipped_rules().decode())
    done = run(line)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (desk / "scan.json").exists()


def test_the_rule_of_the_page_has_no_fault(desk):
    (desk / "rules.yml").write_text(EXAMPLE)
    done = run("sockfleet alert --check rules.yml")
    assert done.stdout == "rules.yml: 1 rule, 1 sink, 1 example: no fault\n", done.stderr


def test_every_key_of_a_rule_is_described():
    described = set(first_cells(section("Rules")))
    assert described == {*read_rule._KEYS, *read_rule._CONDITION}


def test_the_numbers_and_words_of_the_page_exist():
    row = next(line for line in section("Rules").splitlines() if line.startswith("| `measure`"))
    named = re.findall(r"`([a-z_]+(?:\.[\w.]+)?)`", row.split("|")[2])
    known = set(chain.from_iterable(KEYS_OF.values()))
    for name in set(named) - {"check"}:
        made = name.replace(".X", ".tcp_close").replace(".WORD", ".held-closed")
        assert made in known, name
    row = next(line for line in section("Rules").splitlines() if line.startswith("| `summary`"))
    assert set(re.findall(r"`(\w+)`", row.split("|")[2])) == set(WORDS)


def alerts() -> dict[str, str]:
    """Return each alert of the Prometheus rules with its runbook_url."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    every = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return {rule["alert"]: rule["annotations"]["runbook_url"] for rule in every}


def test_each_alert_of_prometheus_links_to_its_section():
    titles = re.findall(r"^### (Sockfleet\w+)$", PAGE, re.MULTILINE)
    # Headings become anchors in lower case, here and at every host of Markdown.
    assert {name: LINK + name.lower() for name in titles} == alerts()


@pytest.mark.parametrize("rule", SHIPPED["rules"], ids=lambda rule: rule["name"])
def test_each_rule_that_ships_links_to_the_section_that_names_it(rule):
    link, anchor = rule["runbook"].split("#")
    assert f"{link}#" == LINK
    found = re.findall(r"^###? (.+)\n((?:(?!##).*\n)*)", PAGE, re.MULTILINE)
    (text,) = [text for title, text in found if title.lower().replace(" ", "-") == anchor]
    assert f"`{rule['name']}`" in text


def test_the_commands_of_the_rules_that_ship_change_their_links(tmp_path):
    rules = tmp_path / "rules.yml"
    rules.write_bytes(shipped_rules())
    commands = re.findall(r"^#     (sed .*) rules\.yml$", shipped_rules().decode(), re.MULTILINE)
    assert len(commands) == 2
    for line in commands:
        assert run(f"{line} {rules}").returncode == 0
    changed = yaml.safe_load(rules.read_text())
    assert not any("runbook" in rule for rule in changed["rules"])
    assert "https://wiki" in rules.read_text()


def test_the_files_that_the_page_names_exist():
    named = re.findall(r"`((?:prometheus|alertmanager|grafana)/[\w.-]+)`", PAGE)
    assert len(named) == 4
    assert [name for name in named if not (ROOT / "examples" / name).is_file()] == []


def test_the_configuration_takes_the_keys_that_the_page_names(desk):
    (save, alert) = re.findall(r"`((?:save|alert) = [^`]+)`", PAGE)
    (desk / "rules.yml").write_bytes(shipped_rules())
    configuration = desk / "sockfleet.toml"
    configuration.write_text(f'[profile.cron]\nstore = "profile.db"\n{save}\n{alert}\n')
    configuration.chmod(0o644)
    options = "--config sockfleet.toml --profile cron"
    assert run(f"sockfleet config --check {options}").returncode == 0
    done = run(f"sockfleet scan inventory.yml -q -o scan.json {options}")
    assert (done.returncode, done.stderr) == (0, "")
    assert (desk / "profile.db").exists()
