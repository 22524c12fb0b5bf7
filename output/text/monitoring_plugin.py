"""The output of a monitoring plugin, by the Monitoring Plugins guidelines.

    SOCKFLEET CRITICAL - worst.tcp_close 1500 above 1000 (web7 1500, …) | 'failed'=0;0;;0;60 …
    [CRITICAL] worst.tcp_close 1500, warning 500, critical 1000: web7 1500, web3 900
    …

One line of status with the performance data behind the bar, then the long output. The daemons
limit what they read (Nagios 8 KiB, older NRPE 1 KiB), and a bar starts performance data in every
line, so all text is bounded and has no bar. It is plain ASCII apart from names, and without the
characters that Nagios strips from macros (illegal_macro_output_chars).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...aggregator.measures import Measure
from ...alerting.levels.state import Level, State
from ...core.text import clean

__all__ = ["failure_text", "plugin_text"]

_NAME = "SOCKFLEET"
_STATUS_LIMIT = 300
_LINE_LIMIT = 300
_MOST_LINES = 15
_PERFDATA_LIMIT = 2000
_NAMED = 3


def plugin_text(
    state: State,
    levels: Sequence[Level],
    *,
    summary: str,
    doubts: Sequence[str] = (),
    details: Sequence[str] = (),
    extra: Sequence[Measure] = (),
) -> str:
    """Return the whole output of the plugin.

    The status line always ends with ``summary``; ``doubts`` are reasons why the scan may not show
    the state of the fleet; ``details`` are further lines of long output; ``extra`` numbers appear
    in the performance data only.
    """
    raised = [level for level in levels if level.state is not State.OK]
    raised.sort(key=lambda level: -level.state.severity)
    reasons = [_reason(level) for level in raised]
    first = [*doubts[:1], *reasons] if state is State.UNKNOWN else [*reasons, *doubts[:1]]
    status = f"{_NAME} {state.name} - " + "; ".join([*first, summary])
    metrics = _perfdata([*levels, *(Level(measure=measure) for measure in extra)])
    lines = [_line(status, _STATUS_LIMIT) + (f" | {metrics}" if metrics else "")]
    long = [_long_line(level) for level in sorted(levels, key=lambda one: one.state is State.OK)]
    long += details
    lines += [_line(text, _LINE_LIMIT) for text in long[:_MOST_LINES]]
    if len(long) > _MOST_LINES:
        lines.append(f"... and {len(long) - _MOST_LINES} more lines")
    return "\n".join(lines) + "\n"


def failure_text(state: State, problem: str) -> str:
    """Return the one line of a check that failed: the state and the problem."""
    return _line(f"{_NAME} {state.name} - {problem}", _STATUS_LIMIT * 2) + "\n"


def _line(text: str, limit: int) -> str:
    return clean(text.replace("|", "/"), limit=limit).replace("…", "...")


def _number(value: float, unit: str) -> str:
    text = f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return text + unit


def _value(measure: Measure) -> str:
    if measure.value is None:
        return "not known"
    return f"{measure.qualifier} {_number(measure.value, measure.unit)}".lstrip()


def _reason(level: Level) -> str:
    measure, state = level.measure, level.state
    if measure.value is None:
        return f"{measure.key} not known"
    ranges = level.critical if state is State.CRITICAL else level.warning
    where = "" if ranges is None else f" {ranges.where(measure.value)}"
    return f"{measure.key} {_value(measure)}{where}{_in_brackets(measure)}"


def _in_brackets(measure: Measure) -> str:
    hosts = ", ".join(_hosts(measure))
    return f" ({hosts})" if hosts else ""


def _hosts(measure: Measure) -> Iterator[str]:
    for name, value in measure.hosts[:_NAMED]:
        yield f"{name} {_number(value, measure.unit)}"
    yield from measure.names[:_NAMED]
    if len(measure.names) > _NAMED:
        yield f"{len(measure.names) - _NAMED} more"


def _long_line(level: Level) -> str:
    text = f"[{level.state.name}] {level.measure.key} {_value(level.measure)}"
    for name, levels in (("warning", level.warning), ("critical", level.critical)):
        if levels is not None:
            text += f", {name} {levels}"
    hosts = ", ".join(_hosts(level.measure))
    return f"{text}: {hosts}" if hosts else text


def _perfdata(levels: Sequence[Level]) -> str:
    """Join the metrics: each number once, whole, and no more than the limit allows."""
    found: dict[str, str] = {}
    for level in levels:
        if level.measure.value is not None:
            found.setdefault(level.measure.key, _metric(level, level.measure.value))
    text = ""
    for metric in found.values():
        if len(text) + len(metric) >= _PERFDATA_LIMIT:
            break
        text += f" {metric}"
    return text.lstrip()


def _metric(level: Level, value: float) -> str:
    measure = level.measure
    fields = (
        _number(value, measure.unit),
        "" if level.warning is None else str(level.warning),
        "" if level.critical is None else str(level.critical),
        # A change may be negative; the guidelines need no limits for a percentage.
        "0" if measure.most is not None and measure.unit != "%" else "",
        "" if measure.most is None or measure.unit == "%" else _number(measure.most, ""),
    )
    return f"'{measure.key}'=" + ";".join(fields).rstrip(";")
