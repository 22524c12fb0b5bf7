"""Write the pictures of docs/images from real runs: a scan, rounds of it, and the help.

Usage: python docs/make_pictures.py [--check] [--only NAME]... It starts the fleet of the demo, runs
each command in a terminal of three sizes, and draws what it shows, light and dark. With --check it
writes nothing and compares with the pictures there, but for times, ports, keys and folders.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from terminal_picture import draw, visible_lines

from sockfleet.simulator.fleet.process import FleetProcess

IMAGES = Path(__file__).with_name("images")
SIZES = ((80, 24), (120, 32), (200, 44))
THEMES = ("light", "dark")
ROUNDS = 3
_FRAME_END = b"\x1b[J"
_VARIES = re.compile(r"[0-9][0-9,.:]*|SHA256:\S*|/\S*")
_IN_PROGRESS = re.compile(rb"round [0-9]+: ")
_SURE = 40
"""What follows these characters of a line may be cut elsewhere in another folder."""


@dataclass(frozen=True)
class Subject:
    """A command to show."""

    name: str
    words: tuple[str, ...]
    is_live: bool = False
    """Whether it draws in place until ``q``."""

    @property
    def line(self) -> str:
        """The command as it is typed."""
        return shlex.join(["sockfleet", *self.words])


SUBJECTS = (
    Subject("scan", ("scan", "inventory.yml")),
    Subject("repeat", ("scan", "inventory.yml", "--repeat", "0", "--interval", "3"), is_live=True),
    Subject("help", ("scan", "--help")),
)


def make_pictures(folder: Path, *, only: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield the file and the SVG of each picture, or of those that ``only`` names: ``scan-80``.

    ``folder`` is an empty one for the fleet's files.
    """
    with FleetProcess(folder):
        (folder / ".ssh").mkdir()
        shutil.copy(folder / "known_hosts", folder / ".ssh/known_hosts")
        for subject in SUBJECTS:
            for columns, lines in SIZES:
                name = f"{subject.name}-{columns}"
                if only and name not in only:
                    continue
                shown = run(subject, folder, columns, lines)
                for theme in THEMES:
                    picture = draw(shown, columns=columns, theme=theme, title=subject.line)
                    yield f"{name}-{theme}.svg", picture


def run(subject: Subject, folder: Path, columns: int, lines: int) -> str:
    """Run a command in a terminal of that size and return what it shows at the end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    words = ["setsid", "--ctty", sys.executable, "-m", "sockfleet.cli", *subject.words]
    with subprocess.Popen(
        words, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=_environment(folder)
    ):
        os.close(theirs)
        output = _read(ours, last_round=ROUNDS if subject.is_live else None)
    if subject.is_live:
        frames = output.partition(b"\x1b[?1049l")[0].split(_FRAME_END)
        frame = next(
            one for one in reversed(frames) if b"Round" in one and b"hosts \xc2" not in one
        )
        return frame.rpartition(b"\x1b[H")[2].replace(b"\x1b[2J", b"").decode()
    return f"$ {subject.line}\n{_without_progress(output).decode()}"


def _environment(folder: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOCKFLEET_")}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "SSH_AUTH_SOCK"):
        kept.pop(name, None)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "SOCKFLEET_CONFIG": os.devnull}
    return {**kept, **home, "PATH": path, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}


def _read(terminal: int, *, last_round: int | None) -> bytes:
    """Read to the end; press ``q`` once a round is drawn."""
    output = b""
    wanted = None if last_round is None else b"Round %d, " % last_round
    try:
        while chunk := os.read(terminal, 65536):
            output += chunk
            if wanted is not None and _FRAME_END in output.partition(wanted)[2]:
                os.write(terminal, b"q")
                wanted = None
    except OSError:  # EIO: the command has ended
        pass
    finally:
        os.close(terminal)
    return output


def _without_progress(output: bytes) -> bytes:
    """Leave out the bar, which erases itself with the sequence that ends here."""
    return output.rpartition(b"\x1b[2K")[2].replace(b"\x1b[?25h", b"").lstrip(b"\r\n")


def differences(name: str, made: str, there: Path) -> Iterator[str]:
    """Yield where a picture is not of the kind of the one in the folder."""
    if not there.is_file():
        yield f"{name} is missing"
        return
    before, after = (list(map(_mask, visible_lines(text))) for text in (there.read_text(), made))
    for old, new in zip_longest(before, after, fillvalue=""):
        if old != new:
            yield f"{name} is out of date: {old!r} became {new!r}"


def _mask(line: str) -> str:
    return " ".join(_VARIES.sub("…", line[:_SURE]).split())


def main() -> int:
    """Write or check the pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", action="append", metavar="NAME", default=[])
    given = parser.parse_args()
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        for name, picture in make_pictures(Path(folder), only=given.only):
            if given.check:
                problems += differences(name, picture, IMAGES / name)
            else:
                (IMAGES / name).write_text(picture)
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
