"""Fixtures and hooks of all tests: sshd, golden files, an empty home, and the marks."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.ssh.sshd import Sshd

# Fixtures of tests over SSH, and PostgreSQL: one server for all files that a worker runs.
pytest_plugins = ["tests.support.history.fixtures", "tests.support.ssh.fixtures"]

# A deadline in wall-clock time fails on a busy machine whatever the code does. Where the variable
# CI is set, hypothesis would make up the same inputs each time. Half as many inputs as usual: each
# run makes others up, and `./dev fuzz` takes the readers of foreign bytes further.
settings.register_profile(
    "sockfleet", deadline=None, derandomize=False, print_blob=True, max_examples=50
)
settings.load_profile("sockfleet")

# A shell starts the background jobs of a script with SIGINT ignored, nohup ignores SIGHUP, and
# children inherit both (signal(7)): a scan that a test starts would ignore them too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

_BEFORE_LONG = 8
"""Short files before the long ones."""

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the files of tests/golden")


def pytest_configure(config: pytest.Config) -> None:
    """Let each worker begin the collection at another file.

    Each collects all tests, and a file whose assertions one has rewritten is read from the cache
    by the others: in a new checkout they share that work, where they would do it four times.
    """
    if hasattr(config, "workerinput") and config.args_source is config.ArgsSource.TESTPATHS:
        files = sorted(map(str, Path(__file__).parent.rglob("test_*.py")))
        number = int(config.workerinput["workerid"].removeprefix("gw"))
        first = len(files) * number // config.workerinput["workercount"]
        config.args[:] = [*files[first:], *files[:first]]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: hardly any is made, and all that is made stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that need root; order the files by the marks ``alone`` and ``long``."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path)  # all workers must have one order
    for item in items:
        if item.path.stem.endswith("_as_root"):
            item.add_marker("as_root")
    if os.geteuid() != 0:
        deselected = [item for item in items if item.get_closest_marker("as_root")]
        items[:] = [item for item in items if not item.get_closest_marker("as_root")]
        config.hook.pytest_deselected(items=deselected)
    _order_files(items)


def _order_files(items: list[pytest.Item]) -> None:
    """Move the files with tests marked ``alone`` first, and those marked ``long`` forward.

    All tests marked ``alone`` at the start: the workers then wait for each other only once. Long
    ones follow soon, so that no worker is left with one at the end; but after some short ones,
    because a test that runs alone waits for those that have begun.
    """
    marked = {
        name: {item.path for item in items if item.get_closest_marker(name)}
        for name in ("alone", "long")
    }
    files = list(dict.fromkeys(item.path for item in items))
    alone = [path for path in files if path in marked["alone"]]
    long = [path for path in files if path in marked["long"] - marked["alone"]]
    short = [path for path in files if path not in marked["alone"] | marked["long"]]
    ordered = [*alone, *short[:_BEFORE_LONG], *long, *short[_BEFORE_LONG:]]
    rank = {path: number for number, path in enumerate(ordered)}
    items.sort(key=lambda item: rank[item.path])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that a run without root deselects: xdist does not count them."""
    if os.geteuid() != 0:
        terminalreporter.write_line("deselected: the tests marked as_root, which need root")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hold the machine lock while a test and its fixtures run: shared, or exclusive if ``alone``.

    The wait comes before pytest-timeout starts its clock.
    """
    if not hasattr(item.config, "workerinput"):
        return (yield)
    folder = Path(item.config.option.basetemp).parent  # xdist gives each worker a folder in it
    with _machine_lock(folder, alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def _machine_lock(folder: Path, *, alone: bool) -> Iterator[None]:
    """A lock that any number of tests share, or one test holds exclusively."""
    with (folder / "queue.lock").open("a") as queue, (folder / "machine.lock").open("a") as machine:
        # A test that waits for the exclusive lock keeps new tests from starting.
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        try:
            yield
        finally:
            # Closing is not enough: children may share the descriptor.
            fcntl.flock(machine, fcntl.LOCK_UN)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return ``compare(name, actual)`` with tests/golden/NAME; --update-golden writes the file."""

    def compare(name: str, actual: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(actual)
        assert actual == path.read_text()

    return compare


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the user's keys, agent and configuration from every test."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(home / "xdg"))
    for name in [name for name in os.environ if name.startswith("SOCKFLEET_")]:
        monkeypatch.delenv(name)
    for name in ("SSH_AUTH_SOCK", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server without special settings on 127.0.0.1 to 127.0.0.4, one for each test module."""
    with Sshd(
        tmp_path_factory.mktemp("sshd"), addresses=[f"127.0.0.{n}" for n in range(1, 5)]
    ) as server:
        yield server
