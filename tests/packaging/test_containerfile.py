"""The steps of the Containerfile, run here: its image runs a scan as an ordinary user.

No container engine runs within the tests' own sandbox, so each step is run by a shell, with the
image's /src and /opt/sockfleet as folders of this machine.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT

TEXT = (ROOT / "Containerfile").read_text()
STEPS = re.findall(r"^([A-Z]+) +(.*)$", TEXT, re.MULTILINE)
IGNORED = [
    line
    for line in (ROOT / ".containerignore").read_text().splitlines()
    if line[:1] not in ("#", "")
]


def copy_context(target: Path) -> Path:
    """Copy what `COPY . .` copies: of .containerignore the last pattern that matches counts."""
    kept = [line[1:] for line in IGNORED if line.startswith("!")]
    for name in kept:
        source, copy = ROOT / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    return target


def run(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SOCKFLEET"))}
    done = subprocess.run(
        [str(word) for word in words],
        env=environment | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that stands for the image's root after the first stage."""
    root = tmp_path_factory.mktemp("image")
    root.chmod(0o755)
    copy_context(root / "src")
    stage = STEPS[: [name for name, _ in STEPS].index("FROM", 2)]
    for name, words in stage:
        if name == "RUN":
            run("sh", "-c", words.replace("/opt/", f"{root}/opt/"), cwd=root / "src")
    return root


def test_the_image_runs_a_scan_as_an_ordinary_user(image):
    (entry,) = [json.loads(words) for name, words in STEPS if name == "ENTRYPOINT"]
    program = [f"{image}{entry[0]}", *entry[1:]]
    (image / "inventory.yml").write_text("all: {hosts: {here: {ansible_connection: local}}}")
    for folder in (image, *image.parents):
        if folder.owner() == Path("~").expanduser().owner() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o005)
    as_user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "env", "HOME=/"]
    words = [*(as_user if os.geteuid() == 0 else ()), *program]
    listed = run(*words, "scan", "inventory.yml", "-f", "json", cwd=image)
    (host,) = json.loads(listed.stdout)["hosts"]
    assert host["status"] == "ok"
    (default,) = [json.loads(step) for name, step in STEPS if name == "CMD"]
    assert run(*words, *default, cwd=image).stdout.startswith("Usage: sockfleet")


def test_the_last_user_is_an_ordinary_one_that_the_image_makes():
    made = [words.split()[-1] for name, words in STEPS if "useradd" in words]
    assert [words for name, words in STEPS if name == "USER"] == made
    order = [name for name, _ in STEPS]
    assert order.index("USER") < order.index("ENTRYPOINT")


def test_the_second_stage_takes_what_the_first_makes():
    copied = [words.split()[1:] for name, words in STEPS if words.startswith("--from=build")]
    assert copied == [["/opt/sockfleet", "/opt/sockfleet"]]


def test_the_context_leaves_out_what_is_not_in_the_wheel():
    assert IGNORED[0] == "*"
    for name in (".git", ".venv", "tests/conftest.py", "id_ed25519", "fleet.json"):
        matching = [line for line in IGNORED if fnmatch.fnmatch(name, line.lstrip("!"))]
        assert matching == ["*"], name
