"""scripts/setup and scripts/run, with a Python and a pip that only note how they were called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FAKE_PYTHON = """#!/bin/sh
# Stands for python3 and for .venv/bin/python.
printf '%s\\n' "$*" >>"$LOG"
case "$*" in
*version_info*) exit "${TOO_OLD:-0}" ;;
*ensurepip*) exit "${NO_VENV:-0}" ;;
--version) echo 'Python 3.9.2' ;;
'-m venv '*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
'-m pip install'*) [ -z "$GATE" ] || cat "$GATE"; exit "${PIP_FAILS:-0}" ;;
-) cat >/dev/null ;;
'-P -m ghproxy'*) shift 3; printf '<%s>' "$@"; exit 7 ;;
esac
"""


class Checkout:
    """A copy of what setup reads, in a directory of its own, with nothing but fakes on the path."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "check out"  # a space, because people have them
        self.log = directory / "log"
        self.programs = directory / "programs"
        (self.root / "scripts").mkdir(parents=True)
        for script in ("setup", "run"):
            shutil.copy(ROOT / "scripts" / script, self.root / "scripts")
        shutil.copytree(ROOT / "requirements", self.root / "requirements")
        self.programs.mkdir()
        self.python = self.programs / "python3"
        self.python.write_text(FAKE_PYTHON)
        self.python.chmod(0o755)

    def start(self, kind: str = "runtime", **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "scripts" / "setup", kind],
            env=self.environment() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.programs}:/usr/bin:/bin", "LOG": str(self.log)}

    def setup(self, kind: str = "runtime", **environment: str) -> tuple[int, str]:
        with self.start(kind, **environment) as process:
            output, _ = process.communicate()
        return process.returncode, output

    def installs(self) -> list[str]:
        """Each requirements file that pip was told to install, in order."""
        calls = self.log.read_text().splitlines() if self.log.exists() else []
        return [call.split()[-1] for call in calls if call.startswith("-m pip install")]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


RUNTIME, DEV = "requirements/runtime.txt", "requirements/dev.txt"


def test_the_second_run_installs_nothing(checkout: Checkout) -> None:
    assert checkout.setup()[0] == 0
    assert checkout.setup() == (0, "")
    assert checkout.installs() == [RUNTIME]


def test_pip_checks_every_hash(checkout: Checkout) -> None:
    checkout.setup()

    assert "--require-hashes" in checkout.log.read_text()


def test_changed_requirements_are_installed(checkout: Checkout) -> None:
    checkout.setup()
    with (checkout.root / RUNTIME).open("a") as requirements:
        requirements.write("another==1\n")
    checkout.setup()

    assert checkout.installs() == [RUNTIME, RUNTIME]
    assert checkout.setup() == (0, "")


def test_what_tests_need_includes_what_the_proxy_needs(checkout: Checkout) -> None:
    checkout.setup("dev")
    checkout.setup("runtime")

    assert checkout.installs() == [DEV]


def test_what_the_proxy_needs_is_not_all_that_tests_need(checkout: Checkout) -> None:
    checkout.setup("runtime")
    checkout.setup("dev")

    assert checkout.installs() == [RUNTIME, DEV]


def test_a_failed_installation_is_reported_and_started_over(checkout: Checkout) -> None:
    code, output = checkout.setup(PIP_FAILS="1")
    assert code == 1
    assert "pip could not install requirements/runtime.txt" in output

    leftover = checkout.root / ".venv" / "leftover"
    leftover.touch()
    assert checkout.setup()[0] == 0
    assert not leftover.exists()


def test_an_interrupted_installation_is_started_over(checkout: Checkout, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    process = checkout.start(GATE=str(gate))
    with gate.open("w"):  # opens when pip is at work
        process.kill()
        process.wait()
    process.communicate()

    leftover = checkout.root / ".venv" / "leftover"
    leftover.touch()
    assert checkout.setup()[0] == 0
    assert not leftover.exists()


def test_two_at_once_install_once(checkout: Checkout, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first = checkout.start(GATE=str(gate))
    with gate.open("w"):  # opens when the first is inside pip
        second = checkout.start()
    for process in (first, second):
        process.communicate()
        assert process.returncode == 0

    assert checkout.installs() == [RUNTIME]


def test_a_moved_checkout_is_set_up_again(checkout: Checkout) -> None:
    checkout.setup()
    checkout.root = checkout.root.rename(checkout.root.with_name("moved"))
    checkout.setup()

    assert checkout.installs() == [RUNTIME, RUNTIME]


def test_another_python_behind_the_same_link_is_a_new_start(checkout: Checkout) -> None:
    checkout.setup()
    link = checkout.root / ".venv" / "bin" / "python"
    link.rename(link.with_name("python3.99"))
    link.symlink_to("python3.99")
    leftover = checkout.root / ".venv" / "leftover"
    leftover.touch()
    checkout.setup()

    assert checkout.installs() == [RUNTIME, RUNTIME]
    assert not leftover.exists()


def test_an_environment_made_by_hand_is_kept(checkout: Checkout) -> None:
    (checkout.root / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(checkout.python, checkout.root / ".venv" / "bin" / "python")
    mine = checkout.root / ".venv" / "mine"
    mine.touch()

    assert checkout.setup()[0] == 0
    assert mine.exists()
    assert checkout.installs() == [RUNTIME]


def test_an_old_python_is_one_clear_line(checkout: Checkout) -> None:
    checkout.python.write_text(FAKE_PYTHON.replace("TOO_OLD:-0", "TOO_OLD:-1"))
    for name in ("python3.11", "python3.12", "python3.13", "python3.14"):
        shutil.copy(checkout.python, checkout.programs / name)

    code, output = checkout.setup()

    assert code == 1
    assert output.count("\n") == 1
    assert "needs Python 3.11 or newer, found Python 3.9.2" in output


def test_a_missing_venv_module_names_the_debian_package(checkout: Checkout) -> None:
    code, output = checkout.setup(NO_VENV="1")

    assert code == 1
    assert output == "setup: python3 cannot make virtual environments (apt install python3-venv)\n"


def test_an_unknown_kind_is_refused(checkout: Checkout) -> None:
    assert checkout.setup("everything") == (
        1,
        "setup: say runtime, dev or all, not 'everything'\n",
    )


def test_run_hands_over_arguments_and_exit_status_and_says_nothing_itself(
    checkout: Checkout,
) -> None:
    link = checkout.programs / "proxy"  # people link it into their path
    link.symlink_to(checkout.root / "scripts" / "run")

    run = subprocess.run(
        [link, "--port=1", "a b", ""],
        cwd="/",
        env=checkout.environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert run.returncode == 7
    assert run.stdout == "<--port=1><a b><>"


def test_run_does_not_start_what_could_not_be_set_up(checkout: Checkout) -> None:
    run = subprocess.run(
        [checkout.root / "scripts" / "run"],
        env=checkout.environment() | {"PIP_FAILS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1
    assert run.stdout == ""
