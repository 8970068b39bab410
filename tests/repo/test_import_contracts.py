"""The contracts of .importlinter are kept, and each would notice its own breach."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repo.tree import ROOT

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


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
