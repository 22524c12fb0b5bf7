"""The benchmark beside Prometheus: a short run with real servers, and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest
import scrape
from exporters import Exporters

from tests.support.paths import ROOT

TRUTH = "TCP: inuse 1 orphan 0 tw 0 alloc {} mem 0"


@pytest.mark.long
def test_a_quick_run_measures_each_process_and_the_large_fleet():
    command = [sys.executable, str(ROOT / "bench" / "scrape.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Few hosts: the budgets of 500 hosts need not hold.
    assert done.returncode in {0, 1}, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.rpartition(" ms (")[0].rsplit(None, 1)[0] for line in lines[1:6]] == [
        "scrape by Prometheus",
        "sample with namespaces",
        "sample of both files",
        "with namespaces, unpaced",
        "of both files, unpaced",
    ]
    assert sum("budget 0.25" in line for line in lines) == 2
    assert lines[-1].startswith("100 hosts every 2 s with namespaces: ")
    assert lines[-1].endswith("; 100 connections stay open")


@pytest.mark.parametrize(("sample_ms", "code"), [(0.1, 0), (0.2, 1)])
def test_more_than_a_quarter_of_a_scrape_misses_the_budget(sample_ms, code, capsys):
    names = [*scrape.METHODS, *map(scrape.unpaced_name, scrape.METHODS)]
    times_ms = {scrape.SCRAPE: [0.4, 0.8], **{name: [sample_ms, 0.2] for name in names}}
    assert scrape.exit_code(scrape.budgets(times_ms)) == code
    assert f"({min(sample_ms / 0.4, 0.25):.3f} to {max(sample_ms / 0.4, 0.25):.3f})" in (
        capsys.readouterr().out
    )


def test_numbers_of_another_target_are_detected(mocker):
    stored = [{"metric": {"instance": "a"}, "value": [0, "7"]}]
    mocker.patch.object(scrape, "query", return_value=stored)
    scrape.check_numbers(0, {"a": TRUTH.format(7)})
    with pytest.raises(SystemExit, match="a: 7 where 8 was due"):
        scrape.check_numbers(0, {"a": TRUTH.format(8)})
    with pytest.raises(SystemExit, match="b: None where 7 was due"):
        scrape.check_numbers(0, {"b": TRUTH.format(7)})


def test_targets_that_are_not_scraped_end_the_benchmark(mocker):
    mocker.patch.object(scrape, "WARM_UP_S", 0)
    with Exporters([b"HTTP/1.1 200 OK\r\n\r\n"]) as exporters:
        assert len(exporters.targets) == 1
        with pytest.raises(SystemExit, match="0 of 3 scrapes within 0 s"):
            scrape.wait_for_scrapes(exporters, 3)
