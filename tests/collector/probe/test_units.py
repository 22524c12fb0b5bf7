"""The unit of a process, by its control groups; the container comes first."""

from __future__ import annotations

import pytest

from sockfleet.collector.probe.containers import container_of, unit_of


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/system.slice/nginx.service", "nginx.service"),
        ("/system.slice/system-vpn.slice/vpn@blue.service", "vpn@blue.service"),
        (r"/system.slice/my\x2dapp.service", "my-app.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/sync.service", "sync.service"),
        ("/machine.slice/vm.scope", "vm.scope"),
        ("/user.slice/user-1000.slice/session-3.scope", None),
        ("/user.slice/user-1000.slice/user@1000.service", None),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", None),
        ("/system.slice/run-u42.service", None),
        ("/init.scope", None),
        ("/system.slice", None),
        ("/", None),
        ("", None),
    ],
)
def test_a_unit_is_named_if_its_name_lasts(path, unit):
    assert unit_of([f"0::{path}"]) == unit


def test_the_first_line_that_names_a_unit_counts():
    lines = ["0::/", "1:name=systemd:/system.slice/cron.service"]
    assert unit_of(lines) == "cron.service"


def test_a_container_of_systemd_is_both():
    line = f"0::/system.slice/docker-{'ab' * 32}.scope"
    assert container_of([line]).runtime == "docker"
    assert unit_of([line]) == f"docker-{'ab' * 32}.scope"
