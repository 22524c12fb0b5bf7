"""The error messages for faults of SSH, the same for both transports.

Each function takes ``where`` (as `core.text.endpoint` writes it) and what was seen, and returns
the `HostError` to raise. Other messages: timeouts in `collector.timeouts`, TCP in `routes.tcp`,
names in `routes.resolver`, host keys in `host_keys.messages`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...core.lazy_pattern import lazy_pattern
from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..transport import OUTPUT_LIMIT
from .algorithms import SHA1_RSA
from .negotiation import Mismatch

__all__ = [
    "auth_denied",
    "closed_before_version",
    "ended_by_signal",
    "endless_messages",
    "endless_output",
    "host_key_refused",
    "local_resource",
    "lost_in_login",
    "no_common_algorithm",
    "nothing_in_common",
    "output_limit",
    "partial_success",
    "protocol_error",
    "session_refused",
    "text_or_fault",
    "truncated",
    "via_jump",
]

# What sshd sends to a connection over MaxStartups, since 8.5 and since 9.8 (sshd.c).
_REJECTED_BY_SSHD = lazy_pattern(rb"\s*(Exceeded MaxStartups|Not allowed at this time)")


def closed_before_version(where: str, seen: bytes) -> HostError:
    """The connection ended before an SSH 2 version line; ``seen`` are the bytes received.

    Only these bytes distinguish a server that hung up from one that does not speak SSH: the
    libraries raise the same exceptions for both.
    """
    if not seen or _REJECTED_BY_SSHD().match(seen):
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
    """The two sides share no algorithm of some kind; ``said`` is the library's text.

    For what `negotiation.find_mismatch` does not compare, such as compression methods.
    """
    return HostError(
        Category.NO_COMMON_ALG,
        Phase.KEX,
        f"{where} and this client have no algorithm in common: {clean(said)}",
    )


def nothing_in_common(where: str, mismatch: Mismatch) -> HostError:
    """The offers of the two sides share no algorithm of one kind."""
    offer = clean(", ".join(mismatch.offered)) or "none"
    if mismatch.addable is not None:
        remedy = (
            f"the ssh option {mismatch.option}=+{mismatch.addable} adds one, which this client "
            "leaves out by default"
        )
    elif mismatch.library == "asyncssh":
        remedy = "asyncssh has none of them"
    else:
        remedy = f"{mismatch.library} has none of them; --transport asyncssh has others"
    return HostError(
        Category.NO_COMMON_ALG,
        Phase.KEX,
        f"{where} and this client have no {mismatch.kind} in common: the server offers {offer}; "
        f"{remedy}",
    )


def protocol_error(where: str, phase: Phase, said: str) -> HostError:
    """A packet violates the SSH protocol."""
    return HostError(Category.PROTOCOL, phase, f"{where}: SSH protocol error: {clean(said)}")


def local_resource(where: str, phase: Phase, said: str, remedy: str) -> HostError:
    """This machine lacks something; ``remedy`` is what to do about it."""
    return HostError(Category.LOCAL_RESOURCE, phase, f"{where}: {clean(said)}; {remedy}")


def host_key_refused(where: str, category: Category, said: str) -> HostError:
    """The library itself refused the host's key or certificate."""
    return HostError(category, Phase.KEX, f"{where}: {clean(said)}")


def endless_output(where: str, phase: Phase) -> HostError:
    """The server exceeded the byte budget of this phase (`ByteBudget`)."""
    if phase in (Phase.SESSION, Phase.COMMAND):
        return endless_messages(where)
    return protocol_error(where, phase, "it sends data without end")


def endless_messages(where: str) -> HostError:
    """The server exceeded its byte budget by messages that are no output."""
    return HostError(
        Category.OUTPUT_LIMIT, Phase.COMMAND, f"{where} sends messages without end: cut off"
    )


def lost_in_login(where: str, phase: Phase, said: str = "", banner: str = "") -> HostError:
    """The connection ended during the key exchange or the login."""
    during = "the key exchange" if phase is Phase.KEX else "the login"
    before = clean(banner)
    text = f"{where} closed the connection during {during}{_reason(said)}"
    if before:
        text += f"; before, it said {before!r}"
    return HostError(Category.LOST, phase, text)


def auth_denied(
    where: str,
    user: str,
    offered: Sequence[str],
    *,
    agent_hint: bool = False,
    sha1_hint: bool = False,
    said: str = "",
) -> HostError:
    """The server refused the login.

    ``offered`` names what the server judged: paths of keys, the agent's keys, ``password``.
    ``agent_hint`` says that an agent is running and was not used, ``sha1_hint`` that an RSA key is
    at hand and the server is as old as those that take signatures with SHA-1 alone.
    """
    tried = ", ".join(clean(each) for each in offered) or "nothing of the kinds that it takes"
    hint = ". An ssh-agent is running whose keys are not offered: see --agent" if agent_hint else ""
    if sha1_hint:
        hint = (
            f". Its RSA host key signs with SHA-1 alone ({SHA1_RSA}): where it takes no other "
            f"signatures, asyncssh logs in with the ssh option PubkeyAcceptedAlgorithms=+{SHA1_RSA}"
        )
    if len(offered) > 1 and "too many authentication failures" in said.lower():
        # More keys would not help: the server tries no further one (MaxAuthTries).
        hint = (
            ". The server tries no more keys in one login: name the right key alone with -i (or "
            "IdentityFile), and set IdentitiesOnly=yes where an agent is used"
        )
    return HostError(
        Category.AUTH_DENIED,
        Phase.AUTH,
        f"{where} refused the login of {clean(user)}{_in_brackets(said)}; offered: {tried}{hint}",
    )


def partial_success(
    where: str, user: str, accepted: Sequence[str], *, wanted: Sequence[str], said: str = ""
) -> HostError:
    """The server accepted ``accepted`` and wants other methods of login too (``wanted``)."""
    taken = ", ".join(clean(each) for each in accepted)
    names = clean(", ".join(wanted)) or "another method"
    can_answer = {"password", "keyboard-interactive"}.intersection(wanted)
    hint = "; --ask-pass gives it a password" if can_answer else ""
    return HostError(
        Category.AUTH_DENIED,
        Phase.AUTH,
        f"{where} accepted {taken} for the login of {clean(user)}{_in_brackets(said)} and still "
        f"wants {names} (partial success){hint}",
    )


def session_refused(where: str, said: str) -> HostError:
    """The server accepted the login and refused the session or the command."""
    why = clean(said) or "no reason given"
    return HostError(
        Category.SESSION_REFUSED, Phase.SESSION, f"{where} refused to run a command: {why}"
    )


def output_limit(where: str) -> HostError:
    """stdout and stderr together exceed `OUTPUT_LIMIT`."""
    return HostError(
        Category.OUTPUT_LIMIT,
        Phase.COMMAND,
        f"{where} sent more than {OUTPUT_LIMIT // 1024} KiB of output: cut off",
    )


def ended_by_signal(where: str, signal_name: str, stderr: bytes = b"") -> HostError:
    """A signal ended the command, which had printed ``stderr``."""
    name = clean(signal_name, limit=40)
    return HostError(
        Category.COMMAND_FAILED,
        Phase.COMMAND,
        f"{where}: the command was ended by signal {name}{_on_stderr(stderr)}",
    )


def truncated(
    where: str, phase: Phase, received_bytes: int, said: str = "", stderr: bytes = b""
) -> HostError:
    """The session ended without an exit status: ``truncated`` once output began, else ``lost``."""
    why = _reason(said) + _on_stderr(stderr)
    if received_bytes:
        return HostError(
            Category.TRUNCATED,
            phase,
            f"{where} went away in the middle of its output, after {received_bytes} bytes{why}",
        )
    return HostError(Category.LOST, phase, f"{where} went away before the command had ended{why}")


def via_jump(hop: str, error: HostError) -> HostError:
    """``error`` occurred at the jump host ``hop``, or behind it; its phase stays."""
    if error.category is Category.VIA_JUMP:
        return error
    return HostError(
        Category.VIA_JUMP,
        error.phase,
        f"jump host {hop}: {error.message}",
        transient=error.transient,
        unknown_key=None if error.unknown_key is None else replace(error.unknown_key, is_jump=True),
    )


def _in_brackets(said: str) -> str:
    reason = clean(said)
    return f" ({reason})" if reason else ""


def _on_stderr(stderr: bytes) -> str:
    said = clean(stderr.strip())
    return f"; it printed {said!r} on stderr" if said else ""


def _reason(said: str) -> str:
    reason = clean(said)
    return f": {reason}" if reason else ""


def text_or_fault(error: Exception, text: str) -> str:
    """Return an error's text, with its class where it is one of Python's own: a fault to report.

    Empty for an error of a library that says nothing; a library's class tells a user nothing.
    """
    is_fault = type(error).__module__ == "builtins" and not isinstance(error, OSError)
    return f"{type(error).__name__}: {text}" if is_fault else text.strip() and text
