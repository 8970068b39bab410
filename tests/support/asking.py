"""One HTTP request as it is said, and its answer as it came: nothing added, followed or decoded.

And the order of things between several: who is held at GitHub, who leaves, what has been seen.
"""

import concurrent.futures
import contextlib
import http.client
import socket
import urllib.parse
from typing import NamedTuple


class Got(NamedTuple):
    """Fields in order, names in lower case."""

    status: int
    fields: list[tuple[str, str]]
    content: bytes

    def value(self, name):
        """The value of a field that comes at most once; None where it does not."""
        values = [value for line, value in self.fields if line == name]
        assert len(values) < 2, f"{name} comes {len(values)} times"
        return values[0] if values else None

    @property
    def mode(self):
        return self.value("x-cache-mode")


def ask(url, target, *fields, token=None, method="GET", content=None):
    """The answer. `fields` are pairs; a user agent and, with `token`, Bearer are added."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=40)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        given = list(fields)
        if not any(name.lower() == "user-agent" for name, _ in fields):
            given.append(("User-Agent", "test/1"))
        if token is not None:
            given.append(("Authorization", f"Bearer {token}"))
        if content is not None:
            given.append(("Content-Length", str(len(content))))
        for name, value in given:
            connection.putheader(name, value)
        connection.endheaders(content)
        response = connection.getresponse()
        lines = [(name.lower(), value) for name, value in response.getheaders()]
        return Got(response.status, lines, response.read())
    finally:
        connection.close()


@contextlib.contextmanager
def holding(github, count, **order):
    """Run the block's clients while GitHub holds what they ask; go on when `count` are held.

    Yields `start(function, *arguments)`; the answers are there after the block.
    """
    github.control("POST", "/holds", order)
    with concurrent.futures.ThreadPoolExecutor(40) as clients:
        try:
            yield clients.submit
            github.control("GET", f"/holds?held={count}&timeout_seconds=20")
        finally:
            github.control("DELETE", "/holds")


def send_only(proxy, target, token):
    """A client that has asked and does not read."""
    client = socket.create_connection(("127.0.0.1", proxy.port), 20)
    lines = ["Host: gateway", "User-Agent: test/1", f"Authorization: Bearer {token}"]
    client.sendall("\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode())
    return client


def turn(proxy):
    """Come back when the gateway has looked at everything that reached it before."""
    for _ in range(3):
        assert ask(proxy.health_url, "/healthz").content == b"OK"
