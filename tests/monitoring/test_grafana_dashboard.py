"""The shipped Grafana dashboard: its JSON model, and each query answered by a real Prometheus.

Grafana itself is not part of the tests. Its model:
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from itertools import combinations

import pytest
import yaml

from tests.support.fleet.exported_fleet import export_fleet
from tests.support.monitoring.json_receiver import run_json_receiver
from tests.support.monitoring.prometheus import (
    RULES,
    ask_api,
    load_history,
    query,
    run_node_exporter,
    run_prometheus,
    wait_until,
)
from tests.support.paths import EXAMPLES

DASHBOARD = json.loads((EXAMPLES / "grafana/sockfleet.json").read_bytes())
PANELS = DASHBOARD["panels"]
VARIABLES = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
TARGETS = [
    pytest.param(panel, target, id=f"{panel['title']}-{target['refId']}")
    for panel in PANELS
    for target in panel.get("targets", ())
]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
DAY_S = 24 * 3600


def values(node: object, key: str) -> Iterator[object]:
    """Yield each value of a key, at any depth."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from values(value, key)
    elif isinstance(node, list):
        for each in node:
            yield from values(each, key)


def test_the_dashboard_can_be_imported():
    """An id would name a dashboard of another Grafana; a uid keeps links when it is imported."""
    assert DASHBOARD["id"] is None
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", DASHBOARD["uid"])
    assert DASHBOARD["schemaVersion"] >= 36  # data sources are objects from this version on
    assert DASHBOARD["title"]
    assert "__inputs" not in DASHBOARD


def test_panels_have_ids_of_their_own_and_a_known_type():
    ids = [panel["id"] for panel in PANELS]
    assert len(ids) == len(set(ids)) > 15
    assert {panel["type"] for panel in PANELS} == {"row", "stat", "timeseries", "table"}
    titles = [panel["title"] for panel in PANELS]
    assert len(titles) == len(set(titles))


def test_panels_fill_the_grid_without_an_overlap():
    cells = {
        panel["id"]: {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        for panel in PANELS
        for at in [panel["gridPos"]]
    }
    for one, other in combinations(cells, 2):
        assert not cells[one] & cells[other], (one, other)
    every = set().union(*cells.values())
    assert every == {(x, y) for x in range(24) for y in range(max(y for _, y in every) + 1)}


def test_every_panel_and_variable_uses_the_chosen_data_source():
    assert VARIABLES["datasource"]["type"] == "datasource"
    assert VARIABLES["datasource"]["query"] == "prometheus"
    named = list(values(DASHBOARD, "datasource"))
    builtin = {"type": "grafana", "uid": "-- Grafana --"}
    assert [each for each in named if each not in (SOURCE, builtin)] == []
    assert len(named) > len(PANELS)


def test_variables_are_declared_before_they_are_used():
    seen = {"datasource"}
    for name, variable in VARIABLES.items():
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(variable["query"])))
        assert used <= seen, name
        seen.add(name)
    for _, target in (param.values for param in TARGETS):
        assert set(re.findall(r"\$\{?(\w+)", target["expr"])) <= seen


def test_each_target_of_a_panel_has_a_letter_of_its_own():
    for panel in PANELS:
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert letters == sorted(set(letters))


@pytest.mark.parametrize("panel", [one for one in PANELS if one["type"] == "table"], ids=str)
def test_a_table_asks_for_one_moment_and_names_its_columns(panel):
    for target in panel["targets"]:
        assert (target["format"], target["instant"], target["range"]) == ("table", True, False)
    (organize,) = [one for one in panel["transformations"] if one["id"] == "organize"]
    renamed = organize["options"]["renameByName"]
    (sort,) = panel["options"]["sortBy"]
    assert sort["displayName"] in renamed.values()
    if len(panel["targets"]) > 1:
        assert panel["transformations"][0]["id"] == "merge"
        assert {f"Value #{one['refId']}" for one in panel["targets"]} <= set(renamed)


def test_the_queries_name_metrics_and_alerts_that_exist():
    rules = yaml.safe_load(RULES.read_text())["groups"]
    recorded = {one["record"] for group in rules for one in group["rules"] if "record" in one}
    exported = set(re.findall(r"^# TYPE (\w+) gauge$", export_fleet("prometheus"), re.MULTILINE))
    for _, target in (param.values for param in TARGETS):
        named = set(re.findall(r"\bsockfleet[:_][\w:]+", target["expr"]))
        assert named <= exported | recorded


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory) -> Iterator[int]:
    """A Prometheus that scrapes the fleet, whose host web1 has leaked for 28 hours."""
    folder = tmp_path_factory.mktemp("prometheus")
    textfiles = folder / "textfiles"
    textfiles.mkdir()
    metrics = export_fleet("prometheus")
    (textfiles / "fleet.prom").write_text(metrics)
    with run_node_exporter(textfiles) as exporter, run_json_receiver() as receiver:
        load_history(
            metrics,
            folder,
            instance=f"127.0.0.1:{exporter}",
            hours=28,
            grows=lambda metric, host: (metric, host) == ("sockfleet_host_tcp_close", "web1"),
            only=("sockfleet_host_tcp_close", "sockfleet_host_info"),
        )
        with run_prometheus(folder, exporter=exporter, alertmanager=receiver.port) as port:
            fires = 'ALERTS{alertname="SockfleetClosedSocketsGrow",alertstate="firing"}'
            # Rules are evaluated on the past before the first scrape.
            wait_until(lambda: query(port, fires) and query(port, "sockfleet_scan_complete"))
            yield port


def fill_in(expression: str) -> str:
    """Put the values of "All" in place of the variables, as Grafana does."""
    for name, variable in VARIABLES.items():
        if name != "datasource":
            expression = expression.replace(f"${name}", variable["allValue"])
    assert "$" not in expression
    return expression


@pytest.mark.parametrize(("panel", "target"), TARGETS)
def test_prometheus_answers_each_query_with_data(prometheus, panel, target):
    expression = fill_in(target["expr"])
    if target["instant"]:
        found = query(prometheus, expression)
    else:
        now = time.time()
        times = {"start": now - DAY_S, "end": now, "step": 120}
        found = ask_api(prometheus, "query_range", query=expression, **times)["result"]
    assert found, panel["title"]
    labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    assert all(labels <= one["metric"].keys() for one in found)
    if panel["type"] == "table":
        (organize,) = [one for one in panel["transformations"] if one["id"] == "organize"]
        columns = organize["options"]["renameByName"].keys()
        named = {name for name in columns if not name.startswith("Value")}
        assert all(one["metric"].keys() == named for one in found)


@pytest.mark.parametrize("name", [name for name in VARIABLES if name != "datasource"])
def test_prometheus_has_values_for_each_variable(prometheus, name):
    words = VARIABLES[name]["query"]["query"]
    selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", words).groups()
    assert ask_api(prometheus, f"label/{label}/values", **{"match[]": fill_in(selector)})


def test_prometheus_answers_the_annotations(prometheus):
    (alerts,) = [one for one in DASHBOARD["annotations"]["list"] if "expr" in one]
    assert query(prometheus, alerts["expr"])
