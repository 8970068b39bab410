"""A gateway process in the middle: raw clients before it, an origin behind it, one test around all.

Nothing here sleeps for a fixed time: `eventually` looks again until what it waits for can be seen
from outside (gauges, descriptors, bytes counted), and fails when that does not come to pass.
"""

import asyncio
import contextlib
import functools
import inspect
import json
from pathlib import Path

from tests.support.origin import origin_running
from tests.support.processes import ghproxy
from tests.support.raw_http import Client

HOST = "127.0.0.1"
_PATIENCE_SECONDS = 20
_GLANCE_SECONDS = 0.01


def play(scene, seconds=55):
    """Run a scene to its end; one that hangs fails."""

    async def bounded():
        async with asyncio.timeout(seconds):
            await scene

    asyncio.run(bounded())


async def eventually(condition, what="it never came to pass", seconds=_PATIENCE_SECONDS):
    """Wait until the condition (a function, a coroutine function or a blocking one) holds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        seen = condition()
        seen = await seen if inspect.isawaitable(seen) else seen
        if seen:
            return seen
        assert asyncio.get_running_loop().time() < deadline, what() if callable(what) else what
        await asyncio.sleep(_GLANCE_SECONDS)


def aside(function, *arguments):
    """Call what blocks without stopping the origin that runs in this loop."""
    return asyncio.to_thread(functools.partial(function, *arguments))


@contextlib.asynccontextmanager
async def connected(port, limit=65_536, host=HOST):
    """A raw client's connection; `limit` is roughly how much it buffers unread."""
    reader, writer = await asyncio.open_connection(host, port, limit=limit)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def request(target="/", *lines, method="GET", content=b"", host="gateway"):
    """The bytes of a request; a length is stated where there is content."""
    target = target.encode() if isinstance(target, str) else target
    head = [method.encode() + b" " + target + b" HTTP/1.1", b"User-Agent: test/1"]
    head.append(b"Host: " + host.encode())
    if content:
        head.append(b"Content-Length: %d" % len(content))
    return b"\r\n".join([*head, *lines, b"", b""]) + content


async def ask(port, target="/", *lines, method="GET", content=b"", host="gateway"):
    """One request on a connection of its own; its whole answer."""
    async with connected(port) as client:
        client.write(request(target, *lines, method=method, content=content, host=host))
        return await client.reply(method)


def first(reply, name):
    """The one value of a field; None where it is not there."""
    values = reply.values(name)
    assert len(values) < 2, f"{name!r} {len(values)} times"
    return values[0].decode() if values else None


def mode(reply):
    return first(reply, b"x-cache-mode")


def assert_is_error(reply, status, error, word=""):
    """GitHub's shape, a message with what happened, and Proxy-Status."""
    assert reply.status == status, reply
    told = json.loads(reply.content)
    assert sorted(told) == ["documentation_url", "message", "status"]
    assert told["status"] == str(status)
    assert word in told["message"]
    assert f"error={error}" in first(reply, b"proxy-status")
    assert mode(reply) is None or mode(reply) == "ERROR"


class Stack:
    """The gateway, and where its origin listens."""

    def __init__(self, gateway, origin_port):
        self.gateway = gateway
        self.origin_port = origin_port
        self.port = gateway.port

    def client_connections(self):
        """How many connections clients hold open."""
        return _connections(self.port, local=True)

    def ask(self, target="/", *lines, method="GET", content=b""):
        return ask(self.port, target, *lines, method=method, content=content)

    def connected(self, limit=65_536):
        return connected(self.port, limit)

    async def gauges(self):
        """Requests at the origin, and those that wait for a slot."""
        samples = await aside(self.gateway.metrics)
        names = ("concurrent_outbound_requests", "pending_outbound_requests")
        return tuple(samples[name] for name in names)

    async def reaches(self, in_use, waiting=0):
        """Wait until the gauges are exactly so."""

        async def agrees():
            return await self.gauges() == (in_use, waiting)

        await eventually(agrees, f"never ({in_use}, {waiting}) at the origin")

    async def rests(self):
        """Wait until nothing is under way; how many descriptors are open but for idle upstream."""
        await self.reaches(0)
        await eventually(lambda: not self.client_connections(), "clients stay connected")
        return self.gateway.open_files() - _connections(self.origin_port, local=False)

    async def rests_as(self, baseline):
        """Wait until it is as it was; descriptors of sockets go a moment after the sockets."""
        seen = []

        async def is_so():
            seen.append(await self.rests())
            return seen[-1] <= baseline

        await eventually(is_so, lambda: f"{seen[-1]} descriptors, {baseline} before")


def _connections(port, *, local):
    """How many connections have this port on the side that the gateway's table shows."""
    suffix = f":{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    here, established_or_half_closed = (1 if local else 2), ("01", "08")
    return sum(row[here].endswith(suffix) and row[3] in established_or_half_closed for row in rows)


@contextlib.contextmanager
def ghproxy_before(github, *options):
    """A gateway before a simulator."""
    with ghproxy(github.url, *options) as gateway:
        yield Stack(gateway, int(github.url.rpartition(":")[2]))
    assert "Traceback" not in gateway.said, gateway.said
    assert gateway.process.returncode == 0, gateway.said


@contextlib.asynccontextmanager
async def stack(script, *options, tls=None, scheme=None, base_path=""):
    """A gateway before a scripted origin; `scheme` is what the gateway is told to speak."""
    async with origin_running(script, tls) as origin:
        scheme = scheme or ("https" if tls else "http")
        url = f"{scheme}://{HOST}:{origin.port}{base_path}"
        opened = contextlib.ExitStack()
        gateway = await aside(opened.enter_context, ghproxy(url, *options))
        try:
            yield Stack(gateway, origin.port)
        finally:
            await aside(opened.close)
        assert "Traceback" not in gateway.said, gateway.said
        assert gateway.process.returncode == 0, gateway.said


def ok(content=b"{}", *lines, status=b"200 OK"):
    """A whole answer."""
    head = [b"HTTP/1.1 " + status, b"Content-Type: application/json"]
    return b"\r\n".join([*head, *lines, b"Content-Length: %d" % len(content), b"", b""]) + content
