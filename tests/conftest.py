"""What a test needs beyond Python, and no silent skip in CI.

`@pytest.mark.needs("tool")` skips with the reason on a user's machine. Where CI says it is CI
(.ci/run does), a missing tool fails the test, and so does every skip that SKIPS_ALLOWED_IN_CI does
not name.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

IN_CI = os.environ.get("CI") == "true" or os.environ.get("GHPROXY_CI") == "1"

SKIPS_ALLOWED_IN_CI = (
    "is not beside this checkout",  # ../shared: recordings of GitHub that cannot be kept here
)

JAVASCRIPT_CLIENTS = Path(__file__).parent / "e2e" / "node_modules"

GO_CLIENTS = Path(__file__).parents[1] / ".cache/go/.ghproxy-setup"

DEBIAN_PACKAGES = {"go": "golang-go", "node": "nodejs"}
"""Where the package has not the program's name."""


def absence(tool: str) -> str | None:
    """Why `tool` cannot be used and how to get it; None when it can.

    `octokit` is a JavaScript package and `go-github` a Go module, everything else a program on the
    path.
    """
    if tool == "octokit":
        return absence("node") or _absence_of_octokit()
    if tool == "go-github":
        built = None if GO_CLIENTS.is_file() else "needs go-github (scripts/setup)"
        return absence("go") or built
    if shutil.which(tool):
        return None
    return f"needs {tool} (apt install {DEBIAN_PACKAGES.get(tool, tool)})"


def _absence_of_octokit() -> str | None:
    if not (JAVASCRIPT_CLIENTS / "octokit").is_dir():
        return "needs octokit (apt install npm, then scripts/setup)"
    return None if _node_version() >= 20 else "needs node 20 or newer"


@functools.cache
def _node_version() -> int:
    run = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(run.stdout.removeprefix("v").partition(".")[0])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            if missing := absence(tool):
                pytest.skip(missing)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _forbid_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _forbid_skip(report)


def _forbid_skip(report: Report) -> Report:
    """In CI a skip is a failure with the same reason, unless it is expected or allowed."""
    if not IN_CI or not report.skipped or hasattr(report, "wasxfail"):
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if any(allowed in reason for allowed in SKIPS_ALLOWED_IN_CI):
        return report
    report.outcome = "failed"
    report.longrepr = f"{reason.removeprefix('Skipped: ')}: a skip, and no skip is allowed in CI"
    return report
