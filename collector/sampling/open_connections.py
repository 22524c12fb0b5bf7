"""Samples over the connections of a fleet that stay open: requests, answers, refreshes, losses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from ..errors import Category, HostError, Phase, unexpected_error
from ..outcome import HostOutcome
from .host_sampler import HostSampler, StaleError
from .host_state import HostState
from .pending_samples import PendingSamples

__all__ = ["OpenConnections"]

log = logging.getLogger("sockfleet.collector")

_MOST_UNUSED = 2
_GRACE_S = 1.0


class OpenConnections:
    """The open connections of some hosts; `HostState.sampler` is a host's.

    ``finish`` gets the outcome of each sample. ``reconnect`` gets a host whose connection was lost
    during a sample: it has no outcome yet. ``kept`` are the names of the hosts whose connections
    stay open; a host that keeps none is removed. A sample takes ``timeout_s`` at most, and at most
    ``concurrency`` hosts are refreshed at once.
    """

    def __init__(
        self,
        states: Collection[HostState],
        kept: set[str],
        *,
        finish: Callable[[HostState, HostOutcome], None],
        reconnect: Callable[[HostState], None],
        timeout_s: float,
        concurrency: int,
    ) -> None:
        self._states = states
        self._kept = kept
        self._finish = finish
        self._reconnect = reconnect
        self._timeout_s = timeout_s
        self._refreshing = asyncio.Semaphore(max(concurrency, 1))
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def stop(self) -> None:
        """Reconnect no lost connection from now on."""
        self._is_stopped = True

    def request(self, states: Collection[HostState]) -> None:
        """Request a sample of each of these connected hosts."""
        now = asyncio.get_running_loop().time()
        pending = PendingSamples(self._handle_answer, self._handle_error)
        for state in states:
            sampler = state.sampler
            if sampler is not None and sampler.is_ready(now):
                pending.add(state, sampler)
            elif sampler is not None:
                self._spawn(self._refresh(state, sampler))
        pending.limit(self._timeout_s, self._handle_timeout)

    def open_session(self, state: HostState) -> None:
        """Refresh a host that has just been connected, so that its next sample is quick."""
        if state.sampler is not None:
            self._spawn(self._refresh(state, state.sampler))

    async def close(self) -> None:
        """Close all connections and cancel the samples in progress."""
        self.stop()
        for task in self._tasks:
            task.cancel()
        await self.wait_for_tasks()
        samplers = [state.sampler for state in self._states if state.sampler is not None]
        for state in self._states:
            state.sampler = None
        await asyncio.gather(*(each.close() for each in samplers), return_exceptions=True)

    def close_unused(self, closing: Coroutine[Any, Any, None]) -> None:
        """Close a connection that is not kept, in the background."""
        self._spawn(closing)

    async def wait_for_tasks(self) -> None:
        """Wait briefly for what runs in the background."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE_S)

    def _handle_answer(self, state: HostState, sampler: HostSampler, data: bytes) -> None:
        if state.sampler is not sampler:
            return  # the connection was dropped meanwhile
        try:
            reading = sampler.parse_answer(data, requested_at=state.waiting_since)
        except StaleError:
            self._spawn(self._refresh(state, sampler))
        except HostError as error:
            self._handle_error(state, sampler, error)
        except Exception as error:
            self._spawn(self._give_up(state, sampler, _unexpected(state, error)))
        else:
            self._finish(state, reading)

    def _handle_error(self, state: HostState, sampler: HostSampler, error: HostError) -> None:
        if state.sampler is not sampler:
            return
        # A session may end alone, such as when its shell on the host is killed.
        ended = error.category in (Category.LOST, Category.TRUNCATED) and sampler.is_up
        self._spawn(
            self._refresh(state, sampler) if ended else self._give_up(state, sampler, error)
        )

    def _handle_timeout(self, state: HostState, sampler: HostSampler) -> None:
        if state.sampler is sampler:
            self._spawn(self._drop_silent(state, sampler))

    async def _drop_silent(self, state: HostState, sampler: HostSampler) -> None:
        failure = state.make_silent_failure(self._timeout_s)
        await self._drop(state, sampler)
        self._finish(state, failure)

    async def _refresh(self, state: HostState, sampler: HostSampler) -> None:
        try:
            async with self._refreshing, asyncio.timeout(self._timeout_s):
                reading = await sampler.refresh()
        except TimeoutError:
            await self._drop_silent(state, sampler)
        except HostError as error:
            await self._give_up(state, sampler, error)
        except Exception as error:
            await self._give_up(state, sampler, _unexpected(state, error))
        else:
            self._finish(state, reading)

    async def _give_up(self, state: HostState, sampler: HostSampler, error: HostError) -> None:
        """Drop the connection after a failed sample; reconnect at once where it was lost."""
        error = await sampler.find_cause(error)
        failure, was_lost = state.make_failure(error), not sampler.is_up
        await self._drop(state, sampler)
        # A server that was cut off for its messages would send them over the next connection too.
        is_flood = error.category is Category.OUTPUT_LIMIT
        if was_lost and not is_flood and not self._is_stopped:
            log.info("%s: %s; connecting again", state.host.name, error)
            self._count_loss(state, sampler)
            self._reconnect(state)
        else:
            self._finish(state, failure)

    def _count_loss(self, state: HostState, sampler: HostSampler) -> None:
        """Stop keeping the connections of a server that closes each with its first session.

        Each would cost a login that brings no sample, and another login at once.
        """
        state.unused_losses = 0 if sampler.was_sampled else state.unused_losses + 1
        if state.unused_losses >= _MOST_UNUSED:
            self._kept.discard(state.host.name)
            log.info("%s keeps no connection open: a new one in each round", state.host.name)

    async def _drop(self, state: HostState, sampler: HostSampler) -> None:
        """Close the connection and wait for it: a host never has a second one."""
        if state.sampler is sampler:
            state.sampler = None
        await sampler.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _unexpected(state: HostState, error: Exception) -> HostError:
    """The failure by an unexpected error, which must not leave the host without an outcome."""
    log.debug("unexpected error at %s", state.host.name, exc_info=error)
    return unexpected_error(error, Phase.COMMAND)
