"""The states of a check: severity, and the state of a level."""

import pytest

from sockfleet.aggregator.measures import Measure
from sockfleet.alerting.levels.range import parse_range
from sockfleet.alerting.levels.state import Level, State, worst_of


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ([], State.OK),
        ([State.OK, State.UNKNOWN], State.UNKNOWN),
        ([State.UNKNOWN, State.WARNING], State.WARNING),
        ([State.WARNING, State.CRITICAL, State.UNKNOWN], State.CRITICAL),
    ],
)
def test_a_known_problem_is_more_severe_than_unknown(states, worst):
    assert worst_of(states) is worst


@pytest.mark.parametrize(
    ("value", "state"),
    [(5, State.OK), (11, State.WARNING), (21, State.CRITICAL), (None, State.UNKNOWN)],
)
def test_the_state_of_a_level(value, state):
    assert (
        Level(
            measure=Measure(key="tw", value=value),
            warning=parse_range("10"),
            critical=parse_range("20"),
        ).state
        is state
    )


def test_a_level_without_ranges_and_number_is_ok():
    assert Level(measure=Measure(key="tw", value=None)).state is State.OK
