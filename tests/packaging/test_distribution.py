"""Wheel, sdist and editable install in a fresh environment, and a third-party plugin."""

import json
import os
import shutil
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.packaging.commands import run
from tests.support.paths import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

PLUGIN = Path(__file__).parent / "plugin"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def fresh_environment(tmp_path_factory):
    """An environment with the dependencies and without the package."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    certificates = {"UV_SYSTEM_CERTS": "1"}
    run(uv, "venv", "--python", sys.executable, folder, cwd=folder.parent, environment=certificates)
    # uv compiles nothing: Python compiles the modules that are imported, a small part of them.
    install = [uv, "pip", "install", "--python", folder / "bin/python", "pip", "setuptools>=77"]
    run(*install, *PROJECT["project"]["dependencies"], cwd=folder.parent, environment=certificates)
    return folder


def installed_files(environment):
    """Return the installed files; pip leaves the empty folder of a namespace package behind."""
    return {
        str(path.relative_to(environment))
        for path in environment.rglob("*")
        if path.is_file() and "sockfleet" in str(path.relative_to(environment))
    }


PIP = ["-m", "pip", "--disable-pip-version-check"]

# Each package in a fork of its own, which has imported no other.
IMPORT_EACH = """
import os, sys
for name in sys.argv[1:]:
    if os.fork() == 0:
        __import__(name)
        sys.exit()
    assert os.wait()[1] == 0, name
"""


@pytest.mark.parametrize("kind", ["wheel", "sdist", "editable", "strict editable"])
def test_the_package_installs_runs_and_uninstalls_completely(
    kind, source_copy, distributions, fresh_environment, tmp_path
):
    before = installed_files(fresh_environment)
    targets = {
        "wheel": list(distributions.glob("*.whl")),
        "sdist": list(distributions.glob("*.tar.gz")),
        "editable": ["-e", source_copy],
        "strict editable": ["-e", source_copy, "--config-settings", "editable_mode=strict"],
    }[kind]
    python = fresh_environment / "bin/python"
    # --no-deps: an undeclared dependency must fail here.
    run(python, *PIP, "install", "-q", "--no-deps", *targets, cwd=tmp_path)
    try:
        run(python, *PIP, "check", cwd=tmp_path)
        for folder in (source_copy, tmp_path):
            assert "sockfleet 0." in run(
                fresh_environment / "bin/sockfleet", "--version", cwd=folder
            )
            packages = PROJECT["tool"]["setuptools"]["packages"]
            run(python, "-c", IMPORT_EACH, *packages, cwd=folder)
            listed = run(python, "-m", "sockfleet.cli", "scan", "a,b,", "--list-hosts", cwd=folder)
            assert listed == "a\nb\n"
    finally:
        run(python, *PIP, "uninstall", "-q", "-y", "sockfleet", cwd=tmp_path)
    assert installed_files(fresh_environment) == before


def test_every_folder_is_packaged_with_its_modules_and_py_typed(distributions):
    marked = sorted(path.parent for path in ROOT.glob("*/py.typed"))
    # Folders of data too: setuptools warns at each build of one that is not listed.
    files = [path for top in marked for path in top.rglob("*") if path.is_file()]
    folders = {path.parent.relative_to(ROOT) for path in files if path.suffix != ".pyc"}
    setuptools = PROJECT["tool"]["setuptools"]
    packages = {f"sockfleet.{str(folder).replace('/', '.')}": str(folder) for folder in folders}
    assert set(setuptools["packages"]) == set(packages)
    assert setuptools["package-dir"] == packages
    (wheel,) = distributions.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for top in marked:
        for path in top.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"sockfleet/{path.relative_to(ROOT)}" in names
    assert not {name for name in names if name.startswith(("tests/", "bench/", "collector/"))}
    for shared in (
        "man/man1/sockfleet.1",
        "bash-completion/completions/sockfleet.bash",
        "fish/vendor_completions.d/sockfleet.fish",
        "zsh/site-functions/_sockfleet",
    ):
        assert [name for name in names if name.endswith(f".data/data/share/{shared}")], shared


def test_a_second_build_gives_the_same_bytes(
    source_copy, distributions, fresh_environment, tmp_path
):
    """In another folder, at another time, with another umask and the modes of another checkout."""
    again = shutil.copytree(source_copy, tmp_path / "again")
    for path in again.rglob("*"):
        if path.is_file():
            path.chmod(path.stat().st_mode & 0o100 | 0o660)
            os.utime(path, (1, 1))
    dist = tmp_path / "dist"
    dist.mkdir()
    python = f"umask 007; PYTHONPATH=build_backend {fresh_environment}/bin/python -W ignore"
    for kind in ("sdist", "wheel"):  # a process for each hook, as PEP 517 says
        hook = f"import reproducible, sys; reproducible.build_{kind}(sys.argv[1])"
        run("sh", "-c", f"{python} -c '{hook}' {dist}", cwd=again)
    built = {path.name: path.read_bytes() for path in distributions.glob("sockfleet-*")}
    assert {path.name for path in dist.iterdir()} == set(built)
    for path in dist.iterdir():
        assert path.read_bytes() == built[path.name], path.name


def test_the_index_would_take_the_distributions(distributions):
    files = sorted(distributions.glob("sockfleet-*"))
    checked = run(sys.executable, "-m", "twine", "check", "--strict", *files, cwd=distributions)
    assert checked.count("PASSED") == 2


def test_the_metadata_describes_the_package_for_the_index(distributions):
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        text = archive.read(name).decode()
    fields = text.split("\n\n")[0]
    assert "Description-Content-Type: text/markdown" in fields
    assert "License-Expression: Apache-2.0" in fields
    assert fields.count("Classifier: Programming Language :: Python :: 3.") >= 3
    assert "Keywords: ansible," in fields
    assert "# sockfleet" in text


def test_the_sdist_contains_tests_benchmarks_and_documents(distributions):
    (sdist,) = distributions.glob("*.tar.gz")
    names = run("tar", "-tzf", sdist, cwd=distributions).splitlines()
    files = {name.split("/", 1)[1] for name in names if "/" in name}
    assert {"dev", "tests/conftest.py", "bench/RESULTS.md", "CHANGELOG.md", "LICENSE"} <= files


def test_the_wheel_names_each_extra_and_its_requirements(distributions):
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        lines = archive.read(name).decode().split("\n\n")[0].splitlines()
    required = [Requirement(line[15:]) for line in lines if line.startswith("Requires-Dist: ")]
    for extra, needs in PROJECT["project"]["optional-dependencies"].items():
        assert f"Provides-Extra: {extra}" in lines
        for requirement in needs:
            assert Requirement(f'{requirement}; extra == "{extra}"') in required


SEND = """
from datetime import datetime, UTC
from pathlib import Path
from sockfleet.alerting.notification import Alert, Event, Message, Severity, Subject
from sockfleet.alerting.sinks.registry import build_sinks

built = build_sinks({"log": {"type": "file", "file": "alerts"}, "b": {"type": "file"}}, Path())
print(*built.faults)
now = datetime.now(UTC)
alert = Alert(
    id="i", key="k", rule="r", subject=Subject(kind="host", name="rack1", host="rack1"),
    event=Event.FIRING, severity=Severity.WARNING, summary="it leaks", began_at=now, at=now,
    labels={}, values={},
)
print(built.sinks["log"].send(Message(id="m", alerts=[alert], source="racks:3")))
"""


def test_a_plugin_adds_an_inventory_a_transport_an_output_and_a_receiver(
    distributions, fresh_environment, tmp_path
):
    python = fresh_environment / "bin/python"
    plugin = shutil.copytree(PLUGIN, tmp_path / "plugin")
    (wheel,) = distributions.glob("*.whl")
    install = [*PIP, "install", "-q", "--no-deps", "--no-build-isolation"]
    run(python, *install, wheel, plugin, cwd=tmp_path)
    try:
        scan = [fresh_environment / "bin/sockfleet", "scan", "racks:3", "--format", "names"]
        # tcp_close is an upper bound here, and the ranking is by it.
        assert run(*scan, cwd=tmp_path) == "rack3 3\nrack2 2\nrack1 1\n"
        run(*scan[:3], "-o", "out.names", cwd=tmp_path)
        assert (tmp_path / "out.names").read_text().startswith("rack3 3\n")
        sent = run(python, "-c", SEND, cwd=tmp_path)
        assert sent == "sinks.b: file is missing\nDelivered(note=None)\n"
        (line,) = (tmp_path / "alerts").read_text().splitlines()
        assert json.loads(line)["alerts"][0]["summary"] == "it leaks"
    finally:
        run(
            python,
            *PIP,
            "uninstall",
            "-q",
            "-y",
            "sockfleet",
            "sockfleet-example-plugin",
            cwd=tmp_path,
        )
