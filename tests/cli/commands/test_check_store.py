"""``sockfleet check`` with levels on numbers that only the scans of a store give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from click.testing import CliRunner

from sockfleet.aggregator.document_writer import to_document
from sockfleet.cli.main import cli
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import save_scan
from tests.support.history.made_scans import host_summary, scan_of


@pytest.fixture
def check(tmp_path):
    """Check the last of some scans by levels; ``saved``: they are in the store."""

    def run(*words, saved=True):
        begin = datetime.now(UTC) - timedelta(hours=30)
        for number in range(30):
            last = number == 29
            hosts = [
                host_summary("odd", 900 if last else 100 + number % 3),
                host_summary("away", None if number > 26 else 5),
            ]
            scan = scan_of(hosts, begin + timedelta(hours=number))
            if saved:
                with use_store(str(tmp_path / "h.db"), create=True) as store:
                    save_scan(store, scan)
        path = tmp_path / "fleet.json"
        path.write_bytes(orjson.dumps(to_document(scan)))
        words = ("check", "--from", str(path), "--store", str(tmp_path / "h.db"), *words)
        return CliRunner().invoke(cli, [*words, "-w", "failed=9", "--max-age", "0"])

    return run


def test_a_number_is_that_of_the_host_where_it_is_worst(check):
    result = check("-c", "past.tcp_close=10", "-w", "unread_scans=5")
    assert result.exit_code == 2
    assert "past.tcp_close" in result.output.splitlines()[0]
    assert "odd" in result.output.splitlines()[0]
    assert check("-w", "unread_scans=2").exit_code == 1


def test_without_a_store_it_is_unknown_and_says_why(check):
    result = check("-w", "past.tcp_close=10", saved=False)
    assert result.exit_code == 3
    assert "past.tcp_close is a number of the scans of a store" in result.output
    assert "sockfleet scan --save makes it" in result.output


def test_the_age_of_a_scan_is_a_number_too(check):
    assert check("-w", "age_s=60").exit_code == 1
    assert check("-w", "age_s=86400").exit_code == 0
