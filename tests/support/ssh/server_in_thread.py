"""A server of the tests' own in a thread, so that it serves whatever loop or thread asks it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

__all__ = ["server_in_thread"]

Listener = asyncio.Server | asyncssh.SSHAcceptor


@contextmanager
def server_in_thread(
    folder: Path, listen: Callable[[asyncssh.SSHKey], Awaitable[Listener]]
) -> Iterator[int]:
    """``listen`` starts the server on 127.0.0.1 with the host key it is given.

    Yields the port and fills ``folder``/known_hosts.
    """
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    key = asyncssh.generate_private_key("ssh-ed25519")
    port = 0

    async def serve() -> None:
        nonlocal port
        server = await listen(key)
        port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        await server.wait_closed()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(60)
    line = f"[127.0.0.1]:{port} {key.export_public_key().decode()}"
    (folder / "known_hosts").write_text(line)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
