"""Each wrong answer to a repeated sample, all of them beside good hosts in one fleet.

The good hosts are sampled in every round with the right numbers; each other host has a failure of
its category, or is sampled all the same, and nothing is reported to asyncio's log.
"""

from __future__ import annotations

import gc
import logging
from collections import defaultdict
from pathlib import Path

import pytest

from sockfleet.aggregator.host import HostSummary, Status
from sockfleet.inventory.models import Host, SshSettings
from tests.support.fleet.sampling import SampledFleet, run_scenario
from tests.support.ssh.fault_table import SAMPLED
from tests.support.ssh.lying_server import CONTENTS, GOOD, LATE_S, LIES, lying_server
from tests.support.ssh.sshd import ssh_keygen

pytestmark = [
    pytest.mark.usefixtures("attribute_no_timeout", "short_pauses"),
    pytest.mark.long,
]

TIMEOUT_S = LATE_S
"""Of which a busy machine takes a few for a login."""
ROUNDS = 4
"""The first two samples are right; what follows a right answer is met in the fourth."""


def test_the_table_has_every_lie():
    assert sorted(row.name for row in SAMPLED) == sorted(LIES)


def lying_hosts(folder: Path, port: int) -> list[Host]:
    key = str(ssh_keygen(folder / "client"))
    return [
        Host(
            name=name,
            address="127.0.0.1",
            port=port,
            ssh=SshSettings(user=name, identity_files=(key,)),
        )
        for name in (*GOOD, *LIES)
    ]


def assert_right(host: HostSummary) -> None:
    assert host.status is Status.OK, host.error
    assert host.tcp.alloc == CONTENTS.alloc
    assert host.tcp.inuse == CONTENTS.host.inuse


def test_wrong_answers_to_samples_cost_no_other_host_a_round(transport, tmp_path, caplog):
    caplog.set_level(logging.ERROR, "asyncio")
    failures = {row.name: {row.category} for row in SAMPLED if row.category is not None}
    if transport == "paramiko":  # it keeps no session open
        failures = {}
    seen: dict[str, set[str]] = defaultdict(set)

    async def scenario(fleet: SampledFleet) -> None:
        rounds = 0
        # On a busy machine a flood takes some rounds more to exceed what it may send.
        while rounds < ROUNDS or not failures.keys() <= seen.keys():
            rounds += 1
            found = await fleet.round()
            for name in GOOD:
                assert_right(found[name])
            for name in LIES:
                error = found[name].error
                if error is None:
                    assert_right(found[name])
                else:
                    seen[name].add(error.category)
                    assert error.message.isprintable()

    with lying_server(tmp_path) as port:
        run_scenario(
            tmp_path / "known_hosts",
            lying_hosts(tmp_path, port),
            scenario,
            transport=transport,
            concurrency=8,  # few logins at once, so that a busy machine ends each in time
            timeout_s=TIMEOUT_S,
            retries=0,
        )
    gc.collect()  # an exception that nothing retrieves is reported then
    assert [record.getMessage() for record in caplog.records] == []
    assert seen == failures


def test_a_run_that_ends_in_the_middle_of_a_sample_leaves_nothing_to_asyncios_log(
    asyncssh_path, tmp_path, caplog
):
    caplog.set_level(logging.ERROR, "asyncio")
    silent = ("sftp: silence", "shell: silence", "shell: half and silence")

    async def scenario(fleet: SampledFleet) -> None:
        await fleet.until(lambda found: all(found[name].error is not None for name in silent))
        assert fleet.fleet.connected == len(silent)

    with lying_server(tmp_path) as port:
        hosts = [host for host in lying_hosts(tmp_path, port) if host.name in silent]
        run_scenario(tmp_path / "known_hosts", hosts, scenario, interval_s=0.1)
    gc.collect()
    assert [record.getMessage() for record in caplog.records] == []
