"""asyncssh's options, made once for all connections with the same settings.

Left to itself asyncssh reads ssh_config, known_hosts, keys and the environment for every
connection: several milliseconds a host.
"""

from __future__ import annotations

from ..ssh.negotiation import Offer
from ..transport import OUTPUT_LIMIT
from .credentials import LoginCredentials
from .slim_import import asyncssh

__all__ = ["connection_options"]


def connection_options(
    offer: Offer, credentials: LoginCredentials, *, may_ask: bool
) -> asyncssh.SSHClientConnectionOptions:
    """Make the options for every connection with these settings.

    Keys, host keys and passwords come from the callbacks of `Login` instead.
    """
    return asyncssh.SSHClientConnectionOptions(
        config=None,
        username=credentials.user,
        kex_algs=offer.kex,
        encryption_algs=offer.ciphers,
        mac_algs=offer.macs,
        # By its default an RSA key signs with SHA-1 for a server that does not say what it takes.
        signature_algs=offer.signatures,
        compression_algs=["none"],  # decompressing what a hostile server sent took 423 MB
        preferred_auth=_methods(credentials, may_ask=may_ask),
        known_hosts=([], [], []),  # trust nothing here: `Login` checks the keys
        client_keys=None,
        agent_path=None,
        agent_forwarding=False,
        x11_forwarding=False,
        x509_trusted_certs=None,
        x509_trusted_cert_paths=[],
        gss_host=(),
        gss_kex=False,  # it would replace the host key
        gss_auth=credentials.gssapi and "gssapi-with-mic" in credentials.methods,
        gss_delegate_creds=False,
        disable_trivial_auth=True,
        utf8_decode_errors="replace",
        encoding=None,
        window=OUTPUT_LIMIT,
        request_pty=False,
        env={},
        send_env=[],
        command=None,
        login_timeout=0,  # ConnectTimeout bounds it, by phases
        connect_timeout=None,
        keepalive_interval=0,
        rekey_seconds=0,
    )


def _methods(credentials: LoginCredentials, *, may_ask: bool) -> list[str]:
    has_password = credentials.password is not None or may_ask
    at_hand = {
        "gssapi-with-mic": credentials.gssapi,
        "publickey": bool(credentials.identities or credentials.agent),
        "password": has_password,
        "keyboard-interactive": has_password,
    }
    methods = [method for method in credentials.methods if at_hand.get(method)]
    # The others too: asyncssh requests a method only where the server lists it, and `Login` notes
    # which are wanted.
    return list(dict.fromkeys([*methods, "publickey", "password", "keyboard-interactive"]))
