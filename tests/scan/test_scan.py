"""A scan as a library: what it gives, says and asks, and how it is stopped."""

import io
from contextlib import contextmanager, nullcontext

import pytest

from sockfleet.core.errors import UsageError
from sockfleet.scan import (
    HostNotReadError,
    MessageKind,
    RepeatedScan,
    RepeatOptions,
    ScanHooks,
    ScanOptions,
    read_one_host,
    run_scan,
)

LOCAL = "a ansible_connection=local\nb ansible_connection=local\n"
UNREACHABLE = "c ansible_host=127.0.0.1 ansible_port=1 ansible_password=x\n"


@pytest.fixture
def inventory(tmp_path):
    def write(text=LOCAL):
        path = tmp_path / "hosts.ini"
        path.write_text(text)
        return [str(path)]

    return write


def test_a_scan_prints_nothing_and_calls_the_hooks(inventory, capsys):
    hosts, messages = [], []
    hooks = ScanHooks(on_host=hosts.append, on_message=messages.append)
    options = ScanOptions(inventory=inventory(LOCAL + UNREACHABLE), against="missing.json")
    result = run_scan(options, hooks)
    assert result.complete
    assert sorted(host.name for host in hosts) == ["a", "b", "c"]
    assert result.summary.fleet.hosts.ok == 2
    assert [message.kind for message in messages] == [MessageKind.REMARK]
    assert "missing.json: no such file yet" in messages[0].text
    assert capsys.readouterr() == ("", "")


def test_a_hook_that_raises_ends_the_scan(inventory):
    def refuse(host):
        raise ZeroDivisionError(host.name)

    with pytest.raises(ZeroDivisionError):
        run_scan(ScanOptions(inventory=inventory()), ScanHooks(on_host=refuse))


def test_a_stopped_scan_has_an_outcome_for_every_host(inventory):
    @contextmanager
    def stop_at_once(stop):
        stop("a test")
        yield

    result = run_scan(ScanOptions(inventory=inventory()), ScanHooks(stoppable=stop_at_once))
    assert not result.complete
    assert [host.error.category for host in result.summary.hosts] == ["not_attempted"] * 2


def test_what_cannot_be_used_is_refused_before_any_host_is_contacted(inventory):
    for changes in ({"sort": "size"}, {"threshold": ["x=1"]}, {"limit": "d"}, {"shard": "3/2"}):
        with pytest.raises(UsageError):
            run_scan(ScanOptions(inventory=inventory(), **changes))


def test_a_password_is_asked_through_the_hook(inventory):
    questions = []
    options = ScanOptions(inventory=inventory(), ask_pass=True)
    with pytest.raises(UsageError, match="no terminal to ask at"):
        run_scan(options, ScanHooks(prompt=questions.append))
    assert questions == ["SSH password: "]


def test_one_host_is_read_or_its_failure_is_raised(inventory):
    options = ScanOptions(inventory=inventory(LOCAL + UNREACHABLE))
    assert read_one_host("a", options).host.name == "a"
    with pytest.raises(HostNotReadError, match="refused") as raised:
        read_one_host("c", options)
    assert raised.value.failure.category == "refused"
    with pytest.raises(UsageError, match="2 hosts of that name"):
        read_one_host("a,b", options)


def test_rounds_are_compared_with_the_round_before(inventory):
    rounds = []
    scan = RepeatedScan(ScanOptions(inventory=inventory()), RepeatOptions(rounds=2, interval_s=0.1))
    scan.run(lambda summary: rounds.append(summary) or True)
    assert [summary.scan.round for summary in rounds] == [1, 2]
    assert rounds[0].fleet.change is None
    assert rounds[1].fleet.change.compared == 2


@pytest.mark.parametrize("leave", ["return", "raise"])
def test_a_repeated_scan_ends_when_its_consumer_does(inventory, leave):
    """An open sampler would keep the event loop waiting for its tasks."""

    def first(summary):
        if leave == "raise":
            raise ZeroDivisionError
        return False

    scan = RepeatedScan(
        ScanOptions(inventory=inventory()), RepeatOptions(rounds=None, interval_s=0.1)
    )
    with pytest.raises(ZeroDivisionError) if leave == "raise" else nullcontext():
        scan.run(first)


def test_standard_input_is_an_inventory(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LOCAL.encode())))
    assert run_scan(ScanOptions(inventory=["-"])).summary.fleet.hosts.ok == 2
