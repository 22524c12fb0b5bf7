"""Wheel, sdist and editable install, each in a fresh environment, and a third party's plugin."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PLUGIN = Path(__file__).parent / "plugin"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "build", "dist", "*.egg-info"
)


def run(*command, cwd, **options):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_"))}
    result = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment | {"HOME": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The source without what builds and tests leave behind."""
    folder = tmp_path_factory.mktemp("source") / "sockfleet"
    return shutil.copytree(ROOT, folder, ignore=NOT_SOURCE)


@pytest.fixture(scope="module")
def built(copy, tmp_path_factory):
    """The sdist, and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, copy, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """An environment that has the dependencies and never had the package."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet"]
    run(*pip, "--upgrade", "pip", "setuptools>=77", cwd=folder)
    run(*pip, *PROJECT["project"]["dependencies"], cwd=folder)
    return folder


def installed_files(environment):
    """Files alone: of a namespace's folder pip leaves the empty folder."""
    return {
        str(path.relative_to(environment))
        for path in environment.rglob("*")
        if path.is_file() and "sockfleet" in str(path.relative_to(environment))
    }


PIP = ["-m", "pip", "--disable-pip-version-check"]


@pytest.mark.parametrize("kind", ["wheel", "sdist", "editable", "strict editable"])
def test_it_installs_works_and_leaves_nothing(kind, copy, built, fresh, tmp_path):
    before = installed_files(fresh)
    what = {
        "wheel": list(built.glob("*.whl")),
        "sdist": list(built.glob("*.tar.gz")),
        "editable": ["-e", copy],
        "strict editable": ["-e", copy, "--config-settings", "editable_mode=strict"],
    }[kind]
    python = fresh / "bin/python"
    # --no-deps on purpose: an undeclared dependency must fail here.
    run(python, *PIP, "install", "-q", "--no-deps", *what, cwd=tmp_path)
    try:
        run(python, *PIP, "check", cwd=tmp_path)
        for folder in (copy, tmp_path):
            assert "sockfleet 0." in run(fresh / "bin/sockfleet", "--version", cwd=folder)
            for package in PROJECT["tool"]["setuptools"]["packages"]:
                run(python, "-c", f"import {package}", cwd=folder)
            listed = run(python, "-m", "sockfleet.cli", "scan", "a,b,", "--list-hosts", cwd=folder)
            assert listed == "a\nb\n"
    finally:
        run(python, *PIP, "uninstall", "-q", "-y", "sockfleet", cwd=tmp_path)
    assert installed_files(fresh) == before


def test_every_folder_is_packaged_with_its_modules_and_its_marker(built):
    folders = {path.parent.name for path in ROOT.glob("*/py.typed")}
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert {f"sockfleet.{folder}" for folder in folders} == set(listed)
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in folders:
        assert not [p for p in (ROOT / folder).iterdir() if p.is_dir() and p.name[0] not in "_."]
        for path in (ROOT / folder).iterdir():
            if path.is_file():
                assert f"sockfleet/{folder}/{path.name}" in names
    assert not {name for name in names if name.startswith(("tests/", "bench/", "collector/"))}
    assert [name for name in names if name.endswith("share/man/man1/sockfleet.1")]


def test_the_sdist_has_what_a_developer_needs(built):
    (sdist,) = built.glob("*.tar.gz")
    names = run("tar", "-tzf", sdist, cwd=built).splitlines()
    have = {name.split("/", 1)[1] for name in names if "/" in name}
    assert {"dev", "tests/conftest.py", "bench/RESULTS.md", "CHANGELOG.md", "LICENSE"} <= have


def test_the_wheel_names_each_extra_and_what_it_needs(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        lines = archive.read(name).decode().split("\n\n")[0].splitlines()
    for extra, needs in PROJECT["project"]["optional-dependencies"].items():
        assert f"Provides-Extra: {extra}" in lines
        for requirement in needs:
            assert f'Requires-Dist: {requirement}; extra == "{extra}"' in lines


def test_a_plugin_adds_an_inventory_a_transport_and_an_output(built, fresh, tmp_path):
    python = fresh / "bin/python"
    plugin = shutil.copytree(PLUGIN, tmp_path / "plugin")
    (wheel,) = built.glob("*.whl")
    install = [*PIP, "install", "-q", "--no-deps", "--no-build-isolation"]
    run(python, *install, wheel, plugin, cwd=tmp_path)
    try:
        scan = [fresh / "bin/sockfleet", "scan", "racks:3", "--format", "names"]
        # An upper bound for the host's own namespace; the ranking is by it.
        assert run(*scan, cwd=tmp_path) == "rack3 3\nrack2 2\nrack1 1\n"
        run(*scan[:3], "-o", "out.names", cwd=tmp_path)
        assert (tmp_path / "out.names").read_text().startswith("rack3 3\n")
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
