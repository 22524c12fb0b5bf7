"""TCP to a host: real sockets on loopback, a listener that answers no SYN, injected errors."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.routes.resolver import Resolver
from sockfleet.collector.ssh.routes.tcp import connect
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Host
from tests.support.ssh.addrinfo import make_addrinfo
from tests.support.ssh.over_ssh import open_descriptors
from tests.support.ssh.watched import Watched


@contextmanager
def listener(address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((address, port))
        server.listen()
        yield server.getsockname()[1]


@contextmanager
def silent(address: str, port: int = 0) -> Iterator[int]:
    """Listen on a port whose connection queue is full: Linux drops further SYNs."""
    with socket.socket() as server:
        server.bind((address, port))
        server.listen(0)
        where = server.getsockname()
        waiting = []
        try:
            for _ in range(3):
                client = socket.socket()
                waiting.append(client)
                client.setblocking(False)
                with suppress(BlockingIOError):
                    client.connect(where)
            yield where[1]
        finally:
            for client in waiting:
                client.close()


def keep_socket(sock: socket.socket) -> socket.socket:
    return sock


class Connected:
    """The result of one call of `connect`."""

    def __init__(self, address: str, port: int, *, timeout_s: float = 20, lookup=None, **further):
        self.attempt = Attempt(host=Host(name="web1", address=address, port=port))
        self.error: HostError | None = None
        self.peer: tuple | None = None
        before = open_descriptors()
        asyncio.run(self._main(address, port, timeout_s, lookup, further))
        assert open_descriptors() == before

    async def _main(self, address, port, timeout_s, lookup, further):
        resolver = Resolver(lookup=lookup or socket.getaddrinfo)
        options = {"family": 0, "bind_address": None, "wrap_socket": keep_socket, **further}
        try:
            sock = await connect(
                self.attempt, resolver, address=address, port=port, timeout_s=timeout_s, **options
            )
        except HostError as error:
            self.error = error
        else:
            with sock:
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert not sock.getblocking()
                self.peer, self.own = sock.getpeername()[:2], sock.getsockname()[:2]
        finally:
            resolver.close()

    @property
    def fault(self) -> tuple[Category, Phase]:
        assert self.error is not None, self.peer
        return self.error.category, self.error.phase


def test_an_address_gives_a_connected_socket():
    with listener() as port:
        done = Connected("127.0.0.1", port)
    assert done.peer == ("127.0.0.1", port)
    assert done.attempt.address == "127.0.0.1"
    assert done.attempt.phase is Phase.CONNECT


def test_a_name_is_resolved_first():
    with listener() as port:
        done = Connected("localhost", port, family=socket.AF_INET)
    assert done.peer == ("127.0.0.1", port)


def test_a_closed_port_is_refused():
    with listener() as port:
        pass
    done = Connected("127.0.0.1", port)
    assert done.fault == (Category.REFUSED, Phase.CONNECT)
    assert f"127.0.0.1:{port}" in done.error.message


def test_an_unanswered_syn_is_a_tcp_timeout():
    with silent("127.0.0.1") as port:
        done = Connected("127.0.0.1", port, timeout_s=0.2)
    assert done.fault == (Category.TCP_TIMEOUT, Phase.CONNECT)
    assert done.error.message == f"no answer from 127.0.0.1:{port} in 0.2 s"


def test_a_dead_first_address_does_not_fail_the_host():
    with silent("127.0.0.2") as port, listener("127.0.0.3", port):
        done = Connected("web", port, lookup=lambda *_: make_addrinfo("127.0.0.2", "127.0.0.3"))
    assert done.peer == ("127.0.0.3", port)
    assert done.attempt.address == "127.0.0.3"


def test_a_refusal_moves_on_to_the_next_address_at_once():
    with listener("127.0.0.3") as port:
        done = Connected(
            "web",
            port,
            lookup=lambda *_: make_addrinfo("127.0.0.4", "::1", "127.0.0.3"),
            timeout_s=20,
        )
    assert done.peer == ("127.0.0.3", port)


def test_the_error_names_all_addresses_that_refuse():
    with listener() as port:
        pass
    done = Connected("web", port, lookup=lambda *_: make_addrinfo("127.0.0.2", "127.0.0.3"))
    assert done.fault == (Category.REFUSED, Phase.CONNECT)
    assert f"127.0.0.2:{port}" in done.error.message
    assert f"127.0.0.3:{port}" in done.error.message


def test_a_silent_address_is_awaited_after_a_refusal():
    with silent("127.0.0.2") as port:
        done = Connected(
            "web", port, lookup=lambda *_: make_addrinfo("127.0.0.2", "127.0.0.3"), timeout_s=0.4
        )
    assert done.fault == (Category.TCP_TIMEOUT, Phase.CONNECT)


def test_a_silent_name_service_is_a_dns_timeout():
    release = threading.Event()

    def lookup(*_):
        release.wait()
        return make_addrinfo("127.0.0.1")

    done = Connected("web.example", 22, timeout_s=0.1, lookup=lookup)
    release.set()
    assert done.fault == (Category.DNS_TIMEOUT, Phase.DNS)
    assert "web.example in 0.1 s" in done.error.message
    assert done.attempt.address is None


def test_the_bind_address_is_the_source_address():
    with listener() as port:
        done = Connected("127.0.0.1", port, bind_address="127.0.0.9")
    assert done.own[0] == "127.0.0.9"


@pytest.mark.parametrize("own", ["192.0.2.200", "::1"])
def test_a_foreign_bind_address_is_a_config_error(own):
    with listener() as port:
        done = Connected("127.0.0.1", port, bind_address=own)
    assert done.fault == (Category.CONFIG, Phase.CONNECT)
    assert f"{own} (BindAddress)" in done.error.message


def test_a_lack_of_descriptors_is_a_local_resource_error():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def main() -> None:
        attempt = Attempt(host=Host(name="web1", address="127.0.0.1"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            await connect(
                attempt,
                Resolver(),
                address="127.0.0.1",
                port=22,
                family=0,
                bind_address=None,
                timeout_s=5,
                wrap_socket=keep_socket,
            )
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    with pytest.raises(HostError) as raised:
        asyncio.run(main())
    assert raised.value.category is Category.LOCAL_RESOURCE
    assert "ulimit -n" in raised.value.message


@pytest.mark.parametrize(
    ("number", "category"),
    [
        (errno.ENETUNREACH, Category.UNREACHABLE),
        (errno.EHOSTUNREACH, Category.UNREACHABLE),
        (errno.EACCES, Category.UNREACHABLE),
        (errno.EPERM, Category.UNREACHABLE),
        (errno.EINVAL, Category.UNREACHABLE),
        (errno.ETIMEDOUT, Category.TCP_TIMEOUT),
        (errno.ECONNREFUSED, Category.REFUSED),
        (errno.ECONNRESET, Category.DROPPED_PRE_BANNER),
        (errno.EADDRNOTAVAIL, Category.LOCAL_RESOURCE),
        (errno.ENFILE, Category.LOCAL_RESOURCE),
        (errno.ENOBUFS, Category.LOCAL_RESOURCE),
    ],
)
def test_every_error_of_the_kernel_has_its_category(mocker, number, category):
    mocker.patch(
        "asyncio.selector_events.BaseSelectorEventLoop.sock_connect",
        side_effect=OSError(number, os.strerror(number)),
    )
    done = Connected("192.0.2.1", 22)
    assert done.error.category is category
    assert "192.0.2.1:22" in done.error.message


def test_the_category_with_precedence_counts(mocker):
    mocker.patch(
        "asyncio.selector_events.BaseSelectorEventLoop.sock_connect",
        side_effect=[OSError(errno.ENETUNREACH, "…"), ConnectionRefusedError(111, "…")],
    )
    done = Connected("web", 22, lookup=lambda *_: make_addrinfo("2001:db8::1", "192.0.2.1"))
    assert done.error.category is Category.REFUSED
    assert "[2001:db8::1]:22 cannot be reached" in done.error.message


def test_a_cancelled_connect_leaves_no_descriptor():
    async def main(port: int) -> None:
        attempt = Watched(host=Host(name="web1", address="web"))
        connecting = attempt.at(Phase.CONNECT)
        resolver = Resolver(lookup=lambda *_: make_addrinfo("127.0.0.2", "127.0.0.2", "127.0.0.3"))
        connecting_task = asyncio.create_task(
            connect(
                attempt,
                resolver,
                address="web",
                port=port,
                family=0,
                bind_address=None,
                timeout_s=20,
                wrap_socket=keep_socket,
            )
        )
        await connecting
        await asyncio.sleep(0)  # two turns: the first attempt's task has begun
        await asyncio.sleep(0)
        connecting_task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting_task
        resolver.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with silent("127.0.0.2") as port, silent("127.0.0.3", port):
        before = open_descriptors()
        asyncio.run(main(port))
        assert open_descriptors() == before
