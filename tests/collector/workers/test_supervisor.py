"""Whatever happens to worker processes, each host has exactly one outcome."""

import json
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

RUNS = "tests.support.fleet.worker_runs"


def run(scenario, *words):
    """The result of a scenario of tests/support/fleet/worker_runs.py, which prints no error."""
    ran = subprocess.run(
        [sys.executable, "-m", RUNS, scenario, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    result = json.loads(ran.stdout)
    assert not result.get("left")  # every process was reaped
    return result


def run_complete(scenario):
    result = run(scenario)
    assert result["error"] is None
    assert result["once"]
    return result


def test_every_host_has_one_outcome():
    result = run_complete("plain")
    assert (result["complete"], result["failures"], result["notes"]) == (True, {}, [])


def test_hosts_that_do_not_answer_wait_for_no_second_turn_while_the_limit_allows_all():
    """Workers take hosts in units, so one of them comes to have more than half of them."""
    result = run("all_at_once")
    assert (result["seen"], result["failures"], result["notes"]) == (200, [], [])


@pytest.mark.parametrize(("scenario", "count"), [("one_killed", 1), ("all_killed", 2)])
def test_a_killed_worker_loses_no_host(scenario, count):
    result = run_complete(scenario)
    assert result["failures"] == {}
    assert result["complete"]
    killed = [note for note in result["notes"] if "was killed by SIGKILL" in note]
    assert len(killed) == count


def test_workers_killed_at_random_moments_lose_no_host():
    result = run("random_kills", "60")
    assert result["rounds"] == 60
    assert result["killed"] > 20
    assert result["bad"] == []


def test_only_the_host_that_kills_two_workers_fails():
    result = run_complete("poison")
    ((name, (category, message, attempts)),) = result["failures"].items()
    assert (name, category, attempts) == ("h007", "local_resource", 2)
    assert "was killed by SIGKILL, as one had before" in message
    assert "--workers 1" in message
    assert result["complete"]


def test_hosts_in_progress_with_one_that_kills_workers_may_fail_but_none_is_lost():
    result = run_complete("poison_many_at_once")
    assert {"h007", "h008"} <= set(result["failures"])
    assert {category for category, *_ in result["failures"].values()} == {"local_resource"}
    assert len(result["failures"]) <= 20  # the concurrency


def test_the_run_ends_where_every_worker_dies_at_once():
    result = run_complete("always_killed")
    assert len(result["failures"]) == result["seen"] == 200
    assert "died one after another" in result["failures"]["h000"][1]


def test_a_stopped_worker_is_killed_and_another_contacts_its_hosts():
    result = run_complete("stopped_worker")
    assert set(result["failures"]) == {"h007"}
    assert "sent nothing for" in result["failures"]["h007"][1]


def test_a_worker_that_sends_invalid_data_is_replaced():
    result = run_complete("invalid_data")
    assert "h007" in result["failures"]
    assert len(result["failures"]) <= 2  # the concurrency
    assert "sent invalid data and was killed" in result["failures"]["h007"][1]


def test_a_pause_of_the_whole_run_is_no_silence_of_a_worker():
    result = run_complete("paused")
    assert (result["failures"], result["notes"], result["complete"]) == ({}, [], True)


def test_a_stopped_worker_does_not_outlive_the_deadline():
    result = run_complete("stopped_at_the_deadline")
    assert not result["complete"]
    assert result["failures"]["h007"][0] == "deadline"


def test_the_deadline_reaches_every_worker():
    result = run_complete("deadline")
    assert not result["complete"]
    assert set(result["failures"]) == {"h007"}
    category, message, _ = result["failures"]["h007"]
    assert (category, message) == ("deadline", "cut off by the run's deadline of 0.3 s")


def test_a_stop_reaches_every_worker():
    result = run_complete("stop")
    assert not result["complete"]
    assert result["failures"]["h007"][:2] == ["not_attempted", "cut off by SIGINT"]


def test_workers_killed_while_they_stop_lose_no_host():
    result = run_complete("killed_while_stopping")
    assert not result["complete"]
    assert all("cut off by SIGTERM" in message for _, message, _ in result["failures"].values())


def test_an_error_of_deliver_ends_the_run_and_all_workers():
    assert run("deliver_raises")["error"] == "BrokenPipeError: | head -1"


def test_an_unknown_transport_is_the_same_error_as_with_one_process():
    assert run("unknown_transport")["error"].startswith("UsageError: no transport 'pigeon'")


def test_no_process_left_at_the_start_is_an_error():
    assert run("no_process_left")["error"] == (
        "WorkerStartError: cannot start a worker process: Resource temporarily unavailable"
    )


def test_no_process_left_for_another_worker_fails_only_its_hosts():
    result = run_complete("no_second_process")
    assert 0 < len(result["failures"]) < 100
    for category, message, _ in result["failures"].values():
        assert category == "local_resource"
        assert "no other could be started (Resource temporarily unavailable)" in message


def test_with_threads_one_process_scans_all_hosts():
    result = run("threads")
    assert result["seen"] == 4
    assert result["notes"] == [
        "one process asked all hosts: with threads running, others cannot be forked"
    ]


def test_without_workers_one_process_scans_all_hosts():
    result = run("fallback")
    assert result["seen"] == 4
    (note,) = result["notes"]
    assert note.startswith("one process asked all hosts: cannot start a worker process: Resource")


def test_a_worker_does_not_hold_standard_output():
    result = run_complete("standard_output")
    assert {message for _, message, _ in result["failures"].values()} == {"/dev/null"}


@pytest.mark.parametrize("units", [0, 1, 500])
def test_no_two_processes_take_the_same_number_from_a_queue(units):
    result = run("pipe_queue", str(units))
    assert result == {"codes": [0] * 4, "taken": list(range(units)), "left_over": None}
