"""The arithmetic of one host in plain words, step by step, and what the result means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..aggregator.arithmetic import closed, inuse_both, tcp_close
from ..collector.sockstat import Sockstat
from .formats import RenderOptions
from .paint import Paint, amount_of_memory

__all__ = ["OneHost", "explanation"]

_STEP = "  "
_WORDS = "     "

_ALLOC = (
    "All TCP sockets of the machine: IPv4 and IPv6, every network namespace, every state but "
    "TIME_WAIT."
)
_IN_USE = (
    "Those that listen, connect, are connected or are closing, in the one network namespace where "
    "the files were read."
)
_TCP_CLOSE = (
    "What is left is in state CLOSE: created and never connected, or its connection is over and a "
    "process still holds it open."
)
_TW = (
    "Connections in TIME_WAIT. The kernel keeps each in a small object of its own, so they are "
    "neither in alloc nor in inuse, and they go by themselves."
)
_CLOSED = "What `ss -s` calls closed: tcp_close and TIME_WAIT together."
# Advice in words, and the command that goes with it or an empty text.
_WITHOUT_THE_COUNTERS = (
    ("Save the host's /proc/net/sockstat and /proc/net/sockstat6 again, as they are.", ""),
)
_WITHOUT_A_LEAK = (("Nothing now. Compare under load.", ""),)
_WITH_CLOSED_SOCKETS = (
    (
        "Reckon again in an hour: a number that only grows is a leak, one that stays is normal.",
        "",
    ),
    (
        "Containers: take inuse and inuse6 of the other network namespaces off. A file for each:",
        "for f in /proc/[0-9]*/net/sockstat; do ls -i $f; done | sort -uk1,1",
    ),
    (
        "Who holds them, as root; `ss -a` lists none, as a closed socket stands in no table:",
        "lsof -nP | grep -E 'identify protocol|protocol: TCP'",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneHost:
    """What is explained: one host's files, wherever they come from."""

    origin: str
    """For the title: ``this machine``, the names of the files, or the host."""
    sockstat: Sockstat
    sockstat6: Sockstat | None
    is_ipv6_off: bool
    """Whether a missing sockstat6 means that; False where it may just not have been given."""
    tcp_estab: int | None = None
    """CurrEstab of /proc/net/snmp; None without that file."""
    page_size: int | None = None
    """Bytes; None where it is not known."""


def explanation(host: OneHost, options: RenderOptions) -> bytes:
    """The whole text."""
    paint = Paint(options)
    sections = (
        ("What was read", _read(host, paint)),
        ("Step by step", _steps(host, paint)),
        ("What it means", _meaning(host, paint)),
        ("What to look at next", _next(host, paint)),
    )
    parts = [paint.wrapped(f"TCP sockets of {host.origin}")]
    for title, lines in sections:
        parts.append("\n".join([paint.styled(title, "bold"), *lines]))
    return paint.encoded("\n\n".join(parts) + "\n")


def _read(host: OneHost, paint: Paint) -> Iterator[str]:
    for file, name in ((host.sockstat, "TCP"), (host.sockstat6, "TCP6")):
        line = {} if file is None else file.lines.get(name, {})
        if line:
            counters = ", ".join(f"{key} {value}" for key, value in line.items())
            yield paint.wrapped(f"{name + ':':<6}{counters}", first=_STEP, rest=_WORDS)
    if host.sockstat.get("TCP", "alloc") is None and "TCP" not in host.sockstat.lines:
        yield paint.wrapped("There is no TCP line.", first=_STEP, rest=_WORDS)
    if host.sockstat6 is None:
        yield paint.wrapped(
            "There is no sockstat6: IPv6 is off, and inuse6 counts as 0."
            if host.is_ipv6_off
            else "No sockstat6 was given: inuse6 counts as 0, which is right only where IPv6 is "
            "off. Add the file if the host has one.",
            first=_STEP,
            rest=_STEP,
        )


def _held(host: OneHost) -> int | None:
    both = inuse_both(host.sockstat, host.sockstat6)
    return tcp_close(host.sockstat.get("TCP", "alloc"), [both])


def _shown(value: int | None) -> str:
    return "not given" if value is None else str(value)


def _steps(host: OneHost, paint: Paint) -> Iterator[str]:
    tcp = host.sockstat.lines.get("TCP", {})
    alloc, inuse, tw = tcp.get("alloc"), tcp.get("inuse"), tcp.get("tw")
    inuse6 = 0 if host.sockstat6 is None else host.sockstat6.get("TCP6", "inuse")
    both = inuse_both(host.sockstat, host.sockstat6)
    held = _held(host)
    as_ss = closed(host.sockstat, host.sockstat6)
    reckoned = f"{_shown(alloc)} - ({_shown(inuse)} + {_shown(inuse6)} - {_shown(tw)})"
    steps = {
        f"alloc = {_shown(alloc)}": _ALLOC,
        _sum("inuse + inuse6", (inuse, inuse6), "+", both): _IN_USE,
        _sum("tcp_close = alloc - (inuse + inuse6)", (alloc, both), "-", held): _TCP_CLOSE,
        f"tw = {_shown(tw)}": _TW,
        f"closed = alloc - (inuse + inuse6 - tw) = {reckoned}{_result(as_ss)}": _CLOSED
        + (f" Of these {as_ss}, {tw} are TIME_WAIT." if tw and as_ss is not None else ""),
    }
    for number, (sum_, words) in enumerate(steps.items(), 1):
        line = paint.wrapped(sum_, first=f"{_STEP}{number}. ", rest=_WORDS)
        yield paint.styled(line, "bold")
        yield paint.wrapped(words, first=_WORDS, rest=_WORDS)


def _sum(formula: str, parts: tuple[int | None, int | None], sign: str, result: int | None) -> str:
    numbers = f" {sign} ".join(map(_shown, parts))
    return f"{formula} = {numbers}{_result(result)}"


def _result(result: int | None) -> str:
    return "" if result is None else f" = {result}"


def _meaning(host: OneHost, paint: Paint) -> Iterator[str]:
    alloc = host.sockstat.get("TCP", "alloc")
    held = _held(host)
    for words in (_held_means(held, alloc), *_others_mean(host)):
        yield paint.wrapped(words, first=_STEP, rest=_STEP)


def _held_means(held: int | None, alloc: int | None) -> str:
    if held is None or alloc is None:
        return (
            "tcp_close is not known: a counter that it needs is missing. That is not the same "
            "as none."
        )
    if held < 0:
        return (
            f"tcp_close is {held}: the files were read one after the other, and sockets came in "
            "between. Read it as about none."
        )
    if held == 0:
        return "No TCP socket is held in state CLOSE: nothing leaks here."
    share = f" ({100 * held / alloc:.0f} % of alloc)" if alloc else ""
    return (
        f"At most {held} TCP sockets{share} are closed but still held. It is exactly that many "
        "where all the machine's sockets are in this one network namespace; with containers, "
        "what those have in use is still in the number, and in that of `ss -s`. Some are "
        "normal: sockets made and not used yet count too. Growth is the alarm."
    )


def _others_mean(host: OneHost) -> Iterator[str]:
    orphan, mem = host.sockstat.get("TCP", "orphan"), host.sockstat.get("TCP", "mem")
    if orphan:
        yield (
            f"orphan {orphan}: no process holds these any more, the kernel is still closing "
            "them. They are in alloc and not among the closed."
        )
    if mem is not None:
        size = "" if host.page_size is None else f" = {amount_of_memory(mem * host.page_size)}"
        yield f"mem {mem}: pages of memory in all TCP buffers of the machine{size}."


def _next(host: OneHost, paint: Paint) -> Iterator[str]:
    held = tcp_close(host.sockstat.get("TCP", "alloc"), [inuse_both(host.sockstat, host.sockstat6)])
    advice: tuple[tuple[str, str], ...] = _WITHOUT_THE_COUNTERS
    if held is not None:
        advice = _WITH_CLOSED_SOCKETS if held > 0 else _WITHOUT_A_LEAK
    for words, shell_command in advice:
        yield paint.wrapped(words, first=f"{_STEP}- ", rest=_STEP * 2)
        if shell_command:
            yield _STEP * 4 + shell_command  # never wrapped, so that it can be copied
