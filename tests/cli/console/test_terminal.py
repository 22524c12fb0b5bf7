"""``sockfleet scan`` in a real terminal: the answer is on the screen, and the terminal is put back.

The fleet is that of the demo: three hosts leak, three fail, the others are usual.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockfleet.simulator.fleet.process import FleetProcess
from tests.support.cli.command_process import children_of
from tests.support.cli.terminal import Terminal

LEAKING = ("shop3", "shop2", "shop1")
VERDICT = "shop3 holds 15,391 closed sockets, shop2 4,605 and shop1 3,993: 99 % of the"
SCAN = "sockfleet scan inventory.yml --known-hosts known_hosts"
QUICK = f"{SCAN} -l 'all:!overloaded'"
"""Without the host that takes two seconds: it would also miss rounds of one second."""
NEXT = "sockfleet scan inventory.yml --known-hosts known_hosts -l shop3,shop2,shop1 --processes"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fleet")
    with FleetProcess(folder):
        yield folder


def rows(screen: str) -> dict[str, str]:
    """The diagnosis of each host that the screen shows."""
    row = r"^(\S+) +[0-9·≤<].* (held-closed|time-wait|normal)\b"
    found = re.findall(row, screen, re.MULTILINE)
    return dict(found)


def is_answered(terminal: Terminal) -> bool:
    """Whether the leaking hosts, the verdict and the next command are visible."""
    screen = terminal.screen()
    return (
        [name for name in rows(screen) if name in LEAKING] == list(LEAKING)
        and VERDICT in " ".join(screen.split())
        and NEXT in terminal.joined()
    )


def test_after_a_scan_the_leaking_hosts_the_verdict_and_the_next_command_are_visible(fleet):
    with Terminal(fleet) as terminal:
        assert terminal.run(SCAN) == 3
        screen = terminal.screen()
        assert is_answered(terminal)
        assert re.search(r"… \d+ more, all normal \(--all shows them\)", screen)
        assert re.search(r"^  auth_denied +1  locked: ", screen, re.MULTILINE)
        printed = next(line for line in terminal.joined().splitlines() if line.startswith(NEXT))
        assert terminal.run(printed) == 0
        assert "3 of 3 hosts read" in terminal.screen()


def test_every_host_is_shown_with_all_and_every_failure_with_failures(fleet):
    with Terminal(fleet, lines=200) as terminal:
        terminal.run(f"{SCAN} --all --failures")
        screen = terminal.screen()
        assert len(rows(screen)) == 32
        assert "Only if you know that it was:" in " ".join(screen.split())


def test_the_answer_fits_terminals_of_other_sizes(fleet):
    with Terminal(fleet) as terminal:
        for size in ((60, 24), (80, 15), (120, 40), (200, 50)):
            terminal.resize(*size)
            assert terminal.run(QUICK) == 3
            assert is_answered(terminal), size


def test_rounds_are_drawn_in_place_and_q_ends_them(fleet):
    with Terminal(fleet) as terminal:
        terminal.type(f"{QUICK} --repeat 0 --interval 1")
        diagnoses: dict[str, dict[str, str]] = {}
        while len(diagnoses) < 4:
            terminal.wait_until(lambda: is_answered(terminal), "answer")
            screen = terminal.screen()
            diagnoses[screen.split(",")[0]] = rows(screen)
        first, *others = diagnoses.values()
        assert all(first.items() >= other.items() for other in others), "none flips"
        assert terminal.shows("alternate_on") == "1"
        for size in ((60, 16), (80, 24)):
            terminal.resize(*size)
            terminal.wait_until(lambda: is_answered(terminal), f"answer within {size}")
        terminal.press("q")
        assert terminal.wait_for_exit() == 3
        assert is_answered(terminal)
        assert terminal.screen().count("Round ") == 1
        assert "Round " not in terminal.scrollback()
        assert_put_back(terminal)


def assert_put_back(terminal: Terminal) -> None:
    assert terminal.shows("alternate_on") == "0"
    assert terminal.shows("cursor_flag") == "1"
    terminal.run("stty -a")
    settings = terminal.screen()
    assert re.search(r"(?<!-)\bicanon\b", settings)
    assert re.search(r"(?<!-)\becho\b", settings)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_puts_the_terminal_back(fleet, number):
    with Terminal(fleet) as terminal:
        terminal.type(f"{SCAN} --repeat 0 --interval 0.5 -l web")
        terminal.wait_for("Round 1, ")
        (pid,) = children_of(int(terminal.shows("pane_pid")))
        os.kill(pid, number)
        assert terminal.wait_for_exit() == 128 + number
        assert_put_back(terminal)


def test_ctrl_z_puts_the_terminal_back_and_fg_draws_again(fleet):
    with Terminal(fleet) as terminal:
        terminal.type(f"{SCAN} --repeat 0 --interval 0.5 -l web")
        terminal.wait_for("Round 1, ")
        terminal.press("C-z")
        terminal.wait_for("Stopped")
        assert_put_back(terminal)
        terminal.type("fg")
        terminal.wait_for("Round 2, ", "Round 3, ", "Round 4, ")
        terminal.press("C-c")
        terminal.wait_for_exit(3)
        assert_put_back(terminal)


CRASH = """
import asyncio
from sockfleet.cli.console.live_screen import LiveScreen

async def crash():
    with screen.attend(print):
        screen.update()
        await asyncio.sleep(0)
        raise ZeroDivisionError

screen = LiveScreen(lambda columns, lines: b"drawn")
with screen:
    asyncio.run(crash())
"""


def test_a_crash_puts_the_terminal_back(fleet):
    (fleet / "crash.py").write_text(CRASH)
    with Terminal(fleet) as terminal:
        terminal.run(f"{sys.executable} crash.py")
        shown = terminal.screen()
        assert "ZeroDivisionError" in shown
        assert "drawn" not in shown
        assert_put_back(terminal)


def test_messages_do_not_disturb_the_screen_and_are_printed_at_its_end(fleet):
    with Terminal(fleet) as terminal:
        terminal.type(f"{SCAN} --repeat 0 --interval 1 -f table -o json:/dev/full -l web")
        shown = terminal.wait_for("Round 2, ")
        assert shown.splitlines()[0].startswith("Round 2, ")
        assert "/dev/full" in shown.splitlines()[-1]
        terminal.press("q")
        terminal.wait_for_exit()
        assert terminal.screen().count("No space left") == 1


def test_a_message_takes_the_place_of_the_progress_bar(fleet):
    with Terminal(fleet, 100) as terminal:
        terminal.run(
            "sockfleet scan inventory.yml --known-hosts new --host-keys accept-new -l web01,web02"
        )
        first = terminal.screen().splitlines()[0]
        assert first == "sockfleet: warning: new host keys added to new: 2"
        assert "scanning" not in terminal.screen()


def test_a_terminal_without_colours_and_utf_8_gets_plain_ascii(fleet):
    with Terminal(fleet, LC_ALL="C", NO_COLOR="1", PYTHONUTF8="0") as terminal:
        terminal.run(QUICK)
        assert terminal.screen().isascii()
        assert "\x1b" not in terminal.screen(colours=True)
        assert NEXT in terminal.joined()


def test_after_the_demo_the_answer_is_still_on_the_screen(tmp_path):
    with Terminal(tmp_path) as terminal:
        terminal.type("sockfleet demo --no-keep")
        assert terminal.wait_for_exit() == 0
        screen = terminal.screen()
        assert [name for name in rows(screen) if name in LEAKING] == list(LEAKING)
        assert VERDICT in " ".join(screen.split())
        assert "-l shop3,shop2,shop1 --processes" in terminal.joined()


def test_while_the_demo_keeps_its_fleet_its_next_command_works_elsewhere(tmp_path):
    with Terminal(tmp_path) as terminal, Terminal(tmp_path) as other:
        terminal.type("sockfleet demo --keep")
        terminal.wait_for("Ctrl-C")
        lines = terminal.joined().splitlines()
        (command,) = (line for line in lines if "-l shop3,shop2,shop1 --processes" in line)
        assert other.run(command.strip()) == 0
        assert "3 of 3 hosts read" in other.screen()
        terminal.press("C-c")
        terminal.wait_for_exit()
