"""A sample's counters put into the namespaces of the last full probe."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from sockfleet.collector.probe.full_probe import FullProbe
from sockfleet.collector.probe.namespaces import Namespace, Namespaces
from sockfleet.collector.probe.script import ProbeOptions
from sockfleet.collector.probe.sockstat import Sockstat
from sockfleet.collector.sampling.methods import SamplingMethod, methods_of, sampling_plan
from sockfleet.collector.sampling.namespaces import build_namespaces
from sockfleet.collector.sampling.shell import ListedNamespace, ShellSample
from tests.support.fleet.sample_fleet import reading

MARK = "sockfleet-0123456789abcdef"


def counters(used: int, inuse: int, tw: int = 0) -> Sockstat:
    return Sockstat(
        lines={"sockets": {"used": used}, "TCP": {"inuse": inuse, "tw": tw, "alloc": 500}}
    )


KNOWN = Namespaces(
    seen=(
        Namespace(inode=1, is_host=True, pid=1, inuse=20, used=90, tw=0, in_protocols=60),
        Namespace(inode=2, pid=30, inuse=5, used=300, tw=0, in_protocols=9),
    )
)


@pytest.mark.parametrize(
    ("own", "bounds"),
    [
        (counters(used=90, inuse=20), [30, 291]),
        (counters(used=90, inuse=20, tw=7), [30, 291]),
        (counters(used=91, inuse=20), [None, 291]),
        (counters(used=90, inuse=21), [None, 291]),
    ],
)
def test_a_namespace_keeps_its_bound_between_full_probes_while_nothing_changes(own, bounds):
    sample = ShellSample(
        sockstat=own,
        sockstat6=None,
        listed={30: ListedNamespace(sockstat=counters(used=300, inuse=5), sockstat6=None)},
    )
    assert [one.tcp_close_max for one in build_namespaces(KNOWN, sample).seen] == bounds


def test_what_a_sample_does_not_read_stays_as_the_full_probe_found_it():
    of_the_sample = {
        "seen": (),
        "change": None,
        "allocs": (),
        "gone": 8,
        "unlisted": False,
        "unwatched": False,
    }
    known = Namespaces(
        seen=(),
        rest_namespaces=2,
        rest_inuse=3,
        change=4,
        allocs=(5,),
        denied=6,
        gone=8,
        unlisted=True,
        unwatched=True,
        without_process=9,
        hidden_processes=True,
        other_pid_namespace=True,
        unknown_pid_namespace=True,
        single=True,
        unread="awk: not found",
    )
    defaults = Namespaces(seen=())
    names = {field.name for field in fields(Namespaces)} - {"seen"}
    assert [name for name in names if getattr(known, name) == getattr(defaults, name)] == []
    sample = ShellSample(sockstat=counters(used=1, inuse=1), sockstat6=None, listed={})
    assert build_namespaces(known, sample) == replace(known, **of_the_sample)


@pytest.mark.parametrize(
    "namespaces",
    [None, Namespaces(seen=(), unread="awk: not found"), Namespaces(seen=(), single=True)],
)
def test_a_host_without_listed_namespaces_is_sampled_by_its_own_files(namespaces):
    found = replace(reading("web1"), namespaces=namespaces)
    options = ProbeOptions()
    probe = FullProbe(options, mark=MARK)
    plan = sampling_plan(probe, options, MARK, as_root=False)
    assert methods_of(found, plan)[0] is SamplingMethod.SFTP
