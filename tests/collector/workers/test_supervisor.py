"""Several processes share one scan: whatever happens to them, each host is told exactly once."""

import json
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

RUNS = "tests.support.fleet.worker_runs"


def run(scenario, *words):
    """What came of a scenario of support/fleet/worker_runs.py; it must say nothing on stderr."""
    ran = subprocess.run(
        [sys.executable, "-m", RUNS, scenario, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    told = json.loads(ran.stdout)
    assert not told.get("left")  # every process was waited for
    return told


def whole(scenario):
    told = run(scenario)
    assert told["error"] is None
    assert told["once"]
    return told


def test_every_host_is_told_once():
    told = whole("plain")
    assert (told["complete"], told["failures"], told["notes"]) == (True, {}, [])


@pytest.mark.parametrize(("scenario", "count"), [("one_killed", 1), ("all_killed", 2)])
def test_a_killed_worker_costs_no_host(scenario, count):
    told = whole(scenario)
    assert told["failures"] == {}
    assert told["complete"]
    killed = [note for note in told["notes"] if "was killed by SIGKILL" in note]
    assert len(killed) == count


def test_workers_killed_at_random_moments_cost_no_host():
    told = run("random_kills", "60")
    assert told["rounds"] == 60
    assert told["killed"] > 20
    assert told["bad"] == []


def test_a_host_that_kills_its_worker_twice_is_a_failure_and_no_other():
    told = whole("poison")
    ((name, (category, message, attempts)),) = told["failures"].items()
    assert (name, category, attempts) == ("h007", "local_resource", 2)
    assert "was killed by SIGKILL, as one had before" in message
    assert "--workers 1" in message
    assert told["complete"]


def test_hosts_that_are_asked_beside_it_may_share_its_lot_but_none_is_lost():
    told = whole("poison_many_at_once")
    assert {"h007", "h008"} <= set(told["failures"])
    assert {category for category, *_ in told["failures"].values()} == {"local_resource"}
    assert len(told["failures"]) <= 20  # as many as are asked at once


def test_where_every_worker_dies_at_once_it_ends_all_the_same():
    told = whole("always_killed")
    assert len(told["failures"]) == told["seen"] == 200
    assert "died one after another" in told["failures"]["h000"][1]


def test_a_stopped_worker_is_killed_and_its_hosts_are_asked_by_another():
    told = whole("stopped_worker")
    assert set(told["failures"]) == {"h007"}
    assert "told nothing for" in told["failures"]["h007"][1]


def test_a_worker_that_tells_nonsense_is_replaced():
    told = whole("nonsense")
    assert "h007" in told["failures"]
    assert len(told["failures"]) <= 2  # as many as are asked at once
    assert "told nonsense and was killed" in told["failures"]["h007"][1]


def test_a_pause_of_the_whole_run_is_nobody_s_silence():
    told = whole("paused")
    assert (told["failures"], told["notes"], told["complete"]) == ({}, [], True)


def test_a_stopped_worker_does_not_outlive_the_deadline():
    told = whole("stopped_at_the_deadline")
    assert not told["complete"]
    assert told["failures"]["h007"][0] == "deadline"


def test_the_deadline_reaches_every_worker():
    told = whole("deadline")
    assert not told["complete"]
    assert set(told["failures"]) == {"h007"}
    category, message, _ = told["failures"]["h007"]
    assert (category, message) == ("deadline", "cut off by the run's deadline of 0.3 s")


def test_a_stop_reaches_every_worker():
    told = whole("stop")
    assert not told["complete"]
    assert told["failures"]["h007"][:2] == ["not_attempted", "cut off by SIGINT"]


def test_workers_killed_while_they_stop_leave_no_host_out():
    told = whole("killed_while_stopping")
    assert not told["complete"]
    assert all("cut off by SIGTERM" in message for _, message, _ in told["failures"].values())


def test_an_error_of_the_receiver_ends_the_run_and_all_workers():
    assert run("deliver_raises")["error"] == "BrokenPipeError: | head -1"


def test_an_unknown_transport_is_told_as_by_one_process():
    assert run("unknown_transport")["error"].startswith("UsageError: no transport 'pigeon'")


def test_no_process_left_at_the_start_is_told():
    assert run("no_process_left")["error"] == (
        "WorkerStartError: cannot start a worker process: Resource temporarily unavailable"
    )


def test_no_process_left_for_another_worker_fails_its_hosts_and_no_others():
    told = whole("no_second_process")
    assert 0 < len(told["failures"]) < 100
    for category, message, _ in told["failures"].values():
        assert category == "local_resource"
        assert "no other could be started (Resource temporarily unavailable)" in message


def test_beside_threads_nothing_is_forked():
    told = run("threads")
    assert told["seen"] == 4
    assert told["notes"] == [
        "one process asked all hosts: with threads running, others cannot be forked"
    ]


def test_without_workers_the_scan_is_done_all_the_same():
    told = run("fallback")
    assert told["seen"] == 4
    (note,) = told["notes"]
    assert note.startswith("one process asked all hosts: cannot start a worker process: Resource")


def test_a_worker_does_not_hold_standard_output():
    told = whole("standard_output")
    assert {message for _, message, _ in told["failures"].values()} == {"/dev/null"}


@pytest.mark.parametrize("units", [0, 1, 500])
def test_processes_take_from_one_pile_and_no_two_the_same(units):
    told = run("pile", str(units))
    assert told == {"codes": [0] * 4, "taken": list(range(units)), "left_over": None}
