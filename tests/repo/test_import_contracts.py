"""The contracts of .importlinter are kept, and each would notice its own breach."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.repo.tree import ROOT

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


# All that decisions over values need; nothing here waits, asks, tells or remembers.
CORE_MAY_USE = {
    "collections",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "math",
    "msgspec",
    "re",
    "typing",
    "zlib",
}


def lint(directory: Path) -> tuple[int, str]:
    """Exit code and output of lint-imports for the ghproxy package in that directory."""
    run = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=directory,
        env={"PYTHONPATH": str(directory), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


def test_the_contracts_are_kept() -> None:
    code, output = lint(ROOT)

    assert code == 0, output


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("core/planted", "import time", "core.planted -> time"),
        ("core/planted", "from asyncio import Lock", "core.planted -> asyncio"),
        ("core/planted", "import logging", "core.planted -> logging"),
        ("core/planted", "import ghproxy.clock", "core is not allowed to import ghproxy.clock"),
        ("stores/planted", "import httpx", "stores.planted -> httpx"),
        ("upstream/planted", "import diskcache", "upstream.planted -> diskcache"),
        ("upstream/planted", "import ghproxy.stores.base", "upstream.planted -> ghproxy.stores"),
        ("web/planted", "import prometheus_client", "web.planted -> prometheus_client"),
        ("upstream/planted", "import starlette", "upstream.planted -> starlette"),
        ("simulator/planted", "import ghproxy.core.fields", "simulator.planted -> ghproxy.core"),
        ("simulator/planted", "from ghproxy import __version__", "simulator.planted -> ghproxy"),
        ("web/planted", "import ghproxy.simulator", "web.planted -> ghproxy.simulator"),
        ("planted", "", "- ghproxy.planted"),
    ],
)
def test_a_breach_is_noticed(tmp_path: Path, module: str, line: str, complaint: str) -> None:
    shutil.copytree(ROOT / "ghproxy", tmp_path / "ghproxy")
    shutil.copy(ROOT / ".importlinter", tmp_path)
    (tmp_path / "ghproxy" / f"{module}.py").write_text(f'"""Planted."""\n{line}\n')

    code, output = lint(tmp_path)

    assert code == 1
    assert complaint in output


def outside_imports() -> dict[str, set[str]]:
    """Module of ghproxy -> the top packages from outside that it imports."""
    graph = grimp.build_graph("ghproxy", include_external_packages=True, cache_dir=None)
    return {
        module: {
            imported.partition(".")[0]
            for imported in graph.find_modules_directly_imported_by(module)
            if not imported.startswith("ghproxy")
        }
        for module in graph.modules
        if module.startswith("ghproxy")
    }


def test_the_core_uses_only_what_computes() -> None:
    core = {
        module: used - CORE_MAY_USE
        for module, used in outside_imports().items()
        if module.startswith("ghproxy.core")
    }

    assert {module: rest for module, rest in core.items() if rest} == {}


def test_every_library_has_its_door() -> None:
    """A new dependency breaks this until .importlinter says where it comes in."""
    libraries = set().union(*outside_imports().values()) - sys.stdlib_module_names - {"msgspec"}
    contracts = (ROOT / ".importlinter").read_text()
    doors = re.findall(r"(?ms)^protected_modules =(.*?)^allowed_importers", contracts)

    assert libraries - set(" ".join(doors).split()) == set()
