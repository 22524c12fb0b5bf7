"""The shipped configuration of Alertmanager: who gets which alert of the shipped rules."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from tests.support.monitoring.json_receiver import run_json_receiver
from tests.support.monitoring.prometheus import ALERTMANAGER, RULES, run_shipped_alertmanager


def amtool(*words: object) -> str:
    done = subprocess.run(["amtool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_amtool_accepts_the_file():
    assert "SUCCESS" in amtool("check-config", ALERTMANAGER)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=SockfleetClosedSocketsGrow", "severity=warning"], "mail"),
        (["alertname=SockfleetMemory", "severity=critical"], "phone"),
        (["alertname=SockfleetHostDown", "severity=warning"], "mail"),
        (["alertname=Watchdog", "severity=critical"], "mail"),
    ],
)
def test_an_alert_goes_to_its_receiver(labels, receiver):
    words = ["config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels]
    assert amtool(*words).strip() == receiver


def test_the_file_names_alerts_that_exist():
    rules = yaml.safe_load(RULES.read_text())["groups"]
    alerts = {rule["alert"] for group in rules for rule in group["rules"] if "alert" in rule}
    named = set()
    for rule in yaml.safe_load(ALERTMANAGER.read_text())["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            name, _, value = matcher.partition(' = "')
            if name == "alertname":
                named.add(value.strip('"'))
    assert named
    assert named <= alerts


def test_many_hosts_that_are_down_are_one_message(tmp_path):
    with (
        run_json_receiver() as receiver,
        run_shipped_alertmanager(tmp_path, receiver) as port,
    ):
        url = f"--alertmanager.url=http://127.0.0.1:{port}"
        common = ["job=node", "instance=scanner"]
        many = ["alertname=SockfleetManyHostsDown", "severity=critical", *common]
        amtool(url, "alert", "add", *many)
        for number in range(3):
            down = ["alertname=SockfleetHostDown", "severity=warning", f"host=web{number}"]
            amtool(url, "alert", "add", *down, *common)
        last = ["alertname=SockfleetMemory", "severity=critical", "host=web1", *common]
        amtool(url, "alert", "add", *last)
        # The group of the three hosts would notify before that of the last alert.
        posted = [receiver.received.get(timeout=60) for _ in range(2)]
        names = [each.document["commonLabels"]["alertname"] for each in posted]
        assert names == ["SockfleetManyHostsDown", "SockfleetMemory"]
        assert [each.path for each in posted] == ["/phone", "/phone"]
        alerts = json.loads(amtool(url, "--output=json", "alert", "query", "--inhibited"))
        inhibited = {one["labels"]["host"] for one in alerts if one["status"]["inhibitedBy"]}
        assert inhibited == {"web0", "web1", "web2"}
