"""``scan --save --alert``: a leak of a fleet of real SSH servers, from scan to sink."""

from __future__ import annotations

import base64
import json
import ssl
from contextlib import ExitStack

import pytest
from pagerduty import EventsApiV2Client
from standardwebhooks import Webhook

from sockfleet.simulator.fleet.process import FleetProcess
from tests.support.alerting.alertmanager import run_alertmanager
from tests.support.alerting.http_receiver import Reply, make_certificate, run_receiver
from tests.support.cli.command_line import run_command
from tests.support.mail_server import Received, run_mail_server

SCENARIO = """
seed: 1
roles:
  web:
    count: 3
    profile: web
    sockets: {{tcp_close: 5}}
  shop:
    count: 1
    profile: web
    {shop}
"""
OWN_SINK = '{type: command, command: [sh, -c, "cat >> received"]}'
RULES = """
version: 1
sinks: {sink: {type: command, command: [sh, -c, "cat >> received"]}}
rules:
  - name: held
    clear-after: 1 scan
    when: [{measure: tcp_close, warning: "~:500"}]
    summary: "{host}: {tcp_close:,} closed; {top_holder}"
"""


@pytest.fixture(scope="module")
def fleets(tmp_path_factory):
    """One fleet in three states: before a leak, with it, and with a host that does not answer."""
    folder = tmp_path_factory.mktemp("fleets")
    states = {
        "before": "sockets: {tcp_close: 10}",
        "leak": "sockets: {tcp_close: 810}",
        "away": "fault: password-only",
    }
    with ExitStack() as running:
        for name, shop in states.items():
            (folder / name).mkdir()
            scenario = folder / f"{name}.yml"
            scenario.write_text(SCENARIO.format(shop=shop))
            running.enter_context(FleetProcess(folder / name, scenario))
        yield folder


@pytest.fixture
def alertmanager(tmp_path):
    """A real Alertmanager that notifies a receiver."""
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    with run_receiver() as hook, run_alertmanager(folder, hook) as running:
        yield running


@pytest.fixture
def scan(fleets, tmp_path, monkeypatch, capsysbinary):
    """Scan, save and judge the fleet in one of its states, as cron does."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yml").write_text(RULES)
    current = tmp_path / "current"

    def run(state, *options):
        current.unlink(missing_ok=True)
        current.symlink_to(fleets / state)
        login = ["--known-hosts", "current/known_hosts", "--identity", "current/id_ed25519"]
        saved = ["--save", "--store", "h.db", "--alert", "rules.yml", "-o", "fleet.json"]
        words = ["current/inventory.yml", *login, *saved, *options]
        return run_command("scan", *words, monkeypatch=monkeypatch, captured=capsysbinary)

    return run


def received(folder):
    path = folder / "received"
    text, decoder, found = path.read_text() if path.exists() else "", json.JSONDecoder(), []
    while text:
        document, end = decoder.raw_decode(text)
        found += document["alerts"]
        text = text[end:].lstrip()
    return found


def test_a_leak_fires_stays_through_an_unread_scan_and_resolves(scan, tmp_path):
    assert scan("before")[0] == 0
    assert received(tmp_path) == []
    code, out, err = scan("leak")
    assert (code, out) == (0, "")
    assert "fires       held: shop" in err
    (fired,) = received(tmp_path)
    assert (fired["event"], fired["rule"]) == ("firing", "held")
    assert fired["evidence"] is not None
    assert scan("away", "-q")[0] == 3
    assert len(received(tmp_path)) == 1
    code, _, err = scan("before", "-q")
    assert (code, err) == (0, "")
    assert [one["event"] for one in received(tmp_path)] == ["firing", "resolved"]
    assert received(tmp_path)[1]["key"] == fired["key"]


def test_a_leak_reaches_a_real_alertmanager_and_stays_there_through_an_unread_scan(
    scan, tmp_path, alertmanager
):
    sink = f"{{type: alertmanager, urls: [{alertmanager.url}]}}"
    (tmp_path / "rules.yml").write_text(RULES.replace(OWN_SINK, sink))
    assert scan("before", "-q")[0] == 0
    assert alertmanager.query() == []
    assert scan("leak", "-q")[0] == 0
    fired = alertmanager.wait_for("firing", alertname="held")
    assert "closed" in fired["alerts"][0]["annotations"]["summary"]
    assert scan("away", "-q")[0] == 3
    (still,) = alertmanager.query("alertname=held")
    assert still["status"]["state"] == "active"
    assert scan("before", "-q")[0] == 0
    alertmanager.wait_for("resolved", alertname="held")
    assert alertmanager.query("alertname=held") == []
    statuses = [request.document["status"] for request in alertmanager.hook.requests]
    assert statuses == ["firing", "resolved"]


def test_a_leak_is_mailed_as_a_thread(scan, tmp_path):
    received = Received()
    with run_mail_server(received) as port:
        sink = (
            f"{{type: smtp, host: 127.0.0.1, port: {port}, from: sockfleet@example.org, "
            "to: [ops@example.org]}"
        )
        (tmp_path / "rules.yml").write_text(RULES.replace(OWN_SINK, sink))
        codes = [scan(state, "-q")[0] for state in ("before", "leak", "away", "before")]
    assert codes == [0, 0, 3, 0]
    fired, resolved = received.mails
    assert "held: shop" in fired["Subject"]
    assert resolved["In-Reply-To"] == fired["Message-ID"]
    assert fired["References"].split()[0] == resolved["References"].split()[0]


def test_a_leak_is_posted_with_a_signature_that_the_reference_verifies(scan, tmp_path):
    secret = f"whsec_{base64.b64encode(b'n' * 32).decode()}"
    (tmp_path / "hook.key").write_text(secret)
    (tmp_path / "hook.key").chmod(0o600)
    with run_receiver() as hook:
        sink = f"{{type: webhook, url: {hook.url}/hook, secret-file: hook.key}}"
        (tmp_path / "rules.yml").write_text(RULES.replace(OWN_SINK, sink))
        codes = [scan(state, "-q")[0] for state in ("before", "leak", "away", "before")]
    assert codes == [0, 0, 3, 0]
    documents = [Webhook(secret).verify(one.body, one.headers) for one in hook.requests]
    assert [one["alerts"][0]["event"] for one in documents] == ["firing", "resolved"]
    ids = [one.headers["webhook-id"] for one in hook.requests]
    assert len(set(ids)) == 2


def test_a_leak_opens_and_closes_an_incident_as_the_official_client_of_pagerduty_does(
    scan, tmp_path
):
    key = "0123456789abcdef0123456789abcdef"
    (tmp_path / "pagerduty.key").write_text(key)
    (tmp_path / "pagerduty.key").chmod(0o600)
    files = make_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(files[0]))
    with run_receiver(files) as hook:
        hook.usual = lambda _request: Reply(202, b'{"status": "success", "dedup_key": "any"}')
        sink = (
            f"{{type: pagerduty, url: {hook.url}/v2/enqueue, ca-file: {files[0]}, "
            "routing-key-file: pagerduty.key}"
        )
        (tmp_path / "rules.yml").write_text(RULES.replace(OWN_SINK, sink))
        codes = [scan(state, "-q")[0] for state in ("before", "leak", "away", "before")]
        assert codes == [0, 0, 3, 0]
        fired, resolved = [one.document for one in hook.requests]
        payload = dict(fired["payload"])
        assert "held: shop" in payload["summary"]
        with EventsApiV2Client(key, base_url=hook.url, verify=trust) as client:
            client.trigger(
                payload.pop("summary"),
                payload.pop("source"),
                dedup_key=fired["dedup_key"],
                severity=payload.pop("severity"),
                custom_details=payload.pop("custom_details"),
                payload=payload,
            )
            client.resolve(fired["dedup_key"])
        assert [fired, resolved] == [one.document for one in hook.requests[2:]]


def test_rules_with_a_fault_end_the_run_before_any_host_is_contacted(scan, tmp_path):
    (tmp_path / "rules.yml").write_text(RULES.replace("tcp_close,", "tcp_clos,"))
    code, _, err = scan("before")
    assert code == 2
    assert "rules.yml:7: rules[0].when[0].measure: no KEY 'tcp_clos' of a host" in err
    assert not (tmp_path / "fleet.json").exists()


def test_alert_without_save_is_refused(scan):
    code, _, err = scan("before", "--no-save")
    assert code == 2
    assert "--alert judges saved scans: add --save" in err


def test_a_sink_that_is_not_reached_gives_5_and_the_scan_is_saved(scan, tmp_path):
    (tmp_path / "rules.yml").write_text(RULES.replace("cat >> received", "exit 1"))
    scan("before")
    code, _, err = scan("leak")
    assert code == 5
    assert "error: sink sink: " in err
    assert json.loads((tmp_path / "fleet.json").read_bytes())["fleet"]["hosts"]["ok"] == 4
