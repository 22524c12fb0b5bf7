"""Fixtures of the tests of sinks."""

from __future__ import annotations

import pytest

from tests.support.alerting.http_receiver import make_certificate, run_receiver

__all__ = ["certificate", "receiver", "tls_receiver"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for localhost, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def receiver():
    """An HTTP receiver on loopback."""
    with run_receiver() as running:
        yield running


@pytest.fixture
def tls_receiver(certificate):
    """An https receiver on loopback, whose certificate the system does not trust."""
    with run_receiver(certificate) as running:
        yield running
