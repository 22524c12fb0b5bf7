"""Evaluate the templates in connection variables, as far as Jinja2 alone can.

A template sees its host's own variables, ``inventory_hostname``, ``inventory_hostname_short`` and
``group_names``. All templates of a run are evaluated by one process (`template_process`), which is
started only where there is one; a template that ends this process is at fault itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...core.lazy_pattern import lazy_pattern
from ...core.text import clean
from ..models import InventoryHost, LiteralText
from .variables import NAMES, UnresolvedTemplate

__all__ = ["evaluate_templates", "is_template", "make_context"]

_CONNECTION_NAMES = frozenset(NAMES)
_MARKS = lazy_pattern(r"\{\{|\{%|\{#")
_TIME_LIMIT_S = 120.0  # of one process, which bounds its own processor time far below
_WORD = lazy_pattern(r"[^\W\d]\w*")
_MOST_DEATHS = 3
_PROCESS = "sockfleet.inventory.connection.template_process"
_Request = tuple[InventoryHost, str]


def is_template(value: object) -> bool:
    """Whether Ansible would evaluate ``value``: a text with a mark of Jinja2, not ``!unsafe``."""
    return (
        isinstance(value, str)
        and "{" in value
        and not isinstance(value, LiteralText)
        and _MARKS().search(value) is not None
    )


def evaluate_templates(hosts: Iterable[InventoryHost]) -> Mapping[str, Mapping[str, Any]]:
    """Return the values of templated connection variables, by the host's name.

    A template without a value gives an `UnresolvedTemplate`. Hosts without templates are absent.
    """
    requests = [
        (host, name) for host in hosts for name in NAMES if is_template(host.variables.get(name))
    ]
    found: dict[str, dict[str, Any]] = {}
    deaths = 0
    answers: list[dict[str, Any]] = []
    while len(answers) < len(requests):
        if deaths == _MOST_DEATHS:
            problem = f"not evaluated, as {deaths} others took too much time or memory"
            answers += [{"error": problem}] * (len(requests) - len(answers))
            break
        answers += _run(requests[len(answers) :])
        if len(answers) < len(requests):
            deaths += 1
            answers.append({"error": "it takes too much time or memory"})
    for (host, name), answer in zip(requests, answers, strict=True):
        found.setdefault(host.name, {})[name] = (
            answer["value"]
            if "value" in answer
            else UnresolvedTemplate(
                text=host.variables[name], problem=clean(answer["error"], limit=400)
            )
        )
    return found


def _run(requests: Sequence[_Request]) -> list[dict[str, Any]]:
    """Return the answers up to the request that ended the process."""
    # Imported here: most inventories have no template.
    import json
    import pickle
    import subprocess

    names: dict[str, list[str]] = {}
    hosts = {host.name: host for host, _ in requests}
    for host, name in requests:
        names.setdefault(host.name, []).append(name)
    # A pickle keeps every type, and holds a value once that many hosts or aliases share.
    document = pickle.dumps(
        [(make_context(hosts[name], wanted), wanted) for name, wanted in names.items()]
    )
    try:
        # -P: no module of the current folder is imported.
        done = subprocess.run(
            [sys.executable, "-P", "-m", _PROCESS],
            input=document,
            capture_output=True,
            check=False,
            timeout=_TIME_LIMIT_S + len(requests) / 500,
        )
        printed = done.stdout
    except subprocess.TimeoutExpired as error:
        printed = error.stdout or b""
    # The last line is whole only where its newline was written.
    lines = printed.split(b"\n")[:-1]
    return [json.loads(line) for line in lines[: len(requests)]]


def make_context(host: InventoryHost, wanted: Sequence[str]) -> dict[str, Any]:
    """Return the variables that the wanted ones may use, so that the others need not be sent."""
    context: dict[str, Any] = {}
    waiting = list(wanted)
    seen: set[int] = set()
    while waiting:
        name = waiting.pop()
        if name in host.variables and name not in context:
            context[name] = host.variables[name]
            waiting += _find_names(context[name], seen)
    return context | {
        "inventory_hostname": LiteralText(host.name),
        "inventory_hostname_short": LiteralText(host.name.split(".")[0]),
        "group_names": [LiteralText(name) for name in host.groups or ("ungrouped",)],
    }


def _find_names(value: object, seen: set[int]) -> list[str]:
    """Return all words of the templates in a value; lists and mappings in ``seen`` are skipped."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            found += _WORD().findall(part) if is_template(part) else ()
        elif isinstance(part, (list, dict)) and id(part) not in seen:
            seen.add(id(part))
            waiting += part.values() if isinstance(part, dict) else part
    return found
