"""CI installs pinned versions, users get bounded ranges, and neither has a known vulnerability."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DEPENDENCIES = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
FOR_TESTS = [
    Requirement(text)
    for group in PROJECT["dependency-groups"].values()
    for text in group
    if isinstance(text, str)
]
PINS = {
    canonicalize_name(name): Version(version)
    for name, _, version in (
        line.partition("==")
        for line in (ROOT / "ci-constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    )
}

LOWER = {">=", "==", "~="}
"""Operators that exclude older versions."""

# Advisories against older versions of our dependencies, each with the first fixed version. A
# database of vulnerabilities needs a network; renew this list together with the pins.
ADVISORIES = [
    ("asyncssh", "2.14.2", "CVE-2023-48795, CVE-2023-46445, CVE-2023-46446"),
    ("asyncssh", "2.24", "CVE-2026-54591"),
    ("paramiko", "3.4", "CVE-2023-48795"),
    ("paramiko", "5.0", "CVE-2026-44405"),
    ("cryptography", "42.0.4", "CVE-2023-50782, CVE-2024-26130"),
    ("cryptography", "43.0.1", "GHSA-h4gh-qq45-vh27"),
    ("cryptography", "50", "CVE-2026-69247"),
    ("jinja2", "3.1.6", "CVE-2025-27516, CVE-2024-56326"),
    ("pyyaml", "5.4", "CVE-2020-14343"),
    ("orjson", "3.9.15", "CVE-2024-27454"),
    ("orjson", "3.11.6", "CVE-2025-67221"),
]


def installed_packages(requirements: list[Requirement]) -> Iterator[str]:
    """Yield every package that these requirements install in this environment."""
    pending, seen = list(requirements), set[str]()
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        extras = {"", *requirement.extras}
        marker = requirement.marker
        if name in seen or (marker and not any(marker.evaluate({"extra": e}) for e in extras)):
            continue
        try:
            pending += [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:
            continue  # it belongs to a group that is not installed here
        seen.add(name)
        yield name


@pytest.mark.parametrize("requirement", DEPENDENCIES + FOR_TESTS, ids=str)
def test_every_requirement_is_pinned_within_its_range(requirement):
    assert PINS[canonicalize_name(requirement.name)] in requirement.specifier


def test_every_transitive_requirement_is_pinned():
    assert set(installed_packages(DEPENDENCIES + FOR_TESTS)) <= PINS.keys()


@pytest.mark.parametrize("requirement", DEPENDENCIES, ids=str)
def test_every_dependency_has_a_lower_and_an_upper_bound(requirement):
    operators = {part.operator for part in requirement.specifier}
    assert operators == {">=", "<"}


def test_a_security_release_of_asyncssh_need_not_wait_for_ours():
    (asyncssh,) = [each for each in DEPENDENCIES if each.name == "asyncssh"]
    assert all(asyncssh.specifier.contains(each) for each in ("2.24", "2.25.1", "2.999"))
    assert not asyncssh.specifier.contains("3.0")


@pytest.mark.parametrize(("name", "fixed", "advisory"), ADVISORIES)
def test_no_known_vulnerability_is_within_the_pins_or_the_ranges(name, fixed, advisory):
    assert PINS[name] >= Version(fixed), advisory
    ranges = [r.specifier for r in DEPENDENCIES + FOR_TESTS if canonicalize_name(r.name) == name]
    assert ranges
    for one in ranges:
        lowest = [
            Version(part.version.removesuffix(".*")) for part in one if part.operator in LOWER
        ]
        assert lowest, f"{name} {one}: without a lower bound"
        assert max(lowest) >= Version(fixed), advisory
