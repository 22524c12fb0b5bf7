"""The Containerfile is built and run, with this machine as its base image.

No image can be pulled here, so a mount namespace holds an overlay of this machine's files, and its
steps run in it by chroot(8), as written: nothing of it is seen outside.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.paths import ROOT

TEXT = (ROOT / "Containerfile").read_text()
STEPS = re.findall(r"^([A-Z]+) +(.*)$", TEXT, re.MULTILINE)
IGNORE = [
    line
    for line in (ROOT / ".containerignore").read_text().splitlines()
    if line and not line.startswith("#")
]
INVENTORY = "all: {hosts: {here: {ansible_connection: local}}}\n"


def values_of(name: str) -> list[str]:
    """Return what follows an instruction, of each time that it is there."""
    return [words for instruction, words in STEPS if instruction == name]


def copy_context(target: Path) -> None:
    """Copy what `COPY . .` copies: all that no line of .containerignore matches."""

    def ignored(folder: str, names: list[str]) -> set[str]:
        inside = Path(folder).relative_to(ROOT)
        return {name for name in names if is_ignored(inside / name)}

    shutil.copytree(ROOT, target, ignore=ignored, dirs_exist_ok=True)


def is_ignored(path: Path) -> bool:
    """Whether the build leaves out a path: of the lines with ``**/``, at any depth."""
    return any(
        fnmatch.fnmatch(
            path.name if line.startswith("**/") else str(path), line.removeprefix("**/")
        )
        for line in IGNORE
    )


def closed_folders() -> list[str]:
    """Return the folders on the way to this interpreter that an ordinary user cannot enter."""
    above = Path(sys.executable).resolve().parents
    return [str(folder) for folder in above if not folder.stat().st_mode & 0o001]


def build_script(context: Path, folder: Path) -> list[str]:
    """Return the lines of a shell that make the image as ``folder``/root."""
    site = "/opt/sockfleet/lib/python*/site-packages"
    lines = [
        "set -eu",
        f"mount -t tmpfs -o mode=755 none {folder}",
        f"cd {folder}",
        "mkdir changes work root",
        "mount -t overlay overlay -o lowerdir=/,upperdir=changes,workdir=work root",
        "mount --rbind /proc root/proc",
        "mount --rbind /dev root/dev",
        *(f"chmod o+x root{each}" for each in closed_folders()),
        f"mkdir -p root/src root/work && cp -a {context}/. root/src/",
        f"printf '%s' {shlex.quote(INVENTORY)} > root/work/inventory.yml",
    ]
    for command in values_of("RUN"):
        lines.append(f"chroot root sh -euc {shlex.quote(f'cd /src; {command}')} >&2")
        if "pip install" in command:
            # Their installation is tested with the wheel's (test_distribution.py).
            lines.append(
                f"for place in root{site}; do echo {sysconfig.get_path('purelib')} > "
                '"$place/dependencies.pth"; done'
            )
    return lines


def run_in_image(*words: str) -> str:
    """Return the line that runs the entry point as the image's user, in its working folder."""
    (user,) = values_of("USER")
    (entry,) = (json.loads(each) for each in values_of("ENTRYPOINT"))
    inner = f"cd {values_of('WORKDIR')[-1]}; exec {shlex.join([*entry, *words])}"
    as_user = f"setpriv --reuid={user} --regid={user} --clear-groups env HOME=/home/sockfleet"
    return f"chroot root {as_user} sh -c {shlex.quote(inner)}"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the image prints: its help, as JSON a scan of its own machine, and the user."""
    context, folder = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("image")
    copy_context(context)
    (default,) = (json.loads(each) for each in values_of("CMD"))
    lines = [
        *build_script(context, folder),
        run_in_image(*default),
        "echo ====",
        run_in_image("scan", "inventory.yml", "--format", "json"),
        "echo ====",
        run_in_image("explain").replace("/opt/sockfleet/bin/sockfleet explain", "id -u"),
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SOCKFLEET"))}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "\n".join(lines)],
        env=environment | {"PIP_NO_DEPS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("====\n")


def test_the_image_runs_a_scan_as_an_ordinary_user(printed):
    shown, scanned, user = printed
    assert shown.startswith("Usage: sockfleet")
    (host,) = json.loads(scanned)["hosts"]
    assert host["status"] == "ok"
    assert user.strip() == values_of("USER")[0] != "0"


def test_the_user_is_one_that_the_image_makes_before_it_is_used():
    (made,) = (words for words in values_of("RUN") if "useradd" in words)
    assert f"--uid {values_of('USER')[0]} " in made
    order = [name for name, _ in STEPS]
    assert order.index("USER") < order.index("ENTRYPOINT")


def test_the_second_stage_takes_what_the_first_makes():
    copied = [words.split()[1:] for words in values_of("COPY") if words.startswith("--from=build")]
    assert copied == [["/opt/sockfleet", "/opt/sockfleet"]]


def test_the_context_is_small_and_whole():
    for name in (".git", ".venv", "tests", "bench", "cli/__pycache__", "docs/_build"):
        assert is_ignored(Path(name)), name
    for name in ("cli", "pyproject.toml", "ci-constraints.txt", "docs/pypi.md", "build_backend"):
        assert not is_ignored(Path(name)), name
