"""The benchmark of warm samples: every method reads the hosts, and wrong numbers are detected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import warm
from fleet_target import Target
from fleets import real_sshd, same_but_wrong, simulated

from sockfleet.collector.runtime.event_loop import run_on_event_loop

HOSTS = 6


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with simulated(tmp_path_factory.mktemp("fleet"), HOSTS) as (target, _):
        yield target


def test_every_method_is_measured_in_each_round(target):
    times_ms = run_on_event_loop(warm.client_costs(target, hosts=HOSTS, samples=2, rounds=2))
    methods = {warm.FILES_KEPT, warm.SHELL, warm.COMMAND, warm.ASYNCSSH, warm.FILES_OPENED}
    assert set(times_ms) == {*methods, warm.COLD, warm.FLOOR}
    assert all(len(figures) == 2 for figures in times_ms.values())
    assert len(list(warm.client_budgets(times_ms))) == 2


@pytest.mark.parametrize("namespaces", [True, False])
def test_numbers_of_another_host_are_detected(target, namespaces):
    async def sample() -> None:
        async with AsyncExitStack() as stack:
            await warm.start_sampling(same_but_wrong(target), HOSTS, stack, namespaces=namespaces)

    with pytest.raises(warm.WrongAnswerError, match="not the numbers of that host"):
        run_on_event_loop(sample())


@pytest.mark.parametrize("namespaces", [True, False])
def test_a_sample_forks_nothing_on_a_real_host(namespaces):
    with TemporaryDirectory(prefix="sockfleet-warm-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the new account must reach its home
        with real_sshd(folder / "sshd", warm.HOST_CONNECTIONS) as target:
            cost = run_on_event_loop(
                warm.host_cost(target, warm.session_pids, namespaces=namespaces, samples=40)
            )
    assert cost.cpu_ms > 0
    assert cost.forks == 0
