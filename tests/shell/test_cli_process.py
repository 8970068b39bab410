"""`ghproxy` as a process of its own: pipes, closed streams, signals, and what it loads."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

COMMAND = [sys.executable, "-m", "ghproxy"]
ENVIRONMENT = {"PATH": os.defpath, "HOME": "/nowhere"}


def ghproxy(
    *arguments: str, stdout: int | IO[str] = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=ENVIRONMENT,
        stdout=stdout,
        stderr=stderr,
        text=True,
        check=False,
    )


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", line.replace("ghproxy", " ".join(COMMAND))],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_exit_status_reaches_the_shell():
    assert ghproxy("--version").returncode == 0
    assert ghproxy("--qqqq").returncode == 2


@pytest.fixture
def broken_pipe() -> Iterator[int]:
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("command", ["--help", "config", "config --format json"])
def test_a_reader_that_has_gone_is_no_error(command, broken_pipe):
    done = ghproxy(*command.split(), stdout=broken_pipe)
    assert (done.returncode, done.stderr) == (0, "")


def test_mistakes_that_nobody_reads_are_still_an_exit_status(broken_pipe):
    assert ghproxy("--qqqq", stderr=broken_pipe).returncode == 2


def test_a_full_disk_behind_standard_output_is_told_in_one_line():
    with Path("/dev/full").open("w") as full:
        done = ghproxy("config", stdout=full)
    assert done.returncode == 2
    assert done.stderr == ("ghproxy: cannot write to standard output: No space left on device\n")


def test_closed_streams_are_no_error():
    assert shell("ghproxy --help >&-").returncode == 0
    assert shell("ghproxy --qqqq 2>&-").returncode == 2


def test_help_and_config_load_neither_servers_nor_clients():
    script = (
        "import sys; from ghproxy.cli import run, Programs\n"
        "status = run([sys.argv[1]], {}, Programs(None, None))\n"
        "print(status, *sorted(sys.modules), file=sys.stderr)"
    )
    heavy = {"asyncio", "uvicorn", "starlette", "httpx", "ssl", "diskcache", "prometheus_client"}
    for argument in ("--help", "config"):
        done = subprocess.run(
            [sys.executable, "-c", script, argument],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        status, *modules = done.stderr.split()
        assert status == "0"
        assert heavy.isdisjoint(modules)
        assert not [name for name in modules if name.startswith("ghproxy.simulator")]


def test_a_text_that_standard_output_cannot_encode_is_no_error(tmp_path):
    environment = ENVIRONMENT | {"PYTHONIOENCODING": "ascii"}
    directory = tmp_path / "caf\u00e9"
    done = subprocess.run(
        [*COMMAND, "config", f"--cache-dir={directory}", "--cache-sizeGB=1"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"caf\xe9" in done.stdout
