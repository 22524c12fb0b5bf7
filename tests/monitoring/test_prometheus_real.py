"""From a scan to an alert through the real node_exporter, Prometheus and Alertmanager."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.monitoring.json_receiver import Posted, run_json_receiver
from tests.support.monitoring.leaking_fleet import scan_fleet
from tests.support.monitoring.prometheus import (
    RULES,
    load_history,
    query_by_host,
    run_node_exporter,
    run_prometheus,
    run_shipped_alertmanager,
    wait_until,
)
from tests.support.paths import EXAMPLES

TESTS = EXAMPLES / "prometheus" / "sockfleet-rules-test.yml"
WEB = [f"web{n}" for n in range(1, 5)]
GROW, APART = "SockfleetClosedSocketsGrow", "SockfleetClosedSocketsGrowApart"


@pytest.mark.parametrize(
    "job",
    [
        ["check", "rules", RULES],
        ["test", "rules", TESTS],
        ["check", "config", EXAMPLES / "prometheus/prometheus.yml"],
    ],
)
def test_promtool_accepts_the_shipped_files(job):
    done = subprocess.run(["promtool", *job], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def starts(posted: Posted) -> list[str]:
    return [alert["startsAt"] for alert in posted.document["alerts"]]


def test_a_simulated_leak_fires_stays_through_an_unread_scan_and_resolves(tmp_path):
    textfiles = tmp_path / "textfiles"
    textfiles.mkdir()
    target = textfiles / "fleet.prom"
    scan_fleet(tmp_path / "leaking", leaked=900, to=target)
    with (
        run_node_exporter(textfiles) as exporter,
        run_json_receiver() as receiver,
        run_shipped_alertmanager(tmp_path, receiver) as alertmanager,
    ):
        load_history(
            target.read_text(),
            tmp_path,
            instance=f"127.0.0.1:{exporter}",
            hours=8,
            grows=lambda metric, host: (metric, host) == ("sockfleet_host_tcp_close", "shop"),
        )
        with run_prometheus(tmp_path, exporter=exporter, alertmanager=alertmanager) as port:
            fired = receiver.wait_for("firing", alertname=APART, host="shop")
            assert fired.path == "/mail"
            assert fired.document["commonAnnotations"]["runbook_url"].endswith(f"#{APART.lower()}")
            up = dict.fromkeys([*WEB, "shop"], 1) | {"old": 0}
            assert query_by_host(port, "sockfleet_host_up") == up
            closed = dict.fromkeys(WEB, 100) | {"shop": 900}
            assert query_by_host(port, "sockfleet_host_tcp_close") == closed
            assert query_by_host(port, "node_textfile_scrape_error") == {"": 0}
            firing = f'ALERTS{{alertname=~"{GROW}|{APART}", alertstate="firing"}}'
            assert query_by_host(port, firing).keys() == {"shop"}

            began = f'ALERTS_FOR_STATE{{alertname="{GROW}"}}'
            since = query_by_host(port, began)
            scan_fleet(tmp_path / "away", leaked=None, to=target)
            ups = 'sum_over_time(sockfleet_host_up{host="shop"}[5s])'
            wait_until(lambda: query_by_host(port, ups) == {"shop": 0})
            assert query_by_host(port, "sockfleet_host_tcp_close").keys() == set(WEB)
            assert query_by_host(port, firing).keys() == {"shop"}
            assert query_by_host(port, began) == since

            scan_fleet(tmp_path / "mended", leaked=10, to=target)
            mended = receiver.wait_for("resolved", alertname=APART, host="shop")
            assert mended.path == "/mail"
            # The same incident: the gap ended none.
            assert starts(mended) == starts(fired)
            assert query_by_host(port, "sockfleet_host_tcp_close")["shop"] == 10
