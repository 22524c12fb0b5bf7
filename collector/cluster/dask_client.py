"""The interface to dask.distributed, which has no types: no other module uses its client."""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib import import_module
from multiprocessing import resource_tracker
from types import ModuleType
from typing import Any, Protocol, TypeVar

from ...core.errors import SockfleetError, UsageError
from ...core.record import record
from ...core.text import clean
from ..runtime.signals import block_stop_signals

__all__ = [
    "Cluster",
    "ClusterError",
    "SettledTask",
    "Task",
    "connect",
    "local_cluster",
]

_CLOSE_S = 5.0
_GRACE_S = 0.5
_SHARE = 1e-9
"""How much of a region's resource a task needs: so little that it never limits the tasks."""


T = TypeVar("T")


class _Closable(Protocol):
    close: Callable[..., Awaitable[object]]


class _Client(_Closable, Protocol):
    """The part of distributed.Client that is used, in a running event loop."""

    status: str
    scheduler: Any
    run: Callable[..., Awaitable[Any]]
    cancel: Callable[..., Awaitable[None]]
    submit: Callable[..., Task]


class Task(Protocol):
    """A submitted task, for `Cluster.wait` and `Cluster.cancel` only."""

    def cancelled(self) -> bool: ...
    def exception(self) -> Awaitable[BaseException | None]: ...
    def __await__(self) -> Generator[Any, None, object]: ...


class ClusterError(SockfleetError):
    """The scheduler cannot be reached, or the cluster cannot be used."""


@record
class SettledTask:
    """How a task ended; both None: it was cancelled."""

    value: object = None
    error: BaseException | None = None


class Cluster:
    """A scheduler and its workers, through one client."""

    def __init__(self, client: _Client, address: str) -> None:
        self._client = client
        self.address = address

    @property
    def is_lost(self) -> bool:
        """Whether the connection to the scheduler has ended, which cancels its tasks."""
        return bool(self._client.status != "running")

    async def workers(self) -> Mapping[str, frozenset[str]]:
        """The resources that each worker offers, by its address. Raises OSError."""
        with _as_os_error():
            identity = await self._client.scheduler.identity(n_workers=-1)
        return {
            address: frozenset(name for name, amount in worker["resources"].items() if amount > 0)
            for address, worker in identity["workers"].items()
        }

    async def call(self, worker: str, function: Callable[..., T], *words: object) -> T:
        """Call a function in a worker, outside its tasks; raises what it raises, and OSError."""
        answers: dict[str, T] = await self._client.run(function, *words, workers=[worker])
        return answers[worker]

    async def call_all(self, function: Callable[..., object], *words: object) -> None:
        """Call a function in every worker; ignore those where it fails. Raises OSError."""
        with _as_os_error():
            await self._client.run(function, *words, on_error="ignore")

    def submit(
        self,
        key: str,
        function: Callable[..., object],
        *words: object,
        worker: str | None,
        region: str | None,
    ) -> Task:
        """Submit a task.

        ``region`` is a resource that the worker must offer; ``worker`` the address of the only one
        that may run it.
        """
        return self._client.submit(
            function,
            *words,
            key=key,
            pure=False,
            workers=None if worker is None else [worker],
            resources=None if region is None else {region: _SHARE},
        )

    async def wait(self, task: Task) -> SettledTask:
        """Wait until the task has ended, in any way."""
        error = await task.exception()
        if task.cancelled():
            return SettledTask()
        if error is not None:
            return SettledTask(error=error)
        try:
            return SettledTask(value=await task)
        except Exception as late:  # cancelled or lost with its worker while the result was fetched
            return SettledTask() if task.cancelled() or self.is_lost else SettledTask(error=late)

    async def cancel(self, tasks: list[Task]) -> None:
        """Cancel these tasks, which ends their `wait`. Raises nothing."""
        with suppress(Exception):
            await self._client.cancel(tasks, force=True)


@asynccontextmanager
async def connect(address: str, *, timeout_s: float) -> AsyncIterator[Cluster]:
    """Connect to the cluster of the scheduler at ``address``.

    Certificates for tls:// are those of Dask's own configuration. Raises ClusterError where it is
    not reached within ``timeout_s``, UsageError without dask.distributed.
    """
    distributed = _import_distributed()
    try:
        client = distributed.Client(
            address, asynchronous=True, timeout=timeout_s, set_as_default=False, name="sockfleet"
        )
    except Exception as error:  # such as a missing certificate file
        raise ClusterError(_describe_unreachable(address, timeout_s, error)) from error
    try:
        try:
            async with asyncio.timeout(
                timeout_s + _GRACE_S
            ):  # the client's own timeout has the better message
                await client
        except Exception as error:
            raise ClusterError(_describe_unreachable(address, timeout_s, error)) from error
        yield Cluster(client, address)
    finally:
        await _close(client)


@asynccontextmanager
async def local_cluster(processes: int, *, timeout_s: float) -> AsyncIterator[Cluster]:
    """Start a cluster of worker processes on this machine; they end with the block or this process.

    No other program can use it: TLS requires a certificate that only these processes have, in
    memory. Raises as `connect` does.
    """
    distributed = _import_distributed()
    with _block_signals_in_children(), _disable_http():
        cluster = distributed.LocalCluster(
            n_workers=processes,
            threads_per_worker=1,
            processes=True,
            memory_limit=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            host="127.0.0.1",
            security=True,
            silence_logs=logging.CRITICAL,
            asynchronous=True,
        )
        try:
            try:
                async with asyncio.timeout(timeout_s):
                    await cluster
                client = distributed.Client(
                    cluster, asynchronous=True, timeout=timeout_s, set_as_default=False
                )
                await client
            except Exception as error:
                problem = clean(f"{type(error).__name__}: {error}")
                raise ClusterError(
                    f"--dask local: no worker could be started: {problem}"
                ) from error
            try:
                yield Cluster(client, "local")
            finally:
                await _close(client)
        finally:
            await _close(cluster)


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Turn every error of a call whose scheduler was lost into OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


@contextmanager
def _block_signals_in_children() -> Iterator[None]:
    """Start child processes that never get the stop signals of a terminal or systemd.

    They inherit the mask through fork and exec (signal(7)). An extra thread without the mask
    receives the signals for this process; Python runs the handlers in the main thread.
    """
    resource_tracker.ensure_running()  # started within the block, it would reset the mask
    over = threading.Event()
    listener = threading.Thread(target=over.wait, name="sockfleet-signals", daemon=True)
    listener.start()
    try:
        with block_stop_signals():
            yield
    finally:
        over.set()
        listener.join()


@contextmanager
def _disable_http() -> Iterator[None]:
    """Start schedulers that serve no HTTP."""
    config = import_module("dask").config
    with config.set({"distributed.scheduler.http.routes": []}):
        yield


async def _close(closable: _Closable) -> None:
    """Close a client or a cluster, but wait briefly: the rest ends with this process."""
    with suppress(Exception):
        async with asyncio.timeout(_CLOSE_S):
            await closable.close(timeout=_CLOSE_S / 2)


def _import_distributed() -> ModuleType:
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise UsageError(
            f"--dask needs dask.distributed ({error}): pip install 'sockfleet[dask]'"
        ) from error
    # `version_check` compares the versions that matter; `scan` reports what is lost.
    warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.split(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return distributed


def _describe_unreachable(address: str, timeout_s: float, error: Exception) -> str:
    why = clean(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    return (
        f"no Dask scheduler answers at {address} within {timeout_s:g} s ({why}): is it running, "
        "and is the address as it shows when it starts?"
    )
