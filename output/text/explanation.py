"""Explain the arithmetic of one host step by step, and what the result means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...aggregator.arithmetic import find_contradictions
from ...aggregator.diagnosis import Word
from ...aggregator.host import HostSummary, summarize_host
from ...aggregator.namespaces import NamespaceSummary
from ...aggregator.numbers import TcpNumbers
from ...aggregator.thresholds import Thresholds
from ...collector.outcome import HostReading
from ...collector.probe.kernel import Kernel
from ...collector.probe.sockstat import Sockstat
from ...core.errors import SockfleetError
from ...core.record import record
from ...core.text import count_text
from ..formats import RenderOptions
from .diagnosis_sentences import name_namespace, next_shows, sentence
from .holders import holder_lines
from .style import TextStyle, format_memory

__all__ = ["OneHost", "explanation", "one_host"]

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
_ELSEWHERE = (
    "The same in the other network namespaces of the machine that could be read, such as those of "
    "containers."
)
_TCP_CLOSE = (
    "What is left is in state CLOSE: created and never connected, or its connection is over and a "
    "process still holds it open."
)
_TW = (
    "Connections in TIME_WAIT. The kernel keeps each in a small object of its own, so they are "
    "neither in alloc nor in inuse, and they go by themselves."
)
_MOST_NAMESPACES = 10
_ANSWERED_BY_PROCESSES = (Word.CONTAINER_HELD, Word.HELD_CLOSED)
_NOT_KNOWN = (
    "tcp_close is not known: a counter that it needs is missing. That is not the same as none."
)
_WITHOUT_THE_COUNTERS = (
    "Save the host's /proc/net/sockstat and /proc/net/sockstat6 again, as they are."
)
_AGAIN = "Reckon again in an hour: a number that only grows is a leak, one that stays is normal."


@record
class OneHost:
    """One host's files and summary, to be explained."""

    origin: str
    """For the title: ``this machine``, the names of the files, or of the host."""
    sockstat: Sockstat
    sockstat6: Sockstat | None
    is_ipv6_off: bool
    """Whether a missing sockstat6 means that IPv6 is off; False: it may just not be given."""
    summary: HostSummary
    """The numbers, namespaces and diagnosis that follow from the files."""

    @property
    def tcp(self) -> TcpNumbers:
        """The raw and the derived numbers."""
        return self.summary.tcp or TcpNumbers()

    @property
    def kernel(self) -> Kernel:
        """The kernel's release and limits; saved files rarely have any."""
        return self.summary.kernel or Kernel()

    @property
    def elsewhere(self) -> list[NamespaceSummary]:
        """The network namespaces that were read, without the host's own."""
        return [one for one in self.summary.namespaces or () if not one.host]


def one_host(
    reading: HostReading,
    *,
    origin: str,
    is_ipv6_off: bool = True,
    thresholds: Thresholds | None = None,
) -> OneHost:
    """Summarize a reading for an explanation under the title ``origin``.

    Raises SockfleetError for counters beyond a kernel's range.
    """
    summary = summarize_host(reading, thresholds or Thresholds())
    if summary.error is not None:
        raise SockfleetError(f"{origin}: {summary.error.message}")
    return OneHost(
        origin=origin,
        sockstat=reading.sockstat,
        sockstat6=reading.sockstat6,
        is_ipv6_off=is_ipv6_off,
        summary=summary,
    )


def explanation(host: OneHost, options: RenderOptions, *, over_time: Sequence[str] = ()) -> bytes:
    """Return the whole text; ``over_time`` are sentences about the host's trends."""
    style = TextStyle(options)
    sections = (
        ("What was read", (*_read(host, style), *_namespaces(host, style))),
        ("Step by step", _steps(host, style)),
        ("What it means", (*_meaning(host, style), *_over_time(over_time, style))),
        ("What to look at next", _next(host, style)),
    )
    parts = [style.wrap(f"TCP sockets of {host.origin}")]
    for title, lines in sections:
        parts.append("\n".join([style.render(title, "bold"), *lines]))
    named = list(holder_lines([host.summary], style, most=None))
    if named:
        parts.insert(-1, "\n".join(named))
    return style.encode("\n\n".join(parts) + "\n")


def _read(host: OneHost, style: TextStyle) -> Iterator[str]:
    for file, name in ((host.sockstat, "TCP"), (host.sockstat6, "TCP6")):
        line = {} if file is None else file.lines.get(name, {})
        if line:
            counters = ", ".join(f"{key} {value}" for key, value in line.items())
            yield style.wrap(f"{name + ':':<6}{counters}", first=_STEP, rest=_WORDS)
    if host.sockstat.get("TCP", "alloc") is None and "TCP" not in host.sockstat.lines:
        yield style.wrap("There is no TCP line.", first=_STEP, rest=_WORDS)
    if host.sockstat6 is None:
        yield style.wrap(
            "There is no sockstat6: IPv6 is off, and inuse6 counts as 0."
            if host.is_ipv6_off
            else "No sockstat6 was given: inuse6 counts as 0, which is right only where IPv6 is "
            "off. Add the file if the host has one.",
            first=_STEP,
            rest=_STEP,
        )


def _namespaces(host: OneHost, style: TextStyle) -> Iterator[str]:
    """Yield the network namespaces that were read, the highest bound of closed sockets first."""
    summary, elsewhere = host.summary, host.elsewhere
    if summary.namespaces is None:
        return
    all_read = "all there are" if not summary.is_bound else "there may be more"
    words = f"{count_text(len(summary.namespaces), 'network namespace')} read, {all_read}."
    yield style.wrap(" ".join([words, *_reasons(summary)]), first=_STEP, rest=_STEP)
    elsewhere.sort(key=lambda one: -(one.tcp_close_max or 0))
    for one in elsewhere[:_MOST_NAMESPACES]:
        most = "" if one.tcp_close_max is None else f", at most {one.tcp_close_max} closed"
        words = f"{name_namespace(one)}: {_both(one)} in use{most}"
        yield style.wrap(words, first=f"{_STEP}- ", rest=_STEP * 2)
    if (more := len(elsewhere) - _MOST_NAMESPACES) > 0:
        yield style.wrap(f"… and {more} more", first=_STEP, rest=_STEP)


def _reasons(summary: HostSummary) -> Iterator[str]:
    if summary.scope_reasons:
        yield f"Why: {'; '.join(summary.scope_reasons)}."
    if summary.uncertainty and not _is_contradicted(summary):
        yield (
            f"Sockets came and went while they were read: tcp_close may be off by "
            f"{summary.uncertainty}."
        )


def _is_contradicted(summary: HostSummary) -> bool:
    """Whether the counters contradict each other, which `HostSummary.scope_reasons` then says."""
    doubt = summary.uncertainty
    if doubt and summary.is_bound:
        doubt -= 1  # a contradiction raises the uncertainty to its own size
    return any(find_contradictions(summary.tcp or TcpNumbers(), doubt))


def _both(one: NamespaceSummary) -> int:
    return one.inuse + (one.inuse6 or 0)


def _shown(value: int | None) -> str:
    return "not given" if value is None else str(value)


def _steps(host: OneHost, style: TextStyle) -> Iterator[str]:
    for number, (sum_, words) in enumerate(_sums(host).items(), 1):
        line = style.wrap(sum_, first=f"{_STEP}{number}. ", rest=_WORDS)
        yield style.render(line, "bold")
        yield style.wrap(words, first=_WORDS, rest=_WORDS)


def _sums(host: OneHost) -> dict[str, str]:
    """Each step of the arithmetic, and what it means."""
    tcp = host.tcp
    inuse6 = 0 if host.sockstat6 is None else tcp.inuse6
    both = None if tcp.inuse is None or inuse6 is None else tcp.inuse + inuse6
    steps = {
        f"alloc = {_shown(tcp.alloc)}": _ALLOC,
        _sum("inuse + inuse6", (tcp.inuse, inuse6), "+", both): _IN_USE,
    }
    if host.elsewhere:
        others = sum(map(_both, host.elsewhere))
        steps[f"elsewhere = {others}"] = _ELSEWHERE
        formula = "tcp_close = alloc - (inuse + inuse6) - elsewhere"
        steps[_sum(formula, (tcp.alloc, both, others), "-", tcp.tcp_close)] = _TCP_CLOSE
    else:
        formula = "tcp_close = alloc - (inuse + inuse6)"
        steps[_sum(formula, (tcp.alloc, both), "-", tcp.tcp_close)] = _TCP_CLOSE
    steps[f"tw = {_shown(tcp.tw)}"] = _TW
    computed = f"{_shown(tcp.alloc)} - ({_shown(tcp.inuse)} + {_shown(inuse6)} - {_shown(tcp.tw)})"
    as_ss = f"closed = alloc - (inuse + inuse6 - tw) = {computed}{_result(tcp.closed)}"
    steps[as_ss] = _closed_means(host)
    return steps


def _closed_means(host: OneHost) -> str:
    tcp = host.tcp
    words = "What `ss -s` calls closed: tcp_close and TIME_WAIT together"
    if any(map(_both, host.elsewhere)):
        words += ", and what is in use elsewhere, which it cannot see"
    if not tcp.tw or tcp.closed is None or tcp.tw > tcp.closed:
        return f"{words}."
    return f"{words}. Of these {tcp.closed}, {tcp.tw} are TIME_WAIT."


def _sum(formula: str, parts: tuple[int | None, ...], sign: str, result: int | None) -> str:
    numbers = f" {sign} ".join(map(_shown, parts))
    return f"{formula} = {numbers}{_result(result)}"


def _result(result: int | None) -> str:
    return "" if result is None else f" = {result}"


def _meaning(host: OneHost, style: TextStyle) -> Iterator[str]:
    diagnoses = [sentence(one, host.summary) for one in host.summary.diagnosis]
    for words in (_held_means(host), *diagnoses, *_others_mean(host)):
        yield style.wrap(words, first=_STEP, rest=_STEP)


def _over_time(sentences: Sequence[str], style: TextStyle) -> Iterator[str]:
    for text in sentences:
        yield style.wrap(f"Over time: {text}.", first=_STEP, rest=_STEP)


def _held_means(host: OneHost) -> str:
    held, alloc = host.tcp.tcp_close, host.tcp.alloc
    if held is None or alloc is None:
        return _NOT_KNOWN
    if held < 0:
        return _below_zero(held, alloc, host.summary)
    if held == 0:
        return "No TCP socket is held in state CLOSE: nothing leaks here."
    share = f" ({100 * held / alloc:.0f} % of alloc)" if alloc else ""
    normal = "Some are normal: sockets made and not used yet count too. Growth is the alarm."
    if not host.summary.is_bound:
        return f"{held} TCP sockets{share} are closed but still held. {normal}"
    return (
        f"At most {held} TCP sockets{share} are closed but still held. It is exactly that many "
        "where the network namespaces that were read are all of the machine's; with containers "
        "beside them, what those have in use is still in the number, and in that of `ss -s`. "
        f"{normal}"
    )


def _below_zero(held: int, alloc: int, summary: HostSummary) -> str:
    if not _is_contradicted(summary):
        return (
            f"tcp_close is {held}: sockets came and went while the files were read. Read it as "
            "about none."
        )
    return (
        f"tcp_close is {held}: alloc counts {alloc} TCP sockets, and {alloc - held} are in use, "
        "which alloc counts too. The counters contradict each other, so it is not known how many "
        "are closed."
    )


def _others_mean(host: OneHost) -> Iterator[str]:
    orphan, mem, page_size = host.tcp.orphan, host.tcp.mem_pages, host.kernel.page_size
    if orphan:
        yield (
            f"orphan {orphan}: no process holds these any more, the kernel is still closing "
            "them. They are in alloc and not among the closed."
        )
    if mem is not None:
        size = "" if page_size is None else f" = {format_memory(mem * page_size)}"
        yield f"mem {mem}: pages of memory in all TCP buffers of the machine{size}."


def _next(host: OneHost, style: TextStyle) -> Iterator[str]:
    # Two words may lead to the same command.
    commands = {
        one.next: next_shows(one, host.summary)
        for one in host.summary.diagnosis
        if host.summary.processes is None or one.word not in _ANSWERED_BY_PROCESSES
    }
    for shell_command, shows in commands.items():
        yield style.wrap(shows, first=f"{_STEP}- ", rest=_STEP * 2)
        yield _STEP * 4 + shell_command  # never wrapped, so a user can copy it
    if (host.tcp.tcp_close or 0) > 0:
        yield style.wrap(_AGAIN, first=f"{_STEP}- ", rest=_STEP * 2)
    if not host.summary.diagnosis:
        yield style.wrap(_WITHOUT_THE_COUNTERS, first=f"{_STEP}- ", rest=_STEP * 2)
