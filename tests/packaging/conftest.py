"""The wheel and the sdist, built from a copy of the source."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.support.packaging.commands import run
from tests.support.paths import ROOT

NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "build", "dist", "*.egg-info"
)


@pytest.fixture(scope="module")
def source_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source without the products of builds and tests."""
    folder = tmp_path_factory.mktemp("source") / "sockfleet"
    return shutil.copytree(ROOT, folder, ignore=NOT_SOURCE)


@pytest.fixture(scope="module")
def distributions(source_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    # In environments of their own, which uv makes in a tenth of pip's processor time.
    build = [sys.executable, "-m", "build", "--installer", "uv", "--outdir", folder, source_copy]
    run(*build, cwd=folder, environment={"UV_SYSTEM_CERTS": "1"})
    return folder
