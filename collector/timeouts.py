"""Which category a timeout has: it depends on the phase that the attempt was in."""

from __future__ import annotations

from ..core.text import clean
from .errors import Category, HostError, Phase
from .transport import Attempt, describe_output

__all__ = ["attribute_timeout", "timeout_error"]

_BY_PHASE = {
    Phase.QUEUED: Category.NOT_ATTEMPTED,
    Phase.CONFIG: Category.CLIENT_OVERLOAD,
    Phase.DNS: Category.DNS_TIMEOUT,
    Phase.CONNECT: Category.TCP_TIMEOUT,
    Phase.HANDSHAKE_SLOT: Category.CLIENT_OVERLOAD,
    Phase.BANNER: Category.BANNER_TIMEOUT,
    Phase.KEX: Category.KEX_TIMEOUT,
    Phase.AUTH: Category.AUTH_TIMEOUT,
    Phase.SESSION: Category.COMMAND_TIMEOUT,
    Phase.COMMAND: Category.COMMAND_TIMEOUT,
    Phase.PARSE: Category.CLIENT_OVERLOAD,
}

_WAITED_FOR = {
    Phase.QUEUED: "a slot",
    Phase.CONFIG: "its keys and known_hosts on this machine",
    Phase.DNS: "its address",
    Phase.CONNECT: "the TCP connection",
    Phase.HANDSHAKE_SLOT: "a free handshake on this machine: lower --concurrency",
    Phase.BANNER: "the SSH version line",
    Phase.KEX: "the key exchange",
    Phase.AUTH: "the login",
    Phase.SESSION: "a session",
    Phase.COMMAND: "the command to end",
    Phase.PARSE: "its output to be read",
}

_PROBE_BEGINS = b"\nsockfleet-"
"""Before the mark of a probe that has begun (`probe.script`, `probe.forced_probe`)."""

_TIMEOUTS = frozenset(
    {
        Category.DNS_TIMEOUT,
        Category.TCP_TIMEOUT,
        Category.BANNER_TIMEOUT,
        Category.KEX_TIMEOUT,
        Category.AUTH_TIMEOUT,
        Category.COMMAND_TIMEOUT,
    }
)


def attribute_timeout(error: HostError, *, passed_s: float, lost_s: float) -> HostError:
    """Return ``error``, or ``client_overload`` for a timeout that this machine caused.

    ``lost_s`` of the ``passed_s`` seconds its event loop did not run: the machine was overloaded,
    or suspended as a laptop or a virtual machine is. Beyond half of the time the timeout says
    nothing about the host.
    """
    if error.category not in _TIMEOUTS or lost_s <= passed_s / 2:
        return error
    return HostError(
        Category.CLIENT_OVERLOAD,
        error.phase,
        f"{error.message}; for {lost_s:.1f} s of that this machine itself was too busy, or "
        "stopped: lower --concurrency",
        transient=True,
    )


def timeout_error(attempt: Attempt, seconds: float) -> HostError:
    """The error of an attempt that did not end within ``seconds``, by the phase it was in."""
    host = attempt.host
    where = f"{attempt.address or host.address}:{host.port}"
    what = f"{where}: still waiting for {_WAITED_FOR[attempt.phase]} after {seconds:g} s"
    if attempt.hop is not None:
        return HostError(
            Category.VIA_JUMP, attempt.phase, f"jump host {attempt.hop}, on the way to {what}"
        )
    return HostError(_BY_PHASE[attempt.phase], attempt.phase, what + _quote_host(attempt))


def _quote_host(attempt: Attempt) -> str:
    """What the host has said in this phase: a login or a login shell may wait for an answer."""
    if attempt.phase is Phase.AUTH:
        banner = clean(attempt.banner)
        return f"; the server said {banner!r}" if banner else ""
    if attempt.phase is not Phase.COMMAND:
        return ""
    stdout, stderr = (bytes(each) for each in attempt.output)
    if _PROBE_BEGINS in stdout:
        stdout = b""  # the files that the probe reads explain nothing
    if not stdout.strip() and not stderr.strip():
        return ""
    return f"; so far it printed {describe_output(stdout, stderr)}"
