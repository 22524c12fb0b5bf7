"""A scan on a real Dask cluster: secrets, versions, stops, and hosts that kill workers."""

from __future__ import annotations

import asyncio
import pickle
import re
import ssl
import sys

import psutil
import pytest

from sockfleet.collector.cluster import scan as dask_scan
from sockfleet.collector.cluster.dask_client import ClusterError, local_cluster
from sockfleet.collector.cluster.payload import installed_software
from sockfleet.collector.cluster.scan import DaskScan, DaskSettings
from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.errors import Category
from sockfleet.collector.outcome import HostFailure, HostReading
from sockfleet.collector.transport import TransportSettings
from sockfleet.core.errors import UsageError
from sockfleet.inventory.models import Host, Secret, SshSettings
from tests.support.fleet.dask_cluster import DaskCluster
from tests.support.paths import ROOT

PASSWORD = "correct-horse-42"
WAIT_S = 60  # longer than any of these tests takes; only a hanging one reaches it

# A transport that a worker finds by its entry point, as a third party's.
PLUGIN = """
import asyncio, os, pathlib, signal
FOLDER = pathlib.Path({folder!r})

class Played:
    notes = ("played",)

    def __init__(self, settings):
        pass

    async def execute(self, attempt, command):
        from sockfleet.collector.transport import CommandOutput
        name = attempt.host.name
        if name == "deadly":
            (FOLDER / f"died-{{os.getpid()}}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "late":
            (FOLDER / "late").touch()
            await asyncio.sleep(3600)
        if name == "guarded" and (password := attempt.host.ssh.password) is None:
            from sockfleet.collector.errors import Category, HostError, Phase
            raise HostError(Category.AUTH_DENIED, Phase.AUTH, "no password")
        if name == "guarded":
            (FOLDER / "password").write_text(password.reveal())
        from tests.support.fleet.fake_transport import answer
        return CommandOutput(stdout=answer(command), stderr=b"", exit_status=0)

    async def aclose(self):
        pass
"""


@pytest.fixture
def plugin(tmp_path):
    """The environment of workers that have the transport ``played``."""
    folder = tmp_path / "plugin"
    info = folder / "played-1.dist-info"
    info.mkdir(parents=True)
    (folder / "played_transport.py").write_text(PLUGIN.format(folder=str(tmp_path)))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: played\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[sockfleet.transports]\nplayed = played_transport:Played\n"
    )
    return {"PYTHONPATH": f"{folder}:{ROOT}"}


def hosts(*names, **fields):
    return [Host(name=name, address="192.0.2.1", **fields) for name in names]


def settings(**fields):
    transport = TransportSettings(connect_timeout_s=2.0)
    fields = {"transport": "played", "transport_settings": transport} | fields
    return EngineSettings(**fields)


async def run_scan(address, some_hosts, *, with_secrets=False):
    """The outcomes and the end of a scan."""
    outcomes = []
    dask = DaskSettings(address=address, with_secrets=with_secrets)
    scan = DaskScan(some_hosts, settings(), dask, outcomes.append)
    async with asyncio.timeout(WAIT_S):
        return outcomes, await scan.run()


async def wait_for_file(path):
    async with asyncio.timeout(WAIT_S):
        while not path.exists():  # noqa: ASYNC110 (another process makes it: there is no event)
            await asyncio.sleep(0.02)


def test_hosts_that_kill_their_workers_end_as_failures(plugin, tmp_path, monkeypatch):
    import distributed  # it reads the environment at import: the variable is only for the scheduler

    assert distributed.__version__
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    with DaskCluster(tmp_path / "dask") as cluster:
        for _ in range(3):
            cluster.worker(env=plugin)
        outcomes, end = asyncio.run(run_scan(cluster.address, hosts("deadly")))
    (failure,) = outcomes
    assert failure.category is Category.LOCAL_RESOURCE
    assert "KilledWorker" in failure.message
    assert end.complete
    assert len(list(tmp_path.glob("died-*"))) == 2


def test_a_late_host_delays_no_other_and_a_stop_cuts_it_off(plugin, tmp_path):
    """The outcomes of other hosts arrive while its task waits for it."""
    some = hosts("late", *(f"h{n}" for n in range(30)))
    outcomes = []

    async def main():
        def deliver(outcome):
            outcomes.append(outcome)
            if len(outcomes) == len(some) - 1:
                scan.stop("SIGINT")

        dask = DaskSettings(address=cluster.address)
        scan = DaskScan(some, settings(timeout_s=3600.0), dask, deliver)
        async with asyncio.timeout(WAIT_S):
            return await scan.run()

    with DaskCluster(tmp_path / "dask") as cluster:
        cluster.worker(env=plugin)
        end = asyncio.run(main())
    failures = [outcome for outcome in outcomes if isinstance(outcome, HostFailure)]
    assert len(outcomes) == len(some)
    (late,) = failures
    assert (late.host.name, late.category) == ("late", Category.NOT_ATTEMPTED)
    assert late.message == "cut off by SIGINT"
    assert late.attempts == 1  # the failure is the worker's
    assert not end.complete
    assert end.notes == ("played",)


def scheduler_s_view(dask_scheduler):
    """Everything the scheduler knows of its tasks; runs in its process."""
    import pickle

    held = []
    for key, task in dask_scheduler.tasks.items():
        held.append(pickle.dumps((str(key), task.run_spec, repr(task), task.annotations)))
    return held


@pytest.mark.parametrize("with_secrets", [False, True])
def test_the_scheduler_has_no_secret_unless_the_user_sends_it(plugin, tmp_path, with_secrets):
    import cloudpickle
    import distributed

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the scheduler cannot import it
    some = hosts("late", ssh=SshSettings(password=Secret(PASSWORD)))
    held = []

    async def look(scan):
        await wait_for_file(tmp_path / "late")
        async with distributed.Client(cluster.address, asynchronous=True) as client:
            held.extend(await client.run_on_scheduler(scheduler_s_view))
        scan.stop("SIGTERM")

    async def main():
        scan = DaskScan(
            some,
            settings(timeout_s=3600.0),
            DaskSettings(address=cluster.address, with_secrets=with_secrets),
            lambda _outcome: None,
        )
        async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as both:
            both.create_task(scan.run())
            both.create_task(look(scan))

    with DaskCluster(tmp_path / "dask") as cluster:
        cluster.worker(env=plugin, name="worker")
        asyncio.run(main())
        logs = cluster.log("scheduler") + cluster.log("worker")
    assert held
    (key,) = {pickle.loads(data)[0] for data in held}
    assert re.fullmatch(r"sockfleet-[0-9a-f]{12}-1", key)
    assert b"192.0.2.1" in b"".join(held)  # the search works: it finds what is sent
    assert (PASSWORD.encode() in b"".join(held)) is with_secrets
    assert PASSWORD not in logs


@pytest.fixture
def older(plugin, tmp_path):
    """The environment of a worker whose sockfleet reports another version."""
    folder = tmp_path / "older"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "from importlib import metadata\n"
        "real = metadata.version\n"
        "metadata.version = lambda name: '0.0.1' if name == 'sockfleet' else real(name)\n"
    )
    return {"PYTHONPATH": f"{folder}:{plugin['PYTHONPATH']}"}


def test_a_worker_of_another_version_is_refused_before_any_host_is_contacted(
    plugin, older, tmp_path
):
    with DaskCluster(tmp_path / "dask") as cluster:
        cluster.worker(env=plugin)
        cluster.worker(env=older)
        here = re.escape(str(installed_software()))
        message = rf"runs sockfleet 0\.0\.1 on Python 3\.\d+; here is {here}: inst"
        with pytest.raises(UsageError, match=message):
            asyncio.run(run_scan(cluster.address, hosts("late")))
    assert not (tmp_path / "late").exists()


def test_a_worker_without_sockfleet_is_refused_and_named(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import sys\nsys.modules['sockfleet.collector.cluster.payload'] = None\n"
    )
    with DaskCluster(tmp_path / "dask") as cluster:
        cluster.worker(env={"PYTHONPATH": str(blocked)})
        with pytest.raises(UsageError, match=r"cannot run sockfleet \(.*ModuleNotFoundError"):
            asyncio.run(run_scan(cluster.address, hosts("h1")))


def test_a_worker_of_another_version_that_joins_late_contacts_no_host(older, tmp_path, mocker):
    mocker.patch.object(dask_scan, "check_versions")  # as if the worker had joined after it
    with DaskCluster(tmp_path / "dask") as cluster:
        cluster.worker(env=older)
        outcomes, _ = asyncio.run(run_scan(cluster.address, hosts("late")))
    (failure,) = outcomes
    assert failure.category is Category.CONFIG
    assert "runs sockfleet 0.0.1" in failure.message
    assert not (tmp_path / "late").exists()


def test_a_stop_before_the_cluster_is_reached_ends_at_once(tmp_path):
    async def main():
        outcomes = []
        scan = DaskScan(
            hosts("h1"),
            settings(transport_settings=TransportSettings(connect_timeout_s=3600.0)),
            DaskSettings(address="tcp://127.0.0.1:1"),
            outcomes.append,
        )
        asyncio.get_running_loop().call_later(0.2, scan.stop, "SIGINT")
        async with asyncio.timeout(WAIT_S):
            end = await scan.run()
        return outcomes, end

    outcomes, end = asyncio.run(main())
    assert not end.complete
    assert outcomes[0].category is Category.NOT_ATTEMPTED
    assert "stopped by SIGINT" in outcomes[0].message


def test_an_error_of_deliver_ends_the_scan_on_all_workers(plugin, tmp_path):
    def full(_outcome):
        raise BrokenPipeError

    async def main():
        dask = DaskSettings(address=cluster.address)
        async with asyncio.timeout(WAIT_S):
            await DaskScan(hosts("h1", "h2"), settings(), dask, full).run()

    with DaskCluster(tmp_path / "dask") as cluster:
        cluster.worker(env=plugin)
        with pytest.raises(BrokenPipeError):
            asyncio.run(main())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A self-signed certificate and its key."""
    from distributed.security import Security

    folder = tmp_path_factory.mktemp("tls")
    made = Security.temporary()
    (folder / "cert.pem").write_text(made.tls_ca_file)
    (folder / "key.pem").write_text(made.tls_scheduler_key)
    return folder


def test_certificates_for_tls_come_from_dask_s_own_configuration(plugin, tmp_path, certificates):
    import dask

    cert, key = str(certificates / "cert.pem"), str(certificates / "key.pem")
    files = ["--tls-ca-file", cert, "--tls-cert", cert, "--tls-key", key]
    with DaskCluster(tmp_path / "dask", tls=files) as cluster:
        assert cluster.address.startswith("tls://")
        cluster.worker(env=plugin)
        tls = "distributed.comm.tls"
        given = {f"{tls}.ca-file": cert, f"{tls}.client.cert": cert, f"{tls}.client.key": key}
        with dask.config.set(given):
            outcomes, _ = asyncio.run(run_scan(cluster.address, hosts("h1")))
            assert isinstance(outcomes[0], HostReading)
            guarded = hosts("guarded", ssh=SshSettings(password=Secret(PASSWORD)))
            outcomes, _ = asyncio.run(run_scan(cluster.address, guarded))
            assert outcomes[0].category is Category.AUTH_DENIED
            outcomes, _ = asyncio.run(run_scan(cluster.address, guarded, with_secrets=True))
            assert isinstance(outcomes[0], HostReading)
            assert (tmp_path / "password").read_text() == PASSWORD
        with pytest.raises(ClusterError, match="no Dask scheduler answers at tls://"):
            asyncio.run(run_scan(cluster.address, hosts("h1")))
        with (
            dask.config.set({**given, f"{tls}.ca-file": str(tmp_path / "absent.pem")}),
            pytest.raises(ClusterError, match="no Dask scheduler answers at tls://"),
        ):
            asyncio.run(run_scan(cluster.address, hosts("h1")))


async def read_without_certificate(port):
    """What a TLS client without the cluster's certificate can read."""
    client_tls = ssl.create_default_context()
    client_tls.check_hostname = False
    client_tls.verify_mode = ssl.CERT_NONE
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_tls)
        try:
            return await reader.read(100)
        finally:
            writer.transport.abort()
    except (ssl.SSLError, ConnectionError) as error:
        return type(error)


def test_no_other_program_can_use_the_local_cluster():
    async def main():
        async with asyncio.timeout(WAIT_S), local_cluster(1, timeout_s=WAIT_S) as cluster:
            (worker,) = await cluster.workers()
            assert worker.startswith("tls://127.0.0.1:")
            ours = [psutil.Process(), *psutil.Process().children(recursive=True)]
            listening = {
                connection.laddr.ip
                for process in ours
                for connection in process.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            }
            assert listening == {"127.0.0.1"}
            return await read_without_certificate(int(worker.rpartition(":")[2]))

    assert asyncio.run(main()) in {b"", ssl.SSLError, ConnectionResetError}
