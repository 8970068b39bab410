"""The lock files: hashed, free of registries, and complete for pyproject.toml."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.repo.tree import ROOT, name_of

RUNTIME, DEV, LOCK = (ROOT / "requirements" / f"{name}.txt" for name in ("runtime", "dev", "lock"))
JAVASCRIPT = ROOT / "tests" / "e2e"

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIN = re.compile(
    r"^([a-z0-9-]+)==(\S+)((?: ;[^\\\n]*)?) \\\n((?:    --hash=\S+(?: \\)?\n)+)", re.MULTILINE
)
each_file = pytest.mark.parametrize("path", [RUNTIME, DEV, LOCK], ids=name_of)


def pins(path: Path) -> dict[str, str]:
    """Package name -> its version and hashes."""
    found = PIN.findall(path.read_text())
    return {name: f"{version}\n{hashes}" for name, version, _marker, hashes in found}


def package_name(requirement: str) -> str:
    """The normalised name a requirement starts with (`PyJWT[crypto]>=2` -> `pyjwt`)."""
    name = re.match(r"[\w.-]+", requirement)
    assert name
    return re.sub(r"[._-]+", "-", name[0]).lower()


@each_file
def test_every_line_is_a_pin_a_hash_or_a_comment(path: Path) -> None:
    rest = PIN.sub("", path.read_text())

    assert [line for line in rest.splitlines() if line and not line.startswith("    #")] == []


@each_file
def test_every_hash_is_sha256(path: Path) -> None:
    hashes = re.findall(r"--hash=(\S+)", path.read_text())

    assert hashes
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", item) for item in hashes)


def test_runtime_holds_every_dependency_of_the_package() -> None:
    wanted = {package_name(line) for line in PROJECT["project"]["dependencies"]}

    assert wanted - pins(RUNTIME).keys() == set()


def test_dev_holds_every_dependency_of_the_tests() -> None:
    wanted = {package_name(line) for line in PROJECT["dependency-groups"]["dev"]}

    assert wanted - pins(DEV).keys() == set()


def test_dev_holds_runtime_pin_for_pin() -> None:
    """scripts/setup counts on it: `dev` completes `runtime`."""
    assert pins(RUNTIME).items() <= pins(DEV).items()


def test_the_javascript_lock_names_no_download_address() -> None:
    packages = json.loads((JAVASCRIPT / "package-lock.json").read_text())["packages"]
    installed = {path: package for path, package in packages.items() if path}

    assert all("resolved" not in package for package in installed.values())
    assert all(package["integrity"].startswith("sha512-") for package in installed.values())


def test_the_javascript_lock_fits_its_package() -> None:
    package = json.loads((JAVASCRIPT / "package.json").read_text())
    locked = json.loads((JAVASCRIPT / "package-lock.json").read_text())["packages"][""]

    assert package["dependencies"] == locked["dependencies"]
