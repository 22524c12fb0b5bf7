"""Check before a scan that a cluster's workers run the same versions as this process."""

from __future__ import annotations

import asyncio

from ...core.errors import UsageError
from ...core.text import clean
from .dask_client import Cluster
from .payload import Software, installed_software

__all__ = ["check_versions"]


async def check_versions(cluster: Cluster, *, within_s: float) -> None:
    """Raise UsageError where a worker runs another version, or cannot run sockfleet.

    Each worker has ``within_s`` to answer.
    """
    here = installed_software()
    workers = sorted(await cluster.workers())
    checks = (_find_difference(cluster, worker, here, within_s) for worker in workers)
    problems = [problem for problem in await asyncio.gather(*checks) if problem is not None]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise UsageError(f"{problems[0]}{more}; here is {here}: install the same on all")


async def _find_difference(
    cluster: Cluster, worker: str, here: Software, within_s: float
) -> str | None:
    try:
        async with asyncio.timeout(within_s):
            there = await cluster.call(worker, installed_software)
    except TimeoutError:
        return f"the Dask worker {worker} has not answered within {within_s:g} s"
    except OSError:
        return None  # the worker has just left the cluster
    except Exception as error:  # most likely an import that fails there
        problem = clean(f"{type(error).__name__}: {error}")
        return f"the Dask worker {worker} cannot run sockfleet ({problem})"
    return None if there == here else f"the Dask worker {worker} runs {there}"
