"""Every implementation of `Upstream`, opened onto a scripted origin for the contract suite."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import uvloop

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream.base import (
    OriginAddress,
    Upstream,
    UpstreamRequest,
    UpstreamResponse,
    UpstreamSettings,
)
from ghproxy.upstream.httpx import HttpxUpstream
from ghproxy.upstream.wire import WireUpstream
from tests.support.origin import Origin, Script, origin_running

Create = Callable[[OriginAddress, UpstreamSettings, ssl.SSLContext | None], Upstream]


@dataclass(frozen=True)
class Door:
    """An implementation on an event loop."""

    name: str
    create: Create
    loop_factory: Callable[[], asyncio.AbstractEventLoop]

    def run(self, main: Coroutine[None, None, None]) -> None:
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            runner.run(asyncio.wait_for(main, 30))


WIRE = Door("wire", WireUpstream, asyncio.new_event_loop)
WIRE_UVLOOP = Door("wire-uvloop", WireUpstream, uvloop.new_event_loop)
HTTPX = Door("httpx", HttpxUpstream, asyncio.new_event_loop)

every_door = pytest.mark.parametrize(
    "door", [WIRE, WIRE_UVLOOP, HTTPX], ids=lambda door: str(door.name)
)
wire_doors = pytest.mark.parametrize("door", [WIRE, WIRE_UVLOOP], ids=lambda door: str(door.name))

SETTINGS = UpstreamSettings(
    connect_timeout_seconds=5,
    first_byte_timeout_seconds=5,
    stall_timeout_seconds=5,
    total_timeout_seconds=10,
)


def get(target: bytes = b"/x", *fields: tuple[bytes, bytes]) -> UpstreamRequest:
    return UpstreamRequest("GET", target, fields)


def post(
    content: bytes | AsyncIterator[bytes] = b"{}", length: int | None = None
) -> UpstreamRequest:
    return UpstreamRequest("POST", b"/x", (), content, length)


async def fetch(upstream: Upstream, request: UpstreamRequest) -> tuple[int, bytes]:
    """Send and read to the end."""
    response = await upstream.send(request)
    return response.head.status, await content_of(response)


async def content_of(response: UpstreamResponse) -> bytes:
    try:
        return b"".join([piece async for piece in response.content()])
    finally:
        await response.aclose()


async def failure(upstream: Upstream, request: UpstreamRequest) -> ProxyError:
    """The kind that send, or reading what it returned, fails with."""
    with pytest.raises(UpstreamError) as caught:
        await fetch(upstream, request)
    return caught.value.kind


async def turns(count: int = 20) -> None:
    """Let everything that is ready happen."""
    for _ in range(count):
        await asyncio.sleep(0)


@asynccontextmanager
async def opened(
    door: Door,
    script: Script,
    settings: UpstreamSettings = SETTINGS,
    *,
    server_tls: ssl.SSLContext | None = None,
    client_tls: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[Upstream, Origin]]:
    """Door and origin; at the end nothing may be left of either: no slot, no task."""
    before = asyncio.all_tasks()
    async with origin_running(script, server_tls) as origin:
        scheme = "https" if server_tls else "http"
        host = "localhost" if server_tls else origin.host
        upstream = door.create(OriginAddress(scheme, host, origin.port), settings, client_tls)
        try:
            yield upstream, origin
        finally:
            await upstream.aclose()
        snapshot = upstream.snapshot()
        assert (snapshot.idle, snapshot.in_use, snapshot.waiting) == (0, 0, 0)
    assert asyncio.all_tasks() == before
