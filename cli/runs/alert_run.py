"""``sockfleet alert RULES.yml``: load the rules, judge the store's scans, send, report."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...alerting.evaluate import Evaluation, Evaluator
from ...alerting.evidence import EvidenceProbe
from ...alerting.examples import find_example_faults
from ...alerting.notification import Severity
from ...alerting.notifying import SinkTraits
from ...alerting.replay import replay_scans
from ...alerting.rules.document import RulesError
from ...alerting.rules.load import load_rules
from ...alerting.rules.model import RulesFile
from ...alerting.sending import Delivery, deliver
from ...alerting.sinks.registry import SinkSet, build_sinks
from ...alerting.sinks.sink import Ping, Unreached
from ...alerting.states.alert_state import AlertState
from ...core.errors import SockfleetError
from ...core.exit_codes import Exit
from ...core.text import count_text
from ...history.moments import parse_moment
from ...history.store.alerts.states import ensure_alert_tables
from ...history.store.database.connection import Store
from ...history.store.opening import use_store
from ...output.text.over_time.alert_lines import (
    describe_states,
    notification_lines,
    replay_lines,
    silenced_lines,
)
from ...output.text.style import TextStyle
from ...scan.options import ScanOptions
from ..console import streams, terminal
from ..console.log_lines import log_to_stderr
from ..options.click_options import scan_options_from
from ..options.history_options import local_now

__all__ = ["AlertRun", "LoadedRules", "check_rules", "evaluate_and_send", "report_delivery"]


class LoadedRules:
    """A rules file with its sinks; raises RulesError with every fault of both."""

    def __init__(self, path: str, *, reads_secrets: bool) -> None:
        self.path = path if path == "-" else os.path.realpath(path)
        self._folder = Path.cwd() if path == "-" else Path(self.path).parent
        self._reads_secrets = reads_secrets
        self.sinks = SinkSet()
        self.rules: RulesFile = load_rules(path, self._check_sinks)

    def _check_sinks(self, document: Mapping[str, object]) -> Iterable[tuple[tuple[str, ...], str]]:
        self.sinks = build_sinks(document, self._folder, reads_secrets=self._reads_secrets)
        return [(tuple(fault.path), fault.problem) for fault in self.sinks.faults]

    @property
    def traits(self) -> Mapping[str, SinkTraits]:
        """The properties of each sink that decide what it receives."""
        return {
            name: SinkTraits(name=name, repeats_all=sink.repeats_all, most_alerts=sink.most_alerts)
            for name, sink in self.sinks.sinks.items()
        }


def check_rules(path: str) -> int:
    """Report every fault of a file, and run its examples; returns the exit code."""
    try:
        loaded = LoadedRules(path, reads_secrets=False)
    except RulesError as error:
        _print_faults(error)
        return Exit.USAGE
    faults = list(find_example_faults(loaded.rules))
    for fault in faults:
        streams.warn(f"error: {fault}")
    rules, sinks = len(loaded.rules.rules), len(loaded.sinks.sinks) + len(loaded.sinks.heartbeats)
    examples = sum(len(rule.examples) for rule in loaded.rules.rules)
    if faults:
        return Exit.USAGE
    streams.write(
        f"{path}: {count_text(rules, 'rule')}, {count_text(sinks, 'sink')}, "
        f"{count_text(examples, 'example')}: no fault\n".encode()
    )
    return Exit.OK


class AlertRun:
    """One evaluation, for the command or after a scan."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._quiet: bool = given["quiet"]
        self._style = TextStyle(terminal.render_options("auto"))

    def run(self) -> int:
        """Judge, send and report; returns the exit code."""
        log_to_stderr(self._given["verbose"])
        try:
            loaded = LoadedRules(self._given["rules"], reads_secrets=not self._given["dry_run"])
        except RulesError as error:
            _print_faults(error)
            return Exit.USAGE
        with use_store(self._given["store"]) as store:
            streams.warn_all(store.notes, quiet=self._quiet)
            if self._given["since"] is not None:
                return self._replay(store, loaded)
            if self._given["dry_run"]:
                return self._try(store, loaded)
            evaluation, delivery = evaluate_and_send(
                store, loaded, fleet=self._given["fleet"], probe=self._probe()
            )
        self._report(evaluation, delivery)
        code = _code_of(delivery)
        return code or self._findings_code(evaluation.states)

    def _probe(self) -> EvidenceProbe | None:
        if not self._given["inventory"]:
            return None
        options: ScanOptions = scan_options_from(self._given)
        return EvidenceProbe(options)

    def _try(self, store: Store, loaded: LoadedRules) -> int:
        evaluator = Evaluator(store, _named(loaded), loaded.traits, fleet=self._given["fleet"])
        evaluation = evaluator.run(is_dry=True)
        self._print_evaluation(evaluation)
        alerts = [one for one in evaluation.notifications if not one.is_repeat]
        would = f"{count_text(len(alerts), 'alert')} would be sent; nothing was"
        self._print([f"{describe_states(evaluation.states)}; {would}."])
        return self._findings_code(evaluation.states)

    def _replay(self, store: Store, loaded: LoadedRules) -> int:
        since = parse_moment(self._given["since"], local_now())
        found = replay_scans(store, _named(loaded), loaded.traits, since, self._given["fleet"])
        streams.warn_all(found.notes, quiet=self._quiet)
        messages_at = [(row.started_at, sent) for row, sent in found.notified]
        lines = list(replay_lines(messages_at, self._style))
        self._print(lines)
        scans, messages = count_text(found.scans, "scan"), count_text(len(lines), "message")
        would = f"{scans} since {since:%Y-%m-%d %H:%M}: would have sent {messages}"
        self._print([f"{would}. {describe_states(found.states)} at the end."])
        return self._findings_code(found.states)

    def _report(self, evaluation: Evaluation, delivery: Delivery) -> None:
        self._print_evaluation(evaluation)
        report_delivery(delivery, quiet=self._quiet)
        scans = count_text(len(evaluation.judged), "new scan")
        sent = count_text(delivery.messages, "message")
        self._print([f"{scans}: {describe_states(evaluation.states)}; {sent} sent."])

    def _print_evaluation(self, evaluation: Evaluation) -> None:
        streams.warn_all(evaluation.notes, quiet=self._quiet)
        self._print(notification_lines(evaluation.notifications, self._style))
        self._print(silenced_lines(evaluation.silenced))

    def _print(self, lines: Iterable[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        if text and not self._quiet:
            streams.write(self._style.encode(text))

    def _findings_code(self, states: Iterable[AlertState]) -> int:
        if not self._given["exit_code"]:
            return Exit.OK
        severities = {state.course.severity for state in states if state.course.is_firing}
        if Severity.CRITICAL in severities:
            return Exit.CRITICAL_FIRES
        return Exit.WARNING_FIRES if severities else Exit.OK


def evaluate_and_send(
    store: Store,
    loaded: LoadedRules,
    *,
    fleet: str | None = None,
    stream: str | None = None,
    probe: EvidenceProbe | None = None,
) -> tuple[Evaluation, Delivery]:
    """Judge what is new, save it, and send what waits; heartbeats report how it ended."""
    ensure_alert_tables(store)
    rules = _named(loaded)
    delivery = Delivery()
    _ping(loaded, Ping.START, delivery)
    try:
        evaluator = Evaluator(store, rules, loaded.traits, fleet=fleet, stream=stream, probe=probe)
        evaluation = evaluator.run()
        sent = deliver(store, rules.path, loaded.sinks.sinks)
    except SockfleetError:
        _ping(loaded, Ping.FAIL, delivery)
        raise
    sent.missed_pings += delivery.missed_pings
    _ping(loaded, Ping.SUCCESS if sent.is_whole else Ping.FAIL, sent)
    return evaluation, sent


def report_delivery(delivery: Delivery, *, quiet: bool) -> None:
    """Say on stderr which sinks and heartbeats were not reached, and what a receiver refused."""
    streams.warn_all(delivery.notes, quiet=quiet)
    for problem in delivery.problems:
        streams.warn(f"error: {problem}; what waits is sent by the next run")
    for problem in dict.fromkeys(delivery.missed_pings):  # at the start and at the end
        streams.warn(f"error: {problem}")


def _code_of(delivery: Delivery) -> int:
    return Exit.OK if delivery.is_whole else Exit.LOCAL


def _named(loaded: LoadedRules) -> RulesFile:
    from dataclasses import replace

    return replace(loaded.rules, path=loaded.path)


def _ping(loaded: LoadedRules, ping: Ping, delivery: Delivery) -> None:
    for name, heartbeat in loaded.sinks.heartbeats.items():
        answer = heartbeat.ping(ping)
        if isinstance(answer, Unreached):
            delivery.missed_pings.append(f"heartbeat {name}: {answer.reason}")


def _print_faults(error: RulesError) -> None:
    for line in error.lines:
        streams.warn(f"error: {line}")
