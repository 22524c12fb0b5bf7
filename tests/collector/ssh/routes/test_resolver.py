"""Name resolution: real look-ups on this machine, then look-ups that fail or hang."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import subprocess
import sys
import textwrap
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.routes import resolver as resolver_module
from sockfleet.collector.ssh.routes.resolver import Address, Resolver
from tests.support.ssh.addrinfo import make_addrinfo


def resolve(name: str, family: int = 0, *, port: int = 22, lookup=socket.getaddrinfo):
    async def main() -> tuple[Address, ...]:
        resolver = Resolver(lookup=lookup)
        try:
            return await resolver.resolve(name, port, family)
        finally:
            resolver.close()

    return asyncio.run(main())


def failure(name: str, family: int = 0, *, lookup=socket.getaddrinfo) -> HostError:
    with pytest.raises(HostError) as raised:
        resolve(name, family, lookup=lookup)
    return raised.value


def never(*_arguments: object):
    raise AssertionError("an address was looked up")


def test_localhost_is_found_in_the_hosts_file():
    assert "127.0.0.1" in [each.ip for each in resolve("localhost")]


@pytest.mark.parametrize(
    ("literal", "ip", "shown"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7:22"),
        ("2001:DB8::7", "2001:db8::7", "[2001:db8::7]:22"),
        ("::1", "::1", "[::1]:22"),
        ("fe80::1%lo", "fe80::1", "[fe80::1]:22"),
    ],
)
def test_an_address_needs_no_look_up(literal, ip, shown):
    (address,) = resolve(literal, lookup=never)
    assert address.ip == ip
    assert str(address) == shown


def test_the_scope_of_a_link_local_address_is_kept():
    (address,) = resolve("fe80::1%lo", lookup=never)
    assert address.sockaddr == ("fe80::1", 22, 0, socket.if_nametoindex("lo"))


def test_an_address_of_the_other_family_is_refused():
    error = failure("192.0.2.7", socket.AF_INET6)
    assert (error.category, error.phase) == (Category.DNS, Phase.DNS)
    assert "192.0.2.7 is not an IPv6 address" in error.message


def test_the_families_alternate_without_duplicates():
    found = resolve(
        "web",
        lookup=lambda *_: make_addrinfo("2001:db8::1", "2001:db8::2", "192.0.2.1", "2001:db8::1"),
    )
    assert [each.ip for each in found] == ["2001:db8::1", "192.0.2.1", "2001:db8::2"]


@given(st.lists(st.ip_addresses().map(str), min_size=1))
def test_every_address_comes_once_and_the_first_stays_first(ips):
    found = [each.ip for each in resolve("web", lookup=lambda *_: make_addrinfo(*ips))]
    assert found[0] == ips[0]
    assert sorted(found) == sorted(set(ips))


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a" * 70 + ".example", "a..b"])
def test_an_unknown_name_is_a_dns_error(name):
    error = failure(name)
    assert (error.category, error.phase) == (Category.DNS, Phase.DNS)
    assert error.message.startswith("no such name: ")
    assert not error.transient


def test_a_temporary_failure_may_be_retried():
    def lookup(*_):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    error = failure("web", lookup=lookup)
    assert error.category is Category.DNS
    assert error.message.startswith("temporary failure of the name service for web ")
    assert error.transient


def test_a_name_cannot_write_to_the_terminal():
    assert "\x1b" not in failure("web\x1b[31m", lookup=lambda *_: []).message


def test_a_lack_of_descriptors_is_a_local_resource_error():
    # glibc says "Name or service not known" when it cannot open its own files.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def main() -> None:
        resolver = Resolver()
        await resolver.resolve("localhost", 22, 0)  # the loop, the thread and the modules are there
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            await resolver.resolve("no-such-host.invalid", 22, 0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            resolver.close()

    with pytest.raises(HostError) as raised:
        asyncio.run(main())
    assert raised.value.category is Category.LOCAL_RESOURCE
    assert "ulimit -n" in raised.value.message


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        OSError(errno.EBUSY, "Device or resource busy"),  # EAI_SYSTEM with an errno of another call
    ],
)
def test_a_failure_near_the_limit_of_descriptors_is_a_local_resource_error(error):
    # The other descriptors are closed again by the time of the check.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def lookup(*_):
        with socket.socket() as probe:
            resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno() + 3, hard))
        raise error

    try:
        found = failure("web1", lookup=lookup)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (found.category, found.transient) == (Category.LOCAL_RESOURCE, True)
    assert "Too many open files; lower --concurrency" in found.message


def test_many_hosts_share_one_look_up_of_a_name():
    asked = []

    def lookup(name, *_):
        asked.append(name)
        return make_addrinfo("192.0.2.1")

    async def main() -> None:
        resolver = Resolver(lookup=lookup)
        found = await asyncio.gather(*(resolver.resolve("Web", n, 0) for n in range(1, 50)))
        assert [each[0].sockaddr[1] for each in found] == list(range(1, 50))
        await resolver.resolve("web", 22, 0)
        await resolver.resolve("web", 22, socket.AF_INET)  # another family
        resolver.close()

    asyncio.run(main())
    assert asked == ["Web", "web"]


@pytest.mark.parametrize(
    ("code", "retried"), [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)]
)
def test_only_final_failures_are_kept(code, retried):
    asked = []

    def lookup(name, *_):
        asked.append(name)
        raise socket.gaierror(code, "…")

    async def main() -> None:
        resolver = Resolver(lookup=lookup)
        for _ in range(2):
            with pytest.raises(HostError):
                await resolver.resolve("web", 22, 0)
        resolver.close()

    asyncio.run(main())
    assert len(asked) == (2 if retried else 1)


def hanging_lookup(release: threading.Event):
    """Make a look-up that hangs for names that begin with "stuck", until ``release``."""

    def lookup(name, *_):
        if name.startswith("stuck"):
            release.wait()
        return make_addrinfo("192.0.2.1")

    return lookup


def test_hanging_look_ups_use_no_more_threads_than_allowed():
    release = threading.Event()

    async def main() -> None:
        resolver = Resolver(threads=3, lookup=hanging_lookup(release))
        stuck = [asyncio.create_task(resolver.resolve(f"stuck{n}", 22, 0)) for n in range(2)]
        # Two of three threads hang: the third serves all other names.
        await asyncio.gather(*(resolver.resolve(f"web{n}", 22, 0) for n in range(20)))
        threads = [t for t in threading.enumerate() if t.name == "sockfleet-dns"]
        assert len(threads) == 3
        release.set()
        await asyncio.gather(*stuck)
        resolver.close()
        for thread in threads:
            thread.join()

    asyncio.run(main())


def test_names_that_hang_keep_no_other_name_waiting(monkeypatch):
    monkeypatch.setattr(resolver_module, "_STUCK_S", 0.01)
    monkeypatch.setattr(resolver_module, "_MOST_THREADS", 8)
    release = threading.Event()

    async def main() -> None:
        resolver = Resolver(threads=2, lookup=hanging_lookup(release))
        stuck = [asyncio.create_task(resolver.resolve(f"stuck{n}", 22, 0)) for n in range(7)]
        async with asyncio.timeout(30):
            assert (await resolver.resolve("web", 22, 0))[0].ip == "192.0.2.1"
        # As many threads as allowed hang from now on.
        stuck += [asyncio.create_task(resolver.resolve(f"stuck-{n}", 22, 0)) for n in range(20)]
        waiting = asyncio.create_task(resolver.resolve("other", 22, 0))
        await asyncio.sleep(0.1)
        threads = [t for t in threading.enumerate() if t.name == "sockfleet-dns"]
        assert len(threads) == 8
        assert not waiting.done()
        resolver.close()
        await asyncio.sleep(0.02)
        assert [t for t in threading.enumerate() if t.name == "sockfleet-dns"] == threads
        release.set()
        await asyncio.gather(*stuck, waiting)
        for thread in threads:
            thread.join()

    asyncio.run(main())


def test_a_cancelled_host_leaves_the_look_up_to_the_others():
    release = threading.Event()

    def lookup(*_):
        release.wait()
        return make_addrinfo("192.0.2.1")

    async def main() -> None:
        resolver = Resolver(lookup=lookup)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await resolver.resolve("web", 22, 0)
        waiting = asyncio.create_task(resolver.resolve("web", 22, 0))
        release.set()
        assert (await waiting)[0].ip == "192.0.2.1"
        resolver.close()

    asyncio.run(main())


def test_a_hanging_look_up_does_not_delay_the_exit():
    script = """
        import asyncio, threading
        from sockfleet.collector.ssh.routes.resolver import Resolver

        async def main():
            started = threading.Event()
            def lookup(*_):
                started.set()
                threading.Event().wait()
            resolver = Resolver(lookup=lookup)
            asking = asyncio.create_task(resolver.resolve("stuck", 22, 0))
            await asyncio.to_thread(started.wait)
            asking.cancel()
            resolver.close()

        asyncio.run(main())
        print("done")
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, timeout=30, check=True
    )
    assert ran.stdout == b"done\n"
