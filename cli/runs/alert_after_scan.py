"""``scan --save --alert RULES.yml``: judge the scan that was just saved, and notify."""

from __future__ import annotations

from dataclasses import replace

from ...aggregator.fleet import FleetSummary
from ...alerting.evidence import EvidenceProbe
from ...alerting.stored_past import stream_of_scan
from ...core.errors import SockfleetError
from ...history.store.opening import use_store
from ...inventory.models import Probe
from ...output.formats import RenderOptions
from ...output.text.over_time.alert_lines import notification_lines
from ...output.text.style import TextStyle
from ...scan.options import ScanOptions
from ..console import streams
from .alert_run import LoadedRules, evaluate_and_send, report_delivery

__all__ = ["ScanAlerter"]

_PLAIN = TextStyle(RenderOptions(ascii=True, width=None))


class ScanAlerter:
    """Judges saved scans by a rules file. Raises UsageError for one that cannot be used."""

    def __init__(self, rules: str, store: str | None, options: ScanOptions, *, quiet: bool) -> None:
        self._loaded = LoadedRules(rules, reads_secrets=True)
        self._store = store
        self._quiet = quiet
        self._probe = None
        if options.probe is not Probe.FORCED:
            # The hosts are those of the scan: they need no limit of their own.
            self._probe = EvidenceProbe(replace(options, limit=None))

    def run(self, summary: FleetSummary) -> bool:
        """Judge what is saved of this selection; whether every sink was reached.

        The alerts go to stderr, as standard output has the scan.
        """
        try:
            with use_store(self._store) as store:
                evaluation, delivery = evaluate_and_send(
                    store, self._loaded, stream=stream_of_scan(summary.scan), probe=self._probe
                )
        except SockfleetError as error:
            streams.warn(f"error: the scan is saved, but not judged: {error}")
            return False
        streams.warn_all(evaluation.notes, quiet=self._quiet)
        if not self._quiet:
            for line in notification_lines(evaluation.notifications, _PLAIN):
                streams.warn(line)
        report_delivery(delivery, quiet=self._quiet)
        return delivery.is_whole
