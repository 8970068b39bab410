"""A GitHub, a gateway before it, and a gateway whose GitHub is down, as real processes."""

import socket

import pytest

from tests.support.processes import ghproxy, simulator


@pytest.fixture(scope="module")
def github():
    with simulator() as program:
        yield program


@pytest.fixture
def proxy(github):
    """In front of `github`, whose journal is empty then."""
    github.forget()
    with ghproxy(github.url) as program:
        yield program


@pytest.fixture(scope="module")
def nowhere():
    """An address that refuses connections as long as the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(scope="module")
def orphan(nowhere):
    with ghproxy(nowhere) as program:
        yield program


@pytest.fixture
def calm(github):
    """Nothing is held and nothing goes wrong any more once the test is over."""
    yield
    github.control("DELETE", "/holds")
    github.control("DELETE", "/faults")
