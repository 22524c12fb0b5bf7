"""What a user reads about a fault over SSH: the same words whichever transport met it.

Each function takes ``where`` (as `dial.endpoint` writes it) and what was seen, and returns the
`HostError` to raise. Timeouts have theirs in `timeouts`, TCP in `dial`, host keys in `host_keys`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..transport import OUTPUT_LIMIT

__all__ = [
    "auth_denied",
    "closed_before_version",
    "ended_by_signal",
    "endless_output",
    "lost_in_login",
    "no_common_algorithm",
    "output_limit",
    "protocol_error",
    "session_refused",
    "truncated",
    "via_jump",
]

# sshd's own words to a connection over MaxStartups, since 8.5 and since 9.8 (sshd.c).
_TURNED_AWAY = re.compile(rb"\s*(Exceeded MaxStartups|Not allowed at this time)")


def closed_before_version(where: str, seen: bytes) -> HostError:
    """The connection ended, or could not go on, before an SSH 2 version line; ``seen`` came first.

    The libraries' exceptions do not tell these cases apart, the bytes do.
    """
    if not seen or _TURNED_AWAY.match(seen):
        said = f" ({clean(seen)})" if seen else ""
        return HostError(
            Category.DROPPED_PRE_BANNER,
            Phase.BANNER,
            f"{where} closed the connection before its SSH version line{said}: its sshd may be "
            "busy or keep this machine out (MaxStartups, PerSourcePenalties)",
        )
    return HostError(
        Category.NOT_SSH,
        Phase.BANNER,
        f"{where} does not speak SSH 2: it sent {clean(seen, limit=80)!r}",
    )


def no_common_algorithm(where: str, said: str) -> HostError:
    """The two sides share no algorithm of some kind; ``said`` is the library's account."""
    return HostError(
        Category.NO_COMMON_ALG,
        Phase.KEX,
        f"{where} and this client have no algorithm in common: {clean(said)}",
    )


def protocol_error(where: str, phase: Phase, said: str) -> HostError:
    """The peer, or the library, broke the rules of SSH."""
    return HostError(Category.PROTOCOL, phase, f"{where}: SSH protocol error: {clean(said)}")


def endless_output(where: str, phase: Phase) -> HostError:
    """More than any server has to say up to here (`byte_budget`)."""
    if phase in (Phase.SESSION, Phase.COMMAND):
        return output_limit(where)
    return protocol_error(where, phase, "it sends without end")


def lost_in_login(where: str, phase: Phase, said: str = "") -> HostError:
    """The connection ended during the key exchange or the login."""
    during = "the key exchange" if phase is Phase.KEX else "the login"
    why = f": {clean(said)}" if said else ""
    return HostError(Category.LOST, phase, f"{where} closed the connection during {during}{why}")


def auth_denied(
    where: str, user: str, offered: Sequence[str], *, agent_hint: bool = False, said: str = ""
) -> HostError:
    """No login; ``offered`` names what was tried: paths of keys, agent's keys, ``password``.

    ``agent_hint``: an agent is running and was not asked.
    """
    tried = ", ".join(clean(each) for each in offered) or "nothing of the kinds that it takes"
    hint = ". An ssh-agent is running: --agent lets it offer its keys" if agent_hint else ""
    why = f" ({clean(said)})" if said else ""
    return HostError(
        Category.AUTH_DENIED,
        Phase.AUTH,
        f"{where} refused the login of {clean(user)}{why}; offered: {tried}{hint}",
    )


def session_refused(where: str, said: str) -> HostError:
    """Logged in, but the server opens no session or refuses to run a command."""
    why = clean(said) or "no reason given"
    return HostError(
        Category.SESSION_REFUSED, Phase.SESSION, f"{where} refused to run a command: {why}"
    )


def output_limit(where: str) -> HostError:
    """stdout and stderr together went over the limit."""
    return HostError(
        Category.OUTPUT_LIMIT,
        Phase.COMMAND,
        f"{where} sent more than {OUTPUT_LIMIT // 1024} KiB of output: cut off",
    )


def ended_by_signal(where: str, signal_name: str) -> HostError:
    """The command did not end by itself."""
    return HostError(
        Category.COMMAND_FAILED,
        Phase.COMMAND,
        f"{where}: the command was ended by signal {clean(signal_name, limit=40)}",
    )


def truncated(where: str, phase: Phase, received_bytes: int, said: str = "") -> HostError:
    """The session ended without an exit status: ``truncated`` once output began, else ``lost``."""
    why = f": {clean(said)}" if said else ""
    if received_bytes:
        return HostError(
            Category.TRUNCATED,
            phase,
            f"{where} went away in the middle of its output, after {received_bytes} bytes{why}",
        )
    return HostError(Category.LOST, phase, f"{where} went away before the command had ended{why}")


def via_jump(hop: str, error: HostError) -> HostError:
    """What went wrong at, or behind, the jump host ``hop``; the phase stays that of the fault."""
    if error.category is Category.VIA_JUMP:
        return error
    return HostError(
        Category.VIA_JUMP,
        error.phase,
        f"jump host {hop}: {error.message}",
        transient=error.transient,
    )
