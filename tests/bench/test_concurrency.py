"""The benchmark of the default concurrency: its ratio, its exit code, and its scans."""

import concurrency
import pytest
from concurrency import DEFAULT, Scenario


def test_the_default_is_compared_with_the_best_fixed_number():
    times_s = {DEFAULT: [1.1, 9.0, 1.2], 30: [2.0, 2.0, 2.0], 300: [1.0, 1.0, 5.0]}
    assert concurrency.ratio_to_best(times_s) == (1.2, 300)


@pytest.mark.parametrize(("default_s", "exit_code"), [(1.2, 0), (1.3, 1)])
def test_one_missed_scenario_fails_the_benchmark(default_s, exit_code, mocker, capsys):
    times_s = [{DEFAULT: [default_s], 30: [1.0]}, {DEFAULT: [1.0], 30: [1.0]}]
    mocker.patch.object(concurrency, "SCENARIOS", concurrency.SCENARIOS[:2])
    mocker.patch.object(concurrency, "measure", side_effect=times_s)
    assert concurrency.main(["--quick"]) == exit_code
    assert ("MISSED" in capsys.readouterr().out) == bool(exit_code)


def test_each_number_is_measured_in_each_round():
    scenario = Scenario(rtt_ms=1, fixed=(2,), dead_percent=10, options=("--connect-timeout", "1"))
    times_s = concurrency.measure(scenario, hosts=10, rounds=2)
    assert {number: len(seconds) for number, seconds in times_s.items()} == {DEFAULT: 2, 2: 2}


def test_a_failure_of_a_live_host_ends_the_benchmark():
    scenario = Scenario(rtt_ms=200, fixed=(2,), options=("--timeout", "0.3", "--retries", "0"))
    with pytest.raises(SystemExit, match="0 dead hosts"):
        concurrency.measure(scenario, hosts=3, rounds=1)
