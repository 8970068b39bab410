"""A token that clients send, wherever they put it, is in nothing that the gateway writes.

Read are its output at the loudest level, its metrics, health and profiler ports, its cache
directory once it has ended, and whatever it answers in its own words. What GitHub itself sends back
is GitHub's and is not looked at.
"""

import base64
import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

from tests.support.asking import ask
from tests.support.processes import CHECKOUT, ghproxy
from tests.support.secrets import SENTINEL_TOKEN, traces

pytestmark = pytest.mark.usefixtures("calm")

TARGET = "/repos/acme/anvil"
BASIC = base64.b64encode(f"x-access-token:{SENTINEL_TOKEN}".encode()).decode()
BEARER = ("Authorization", f"Bearer {SENTINEL_TOKEN}")

# Where clients put tokens: a target, and fields.
PLACES = {
    "bearer": (TARGET, [BEARER]),
    "token": (TARGET, [("Authorization", f"token {SENTINEL_TOKEN}")]),
    "basic": (TARGET, [("Authorization", f"Basic {BASIC}")]),
    "no scheme": (TARGET, [("Authorization", SENTINEL_TOKEN)]),
    "user agent": (TARGET, [("User-Agent", f"{SENTINEL_TOKEN}/1 ({SENTINEL_TOKEN})")]),
    "end of the user agent": (TARGET, [("User-Agent", f"{'a' * 50}{SENTINEL_TOKEN}")]),
    "budget": (TARGET, [("X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER", SENTINEL_TOKEN)]),
    "end of the budget": (
        TARGET,
        [("X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER", "b" * 110 + SENTINEL_TOKEN)],
    ),
    "query": (f"{TARGET}?access_token={SENTINEL_TOKEN}", []),
    "path": (f"/applications/{SENTINEL_TOKEN}/token", []),
    "path of nothing": (f"/{SENTINEL_TOKEN}/{SENTINEL_TOKEN}", []),
    "condition": (TARGET, [("If-None-Match", f'"{SENTINEL_TOKEN}"')]),
    "accept": (TARGET, [("Accept", f"application/{SENTINEL_TOKEN}")]),
    "cookie": (TARGET, [("Cookie", f"session={SENTINEL_TOKEN}")]),
    "another field": (TARGET, [(f"X-{SENTINEL_TOKEN}", SENTINEL_TOKEN)]),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def page(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()


class Watched:
    """A gateway at its loudest; `pages` is what its other ports show, `told` its own answers."""

    def __init__(self, url, directory, *options):
        self.directory = directory
        self.profiler = free_port()
        self.told: list[str | bytes] = []
        self.options = [
            url, f"--cache-dir={directory}", "--cache-sizeGB=0.1", "--log-level=trace",
            f"--pprof-port={self.profiler}", *options,
        ]  # fmt: skip
        self.proxy: Any = None

    def pages(self):
        profile = page(f"http://127.0.0.1:{self.profiler}/debug/pprof/goroutine")
        assert b"ghproxy." in profile
        ports = [page(f"{self.proxy.health_url}{path}") for path in ("/healthz", "/healthz/ready")]
        return [page(f"{self.proxy.metrics_url}/metrics"), profile, *ports]

    def everything(self):
        return [self.proxy.said, self.directory, *self.told]


@contextlib.contextmanager
def watched(url, directory, *options):
    """After the block: nothing that it wrote or said holds the token."""
    watch = Watched(url, directory, *options)
    with ghproxy(*watch.options) as watch.proxy:
        yield watch
        watch.told += watch.pages()
    assert list(directory.iterdir())
    assert "listening" in watch.proxy.said
    assert traces(SENTINEL_TOKEN, *watch.everything()) == []


def test_misses_hits_and_refusals_write_nothing_of_it(github, tmp_path):
    # GitHub knows nobody by that token: it answers as to a friend, so that things are stored.
    document = {"status": 200, "content": '{"id":1}', "fields": [["ETag", f'"{"1" * 64}"']]}
    modes = set()
    with watched(github.url, tmp_path / "cache") as watch:
        for fault in (document, {"status": 304}, {"status": 403}, {"status": 404}, {"status": 500}):
            github.control("POST", "/faults", fault)
            for target, fields in PLACES.values():
                for method in ("GET", "HEAD", "POST"):
                    modes.add(ask(watch.proxy.url, target, *fields, method=method).mode)
                ask(watch.proxy.url, target, ("Range", "bytes=0-1"), *fields)
            github.control("DELETE", "/faults")
    assert modes >= {"MISS", "REVALIDATED", "NO-STORE", "SKIP"}
    assert len(traces(SENTINEL_TOKEN, json.dumps(github.journal()))) > 1  # it was sent


def test_a_token_that_github_knows_is_in_nothing_written_and_in_no_answer(github, tmp_path):
    token, told = github.token(), []
    basic = base64.b64encode(f"ada:{token}".encode()).decode()
    watch = Watched(github.url, tmp_path / "cache")
    with ghproxy(*watch.options) as watch.proxy:
        for scheme in (f"Bearer {token}", f"token {token}", f"Basic {basic}"):
            field = ("Authorization", scheme)
            targets = (TARGET, TARGET, "/user", "/repos/acme/none", f"/zen?t={token}")
            told += [ask(watch.proxy.url, target, field) for target in targets]
            told.append(ask(watch.proxy.url, TARGET + "/issues/1", field, method="DELETE"))
            told.append(ask(watch.proxy.url, "/graphql", field, method="POST", content=b"{}"))
        watch.told += watch.pages()
    assert {"MISS", "REVALIDATED", "NO-STORE", "SKIP"} <= {got.mode for got in told}
    answers = [text for got in told for text in (got.content, json.dumps(got.fields))]
    assert traces(token, *watch.everything(), *answers) == []


def test_an_origin_that_is_down_writes_nothing_of_it(nowhere, tmp_path):
    with watched(nowhere, tmp_path / "cache") as watch:
        for target, fields in PLACES.values():
            for method in ("GET", "HEAD", "POST"):
                got = ask(watch.proxy.url, target, *fields, method=method)
                assert got.status == 502
                watch.told += [got.content, json.dumps(got.fields)]


def test_an_origin_that_fails_writes_nothing_of_it(github, tmp_path):
    statuses = set()
    with watched(github.url, tmp_path / "cache", "--request-timeout=1") as watch:
        for fault in FAULTS:
            github.control("POST", "/faults", fault)
            for target, fields in (PLACES[place] for place in ("bearer", "basic", "query", "path")):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    got = ask(watch.proxy.url, target, *fields)
                    statuses.add(got.status)
                    if got.status in (502, 503, 504):
                        watch.told += [got.content, json.dumps(got.fields)]
            github.control("DELETE", "/faults")
    assert statuses >= {502, 503}


def raw(port, request):
    """What comes back for these bytes until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answer, contextlib.suppress(ConnectionError):
            return answer.read()
    return b""


FAULTS = (
    {"cut_at": 0},
    {"cut_at": 400},
    {"reset": True, "cut_at": 5},
    {"both_lengths": True},
    {"bad_chunk": True},
    {"head": "oversized"},
    {"broken_field": "nul"},
    {"status": 206},
    {"latency_seconds": 30},
)
SECRET = SENTINEL_TOKEN.encode()
MALFORMED = {
    "no slash": b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
    "fragment": b"GET /a#%s HTTP/1.1\r\nHost: a\r\n\r\n",
    "two hosts": b"GET /%s HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "host": b"GET / HTTP/1.1\r\nHost: %s@a\r\n\r\n",
    "method": b"%s / HTTP/1.1\r\nHost: a\r\n\r\n",
    "version": b"GET /%s HTTP/3.0\r\nHost: a\r\n\r\n",
    "two credentials": (
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nAuthorization: Bearer x\r\n\r\n"
    ),
    "nominated": (
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\nConnection: authorization\r\n\r\n"
    ),
    "length": b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\nContent-Length: +1\r\n\r\n",
    "length is it": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n",
    "coding is it": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n",
    "field name": b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization %s\r\n\r\n",
    "control byte": b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: %s\0\r\n\r\n",
    "chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
    "half a head": b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s",
    "too long": b"GET /%s" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "too large": b"GET / HTTP/1.1\r\nHost: a\r\nA: %s" + b"x" * 70_000 + b"\r\n\r\n",
    "trace": b"TRACE /%s HTTP/1.1\r\nHost: a\r\n\r\n",
    "no HTTP": b"\x16\x03\x01%s",
}


def test_refused_requests_write_nothing_of_it(github, tmp_path):
    with watched(github.url, tmp_path / "cache") as watch:
        github.forget()
        for name, request in MALFORMED.items():
            answer = raw(watch.proxy.port, request % SECRET)
            assert not answer or b" 200 " not in answer.partition(b"\r\n")[0], name
            watch.told.append(answer)
    assert github.journal() == []


@pytest.mark.parametrize(
    ("number", "place"),
    [(signal.SIGTERM, "bearer"), (signal.SIGTERM, "query"), (signal.SIGINT, "basic")],
)
def test_a_stop_in_the_middle_of_a_request_writes_nothing_of_it(github, tmp_path, place, number):
    target, fields = PLACES[place]
    lines = [f"GET {target} HTTP/1.1", "Host: a", "User-Agent: test/1"]
    lines += [f"{name}: {value}" for name, value in fields]
    directory = tmp_path / "cache"
    watch = Watched(github.url, directory, "--request-timeout=1")
    github.control("POST", "/holds", {})
    with ghproxy(*watch.options) as watch.proxy:
        address = ("127.0.0.1", watch.proxy.port)
        with socket.create_connection(address, 20) as client, client.makefile("rb") as answer:
            client.sendall("\r\n".join([*lines, "", ""]).encode())
            github.control("GET", "/holds?held=1")
            watch.told += watch.pages()  # the stacks of a request in flight
            watch.proxy.stop(number)
            with contextlib.suppress(ConnectionError):
                watch.told.append(answer.read())
    assert traces(SENTINEL_TOKEN, *watch.everything()) == []
    assert "Traceback" not in watch.proxy.said


@pytest.mark.parametrize(
    "argument",
    [
        f"--upstream=http://user:{SENTINEL_TOKEN}@127.0.0.1:1/",
        f"--upstream=http://127.0.0.1:1/?access_token={SENTINEL_TOKEN}",
        f"--upstream={SENTINEL_TOKEN}",
        f"--redis-address=redis://:{SENTINEL_TOKEN}@127.0.0.1:1",
        f"--push-gateway=http://user:{SENTINEL_TOKEN}@127.0.0.1:1",
        SENTINEL_TOKEN,
    ],
    ids=lambda argument: argument.partition("=")[0][:16],
)
def test_a_start_that_fails_does_not_repeat_a_credential_it_was_given(argument):
    command = [sys.executable, "-m", "ghproxy", argument]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=30)
    assert ended.returncode == 2
    assert ended.stderr.startswith("ghproxy: ")
    assert traces(SENTINEL_TOKEN, ended.stdout, ended.stderr) == []
