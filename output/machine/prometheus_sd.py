"""The targets of an inventory, in the JSON that Prometheus reads from files (``file_sd_configs``).

Format: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config

Prometheus drops labels that begin with ``__meta_`` after relabelling. The name is no label ``host``
of the target, as Prometheus would rename the label ``host`` of sockfleet's own metrics to
``exported_host``. The groups are one label with a separator around each, as tags are in
Prometheus's own discoveries (``__meta_consul_tags``), so ``.*,web,.*`` matches a group.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from ...core.text import escape
from ...inventory.models import Host

__all__ = ["format_targets"]

_SEPARATOR = ","


def format_targets(hosts: Iterable[Host], *, port: int) -> bytes:
    """Return one target for each host, in their order, with its name and groups as labels.

    ``port`` is that of the exporter on every host.
    """
    targets = [{"targets": [_target(host, port)], "labels": _labels(host)} for host in hosts]
    return orjson.dumps(targets, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _target(host: Host, port: int) -> str:
    address = f"[{host.address}]" if ":" in host.address else host.address
    return f"{address}:{port}"


def _labels(host: Host) -> dict[str, str]:
    # The name as the label "host" of sockfleet's metrics has it, so that the two can be joined.
    found = {"__meta_sockfleet_host": escape(host.name)}
    if host.groups:
        groups = "".join(_escape_group(name) + _SEPARATOR for name in host.groups)
        found["__meta_sockfleet_groups"] = _SEPARATOR + groups
    return found


def _escape_group(name: str) -> str:
    """Escape a comma in a group's name too: it would name two other groups."""
    return escape(name).replace(_SEPARATOR, r"\x2c")
