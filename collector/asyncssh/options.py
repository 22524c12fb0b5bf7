"""asyncssh's options, made once for all connections with the same settings.

asyncssh would otherwise read ssh_config, known_hosts, keys and the environment for every
connection: several milliseconds a host (FACTS: Speed, measured).
"""

from __future__ import annotations

from ...inventory.models import SshSettings
from ..ssh.algorithms import CIPHERS, HOST_KEYS, KEX, MACS, choose_algorithms
from ..transport import OUTPUT_LIMIT
from .client import SupportedAlgorithms
from .library import asyncssh
from .login import LoginCredentials

__all__ = ["connection_options", "host_key_algorithms"]


def connection_options(
    ssh: SshSettings, means: LoginCredentials, supported: SupportedAlgorithms, *, may_ask: bool
) -> asyncssh.SSHClientConnectionOptions:
    """The options that hold for every connection with these settings.

    Keys, host keys and passwords come from `Login`'s callbacks instead. Raises HostError
    ``config`` where the algorithms asked for leave none.
    """
    return asyncssh.SSHClientConnectionOptions(
        config=None,
        username=means.user,
        kex_algs=choose_algorithms("key exchanges", ssh.kex_algorithms, KEX, supported.kex),
        encryption_algs=choose_algorithms("ciphers", ssh.ciphers, CIPHERS, supported.ciphers),
        mac_algs=choose_algorithms("MACs", ssh.macs, MACS, supported.macs),
        # Without this an RSA key signs with SHA-1 for a server that does not say what it takes.
        signature_algs=choose_algorithms("signatures", (), HOST_KEYS, supported.signatures),
        compression_algs=["none"],  # a compression bomb cost 423 MB
        preferred_auth=_methods(means, may_ask=may_ask),
        known_hosts=([], [], []),  # `Login` judges; whoever looked here would find nobody trusted
        client_keys=None,
        agent_path=None,
        agent_forwarding=False,
        x11_forwarding=False,
        x509_trusted_certs=None,
        x509_trusted_cert_paths=[],
        gss_host=(),
        gss_kex=False,  # it would take the place of the host key
        gss_auth=means.gssapi,
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


def host_key_algorithms(ssh: SshSettings, supported: SupportedAlgorithms) -> tuple[str, ...]:
    """The host key algorithms to offer, before what is known of a host moves some forward."""
    return choose_algorithms(
        "host key algorithms",
        ssh.host_key_algorithms,
        HOST_KEYS,
        supported.host_keys,
    )


def _methods(means: LoginCredentials, *, may_ask: bool) -> list[str]:
    methods = ["gssapi-with-mic"] if means.gssapi else []
    if means.identities or means.agent:
        methods.append("publickey")
    if means.password is not None or may_ask:
        methods += ["password", "keyboard-interactive"]
    return methods
