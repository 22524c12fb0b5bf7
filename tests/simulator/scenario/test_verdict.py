"""The comparison of a scan with the true numbers finds each kind of difference."""

from __future__ import annotations

import copy

import pytest

from sockfleet.simulator.scenario.scenario_file import parse_scenario
from sockfleet.simulator.scenario.verdict import find_differences

HOSTS = parse_scenario(
    """
    roles:
      leak: {profile: leaking}
      box: {profile: container-host}
      old: {profile: idle, ipv6: false}
      dead: {fault: refused}
    """,
    "test.yml",
).hosts()


def host_of(host, scope="host-namespace"):
    contents = host.contents
    bound = contents.tcp_close if scope == "all-namespaces" else contents.tcp_close_bound
    namespaces = [
        {
            "inuse": one.inuse,
            "inuse6": one.inuse6 if contents.ipv6 else None,
            "tw": one.tw,
            "used": one.used,
        }
        for one in (contents.host, *contents.containers)
    ]
    return ({"namespaces": namespaces} if scope == "all-namespaces" else {}) | {
        "name": host.name,
        "status": "ok",
        "scope": scope,
        "sockets_used": contents.host.used,
        "tcp": {
            "alloc": contents.alloc,
            "inuse": contents.host.inuse,
            "inuse6": contents.host.inuse6 if contents.ipv6 else None,
            "tw": contents.host.tw,
            "orphan": contents.orphan,
            "mem_pages": contents.mem_pages,
            "closed": contents.closed,
            "tcp_close": bound,
        },
    }


def true_document(scope="host-namespace"):
    read = [host_of(host, scope) for host in HOSTS[:3]]
    totals = {name: sum(host["tcp"][name] or 0 for host in read) for name in read[0]["tcp"]}
    failed = {
        "name": "dead",
        "status": "failed",
        "error": {"category": "refused", "message": "connection refused"},
    }
    return {
        "fleet": {"hosts": {"total": 4, "ok": 3, "failed": 1}, "totals": totals},
        "hosts": [*read, failed],
    }


@pytest.mark.parametrize("scope", ["host-namespace", "visible-namespaces", "all-namespaces"])
def test_a_true_document_has_no_differences(scope):
    assert find_differences(true_document(scope), HOSTS) == []


def test_an_upper_bound_differs_where_all_namespaces_are_read():
    document = true_document()
    document["hosts"][1]["scope"] = "all-namespaces"
    bound, none = find_differences(document, HOSTS)
    assert bound.startswith("box: tcp_close ")
    assert none == "box: the scope is all-namespaces, and there are none"


def test_each_namespace_is_compared():
    document = true_document("all-namespaces")
    namespaces = document["hosts"][1]["namespaces"]
    lost = namespaces.pop()
    namespaces[0]["used"] += 1
    found = find_differences(document, HOSTS)
    assert [line.split(" namespace")[0] for line in found] == ["box: no", "box: no", "box: a"]
    assert any(str(lost["used"]) in line for line in found[:2])


def make_change(**changes):
    def apply(document):
        for path, value in changes.items():
            *path_keys, last = path.split("__")
            target = document
            for key in path_keys:
                target = target[int(key) if key.isdigit() else key]
            target[last] = value

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (make_change(hosts__0__sockets_used=1), "leak: sockets_used 1, the truth is "),
        (
            make_change(hosts__3__error={"category": "dns", "message": "x"}),
            "dead: dns, planned was refused",
        ),
        (
            make_change(fleet__hosts={"total": 4, "ok": 4, "failed": 0}),
            "fleet.hosts: ok 4, the truth is 3",
        ),
        (make_change(fleet__totals={"alloc": 5}), "fleet.totals: alloc 5, the truth is "),
        (lambda d: d["hosts"].append(d["hosts"][0]), "leak: 2 times in the document"),
        (lambda d: d["hosts"].pop(), "dead: not in the document"),
        (
            make_change(hosts__0__name="stranger"),
            "stranger: in the document, and no simulated host",
        ),
        (lambda d: d["hosts"].__setitem__(3, host_of(HOSTS[3])), "dead: read, planned was refused"),
        (make_change(hosts__2__tcp__inuse6=0), "old: inuse6 0, the truth is None"),
        (
            make_change(
                hosts__0__status="failed", hosts__0__error={"category": "lost", "message": "broken"}
            ),
            "leak: lost, planned was to be read: broken",
        ),
    ],
)
def test_each_difference_is_found(change, message):
    document = copy.deepcopy(true_document())
    change(document)
    assert any(line.startswith(message) for line in find_differences(document, HOSTS))


@pytest.mark.parametrize("name", sorted(true_document()["hosts"][0]["tcp"]))
def test_every_number_is_compared(name):
    document = true_document()
    document["hosts"][0]["tcp"][name] += 1
    found = find_differences(document, HOSTS)
    assert [line.split(":")[0] for line in found] == ["leak", "fleet.totals"]
    assert all(f" {name} " in line for line in found)
