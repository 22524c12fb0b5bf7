"""The receivers of this folder's tests."""

from tests.support.alerting.fixtures import certificate, receiver, tls_receiver

__all__ = ["certificate", "receiver", "tls_receiver"]
