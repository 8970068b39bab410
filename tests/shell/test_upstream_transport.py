"""An ordinary httpx client over the connections of an upstream; and wire's own details."""

import asyncio
import gzip
import socket

import httpx
import pytest

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream.base import OriginAddress
from ghproxy.upstream.transport import UpstreamTransport
from tests.support.origin import Arrived, Peer, answering
from tests.support.origin_doors import WIRE, Door, fetch, get, opened, wire_doors

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_client_shares_the_connections_of_the_upstream() -> None:
    packed = gzip.compress(b'{"a": 1}')
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    ) + packed

    async def main() -> None:
        log: list[Arrived] = []
        async with opened(WIRE, answering(OK, answer, log=log)) as (upstream, origin):
            await fetch(upstream, get())
            address = OriginAddress("http", origin.host, origin.port)
            base = f"http://{origin.host}:{origin.port}"
            async with httpx.AsyncClient(
                transport=UpstreamTransport(upstream, address), base_url=base
            ) as client:
                response = await client.post("/app?x=%5B1%5D", json={"b": 2})
                assert response.json() == {"a": 1}
                assert (await client.get("/a")).status_code == 200
            assert await fetch(upstream, get()) == (200, packed)  # still open
            assert origin.connections == 1
        assert log[1].line == b"POST /app?x=%5B1%5D HTTP/1.1"
        assert log[1].content == b'{"b":2}'
        assert log[1].values(b"host") == [b"127.0.0.1:%d" % origin.port]
        assert len(log[1].values(b"content-length")) == 1

    WIRE.run(main())


def test_a_client_may_stream_both_ways() -> None:
    async def main() -> None:
        log: list[Arrived] = []
        async with opened(WIRE, answering(OK, log=log)) as (upstream, origin):

            async def content():
                yield b"ab"
                yield b"cd"

            transport = UpstreamTransport(upstream, OriginAddress("http", origin.host, origin.port))
            async with httpx.AsyncClient(transport=transport) as client:
                url = f"http://{origin.host}:{origin.port}/"
                async with client.stream("PUT", url, content=content()) as response:
                    assert [piece async for piece in response.aiter_raw()] == [b"ok"]
            assert upstream.snapshot().idle == 1
        assert log[0].content == b"abcd"

    WIRE.run(main())


def test_a_client_cannot_leave_the_origin() -> None:
    async def main() -> None:
        async with opened(WIRE, answering(OK)) as (upstream, origin):
            address = OriginAddress("http", origin.host, origin.port)
            async with httpx.AsyncClient(transport=UpstreamTransport(upstream, address)) as client:
                for url in (
                    f"https://{origin.host}:{origin.port}/",
                    f"http://{origin.host}/",
                    f"http://elsewhere.example:{origin.port}/",
                ):
                    with pytest.raises(httpx.UnsupportedProtocol):
                        await client.get(url)
            assert origin.connections == 0

    WIRE.run(main())


class Refusing:
    """An upstream that fails with each kind in turn."""

    def __init__(self, kind: ProxyError) -> None:
        self._kind = kind

    async def send(self, request: object) -> object:
        raise UpstreamError(self._kind, "it failed")


@pytest.mark.parametrize("kind", ProxyError)
def test_every_failure_is_one_that_httpx_knows(kind: ProxyError) -> None:
    async def main() -> None:
        transport = UpstreamTransport(
            Refusing(kind),  # type: ignore[arg-type]  # only send is used
            OriginAddress("http", "h", 80),
        )
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(httpx.TransportError, match="it failed"):
                await client.get("http://h/")

    asyncio.run(main())


@wire_doors
def test_small_writes_are_not_delayed(door: Door) -> None:
    """TCP_NODELAY is read back from the kernel, on the client's side of each connection."""

    async def script(peer: Peer) -> None:
        await peer.request()
        port = peer.writer.get_extra_info("peername")[1]
        await peer.send(b"HTTP/1.1 200 OK\r\nX-Port: %d\r\nContent-Length: 0\r\n\r\n" % port)
        await peer.gone()

    async def main() -> None:
        async with opened(door, script) as (upstream, _):
            response = await upstream.send(get())
            port = int(dict(response.head.fields)[b"x-port"])
            assert nodelay_of(port)

    door.run(main())


def nodelay_of(local_port: int) -> bool:
    """Whether the socket of this process bound to that port has TCP_NODELAY."""
    for number in range(3, 256):
        try:
            sock = socket.socket(fileno=number)
        except OSError:
            continue
        try:
            if sock.family == socket.AF_INET and sock.getsockname()[1] == local_port:
                return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        finally:
            sock.detach()
    raise AssertionError("no such socket")
