"""Both SSH transports against servers that are none, or no good ones: one table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import FAULTS, faulty_servers
from over_ssh import ask, settings_for
from sshd import ssh_keygen

from sockfleet.collector.errors import Category, Phase
from sockfleet.inventory.models import Host, SshSettings

SHORT_S = 0.4  # the connect timeout of servers that have to be waited for
LONG_S = 10.0

CASES = [
    ("silence", Category.BANNER_TIMEOUT, Phase.BANNER),
    ("one_byte_a_while", Category.BANNER_TIMEOUT, Phase.BANNER),
    ("closed_at_once", Category.DROPPED_PRE_BANNER, Phase.BANNER),
    ("reset_at_once", Category.DROPPED_PRE_BANNER, Phase.BANNER),
    ("max_startups", Category.DROPPED_PRE_BANNER, Phase.BANNER),
    ("garbage", Category.NOT_SSH, Phase.BANNER),
    ("http", Category.NOT_SSH, Phase.BANNER),
    ("endless_lines", Category.NOT_SSH, Phase.BANNER),
    ("endless_line", Category.NOT_SSH, Phase.BANNER),
    ("ssh_1", Category.NOT_SSH, Phase.BANNER),
    ("a_version_of_other_letters", Category.NOT_SSH, Phase.BANNER),
    ("silence_after_the_version", Category.KEX_TIMEOUT, Phase.KEX),
    ("silence_after_lines_and_the_version", Category.KEX_TIMEOUT, Phase.KEX),
    ("closed_after_the_version", Category.LOST, Phase.KEX),
    ("reset_in_the_key_exchange", Category.LOST, Phase.KEX),
    ("no_common_key_exchange", Category.NO_COMMON_ALG, Phase.KEX),
    ("a_packet_of_4_gigabytes", Category.PROTOCOL, Phase.KEX),
    ("a_spoilt_key_exchange", Category.PROTOCOL, Phase.KEX),
    ("endless_debug_messages", Category.KEX_TIMEOUT, Phase.KEX),
    ("a_farewell", Category.LOST, Phase.KEX),
]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ssh_keygen(tmp_path_factory.mktemp("keys") / "key")


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    with faulty_servers() as ports:
        yield ports


def test_the_table_has_every_fault():
    assert sorted(name for name, _, _ in CASES) == sorted(FAULTS)


@pytest.mark.parametrize(("name", "category", "phase"), CASES, ids=[name for name, _, _ in CASES])
def test_a_fault_has_its_category_and_phase(transport, ports, key, tmp_path, name, category, phase):
    slow = category in (Category.BANNER_TIMEOUT, Category.KEX_TIMEOUT)
    ssh = SshSettings(
        user="root", identity_files=(str(key),), connect_timeout_s=SHORT_S if slow else LONG_S
    )
    port = ports[name]
    host = Host(name="web1", address="127.0.0.1", port=port, ssh=ssh)
    outcome = ask(transport, settings_for(tmp_path / "known_hosts"), host)
    assert outcome.fault == (category, phase), outcome.error
    assert outcome.attempt.phase is phase
    assert f"127.0.0.1:{port}" in outcome.error.message
    assert outcome.error.message.isprintable()
