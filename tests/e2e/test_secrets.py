"""No credential comes out of the program: not in logs, metrics or errors, nor on its disk."""

import base64
import socket
import urllib.request

import pytest

from tests.support.processes import ghproxy, simulator
from tests.support.secrets import SENTINEL_TOKEN, traces

ANSWER_BYTES = 65_536


@pytest.fixture(scope="module")
def origin():
    with simulator() as program:
        yield program


def answer(proxy, *lines):
    """All that comes back for the lines of a request head, sent as they are."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as client:
        client.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        received = b""
        while chunk := client.recv(ANSWER_BYTES):
            received += chunk
        return received


def requests_with(token):
    """Requests of every fate: hit, miss, refused, relayed, malformed; the token in each."""
    basic = base64.b64encode(f"ada:{token}".encode()).decode()
    head = ("Host: localhost", "User-Agent: test/1")
    bearer = f"Authorization: Bearer {token}"
    yield from [("GET /repos/acme/anvil HTTP/1.1", *head, bearer)] * 2
    yield "GET /user HTTP/1.1", *head, f"Authorization: Basic {basic}"
    yield "GET /user HTTP/1.1", *head, f"Authorization: token {token}"
    yield f"GET /user?access_token={token} HTTP/1.1", *head
    yield "DELETE /repos/acme/anvil/issues/1 HTTP/1.1", *head, bearer
    yield "POST /graphql HTTP/1.1", *head, bearer, "Content-Length: 0"
    yield "GET /user HTTP/1.1", *head, bearer, bearer
    yield "GET /user HTTP/1.1", *head, bearer, "no colon"
    yield "GET /user HTTP/1.1", *head, bearer, "Content-Length: one"
    yield "GET user HTTP/1.1", *head, bearer
    yield "GET /user HTTP/1.1", *head, bearer, "X-Large: " + "x" * 70_000


def written_by(proxy):
    """What the proxy says of itself on its ports, and has said."""
    with urllib.request.urlopen(proxy.metrics_url + "/metrics", timeout=20) as scrape:
        return scrape.read().decode() + proxy.said


@pytest.mark.parametrize("is_known", [True, False], ids=["a token", "an unknown token"])
def test_no_credential_is_written_anywhere(origin, tmp_path, is_known):
    token = origin.token() if is_known else SENTINEL_TOKEN
    options = ("--cache-dir", tmp_path, "--cache-sizeGB", "0.1", "--log-level=trace")
    with ghproxy(origin.url, *options) as proxy:
        answers = [answer(proxy, *request) for request in requests_with(token)]
        answers.append(written_by(proxy).encode())

    assert len(answers) == 13
    assert traces(token, tmp_path, proxy.said, *answers) == []
    assert any(path.stat().st_size for path in tmp_path.iterdir())


def test_no_credential_is_written_when_github_cannot_be_reached(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with ghproxy(f"http://127.0.0.1:{port}", "--log-level=trace") as proxy:
        answers = [answer(proxy, *request) for request in requests_with(SENTINEL_TOKEN)]
        written = written_by(proxy)

    assert b" 502 " in answers[0]
    assert traces(SENTINEL_TOKEN, proxy.said, written, *answers) == []
