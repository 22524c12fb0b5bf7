"""The version within the code is the one that is released."""

import tomllib
from pathlib import Path

from sockfleet.core.version import VERSION


def test_it_is_the_version_of_the_project():
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
