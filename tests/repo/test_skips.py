"""The rules of tests/conftest.py, tried in a run of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

NEEDS_WHAT_IS_NOT_THERE = """
import pytest

@pytest.mark.needs("no-such-program")
def test_with_a_program():
    pass
"""


def outcome(directory: Path, test: str, *, ci: bool) -> tuple[int, str]:
    """Exit code and output of a run of one test file."""
    (directory / "conftest.py").write_text(CONFTEST.read_text())
    (directory / "test_it.py").write_text(test)
    (directory / "pytest.ini").write_text("[pytest]\nmarkers =\n  needs(tool): tool\n")
    environment = {k: v for k, v in os.environ.items() if k not in {"CI", "GHPROXY_CI"}}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", str(directory)],
        cwd=directory,
        env=environment | ({"CI": "true"} if ci else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout


def test_a_missing_program_skips_with_the_way_to_get_it(tmp_path: Path) -> None:
    code, output = outcome(tmp_path, NEEDS_WHAT_IS_NOT_THERE, ci=False)

    assert code == 0
    assert "needs no-such-program (apt install no-such-program)" in output


def test_a_missing_program_fails_in_ci(tmp_path: Path) -> None:
    code, output = outcome(tmp_path, NEEDS_WHAT_IS_NOT_THERE, ci=True)

    assert code == 1
    assert "needs no-such-program (apt install no-such-program): a skip" in output


@pytest.mark.parametrize(
    "test",
    [
        'import pytest\ndef test_it(): pytest.skip("no time")',
        'import pytest\npytest.skip("no time", allow_module_level=True)',
        'import pytest\n@pytest.mark.skip(reason="no time")\ndef test_it(): pass',
    ],
    ids=["inside", "module", "mark"],
)
def test_any_other_skip_fails_in_ci(tmp_path: Path, test: str) -> None:
    code, output = outcome(tmp_path, test, ci=True)

    assert code != 0
    assert "no time: a skip" in output


def test_a_skip_on_the_list_is_allowed_in_ci(tmp_path: Path) -> None:
    test = 'import pytest\ndef test_it(): pytest.skip("headers.json is not beside this checkout")'

    code, output = outcome(tmp_path, test, ci=True)

    assert code == 0
    assert "1 skipped" in output


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    test = "import pytest\n@pytest.mark.xfail\ndef test_it(): raise AssertionError"

    assert outcome(tmp_path, test, ci=True)[0] == 0


def test_a_program_that_is_there_is_used(tmp_path: Path) -> None:
    code, output = outcome(
        tmp_path, NEEDS_WHAT_IS_NOT_THERE.replace("no-such-program", "sh"), ci=True
    )

    assert code == 0
    assert "1 passed" in output
