"""The contract of `Upstream`: TLS, and outbound proxies."""

import asyncio
import base64
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial

import pytest
import trustme

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream.base import OriginAddress, UpstreamSettings
from ghproxy.upstream.httpx import HttpxUpstream
from tests.support.origin import Arrived, Origin, Peer, answering, origin_running
from tests.support.origin_doors import (
    HTTPX,
    SETTINGS,
    Door,
    content_of,
    every_door,
    failure,
    fetch,
    get,
    opened,
    post,
    turns,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PASSWORD = "hunter2-seeded"


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def serving(host: str = "localhost", *, is_expired: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    authority().issue_cert(host, not_after=past if is_expired else None).configure_cert(context)
    return context


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


@every_door
def test_tls_carries_many_exchanges_on_one_connection(door: Door) -> None:
    content = b"c" * 1_000_000
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + content

    async def main() -> None:
        log: list[Arrived] = []
        async with opened(
            door,
            answering(OK, b"HTTP/1.1 304 Not Modified\r\n\r\n", large, log=log),
            server_tls=serving(),
            client_tls=trusting(),
        ) as (upstream, origin):
            assert await fetch(upstream, get()) == (200, b"ok")
            assert await fetch(upstream, get()) == (304, b"")
            assert await fetch(upstream, post(content)) == (200, content)
            assert origin.connections == 1
        assert log[0].values(b"host") == [b"localhost:%d" % origin.port]
        assert log[2].content == content

    door.run(main())


@every_door
@pytest.mark.parametrize(
    ("server", "client"),
    [
        (partial(serving, "elsewhere.example"), trusting),
        (partial(serving, is_expired=True), trusting),
        (serving, ssl.create_default_context),
    ],
    ids=["another host's", "expired", "untrusted"],
)
def test_a_certificate_that_does_not_hold_is_refused(
    door: Door, server: partial[ssl.SSLContext], client: partial[ssl.SSLContext]
) -> None:
    async def main() -> None:
        log: list[Arrived] = []
        async with opened(
            door, answering(OK, log=log), server_tls=server(), client_tls=client()
        ) as (upstream, _):
            for _ in range(2):
                assert await failure(upstream, get()) is ProxyError.TLS_CERTIFICATE_ERROR
            await asyncio.sleep(0)
        assert not log

    door.run(main())


@every_door
def test_an_origin_that_speaks_no_tls_is_a_protocol_error(door: Door) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await peer.gone()

    async def main() -> None:
        async with origin_running(script) as origin:
            address = OriginAddress("https", "localhost", origin.port)
            upstream = door.create(address, SETTINGS, trusting())
            assert await failure(upstream, get()) is ProxyError.TLS_PROTOCOL_ERROR
            await upstream.aclose()

    door.run(main())


@every_door
def test_a_handshake_that_hangs_is_a_connection_timeout(door: Door) -> None:
    async def main() -> None:
        async with origin_running(lambda peer: peer.gone()) as origin:
            address = OriginAddress("https", "localhost", origin.port)
            settings = UpstreamSettings(connect_timeout_seconds=0.1, max_connections=1)
            upstream = door.create(address, settings, trusting())
            for _ in range(2):
                assert await failure(upstream, get()) is ProxyError.CONNECTION_TIMEOUT
            await upstream.aclose()

    door.run(main())


@every_door
def test_cancelling_a_handshake_leaks_nothing(door: Door) -> None:
    async def main() -> None:
        for count in range(0, 60, 3):
            async with opened(
                door,
                answering(OK),
                UpstreamSettings(max_connections=1),
                server_tls=serving(),
                client_tls=trusting(),
            ) as (upstream, _):
                sending = asyncio.create_task(fetch(upstream, get()))
                await turns(count)
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                assert await fetch(upstream, get()) == (200, b"ok")

    door.run(main())


@every_door
@pytest.mark.parametrize("how", ["end", "cut"])
@pytest.mark.parametrize("is_lagging", [False, True], ids=["reading", "lagging"])
def test_content_that_ends_at_close_needs_an_end_in_order(
    door: Door, how: str, *, is_lagging: bool
) -> None:
    """Under TLS a cut looks like FIN: only close_notify is an end (httpx cannot tell: refuses)."""
    content = b"c" * (1_000_000 if is_lagging else 100)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n", content)
        getattr(peer, how)()

    async def main() -> None:
        async with opened(door, script, server_tls=serving(), client_tls=trusting()) as (
            upstream,
            _,
        ):
            response = await upstream.send(get())
            if is_lagging:
                await turns(200)
            if how == "end" and door is not HTTPX:
                assert await content_of(response) == content
            else:
                with pytest.raises(UpstreamError) as caught:
                    await content_of(response)
                assert caught.value.kind is ProxyError.HTTP_RESPONSE_INCOMPLETE

    door.run(main())


@every_door
@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
def test_a_reader_that_lags_gets_all_though_the_origin_has_closed(
    door: Door, *, is_tls: bool
) -> None:
    content = b"c" * 1_000_000

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", content)
        peer.end()

    async def main() -> None:
        tls = serving() if is_tls else None
        async with opened(door, script, server_tls=tls, client_tls=trusting()) as (upstream, _):
            response = await upstream.send(get())
            await turns(500)
            assert await content_of(response) == content

    door.run(main())


@every_door
@pytest.mark.parametrize("how", ["end", "cut", "reset"])
def test_content_of_a_stated_length_cut_under_tls_is_an_error(door: Door, how: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        await read.wait()
        getattr(peer, how)()

    read = asyncio.Event()

    async def main() -> None:
        async with opened(door, script, server_tls=serving(), client_tls=trusting()) as (
            upstream,
            _,
        ):
            response = await upstream.send(get())
            read.set()
            with pytest.raises(UpstreamError) as caught:
                await content_of(response)
            assert caught.value.kind is ProxyError.HTTP_RESPONSE_INCOMPLETE

    door.run(main())


class ConnectProxy:
    """A CONNECT proxy; connects everything to one origin, whatever the name asked for."""

    def __init__(self, origin: Origin, status: bytes = b"200 Connected") -> None:
        self._origin = origin
        self._status = status
        self.arrived: list[Arrived] = []

    async def __call__(self, peer: Peer) -> None:
        arrived = await peer.head()
        self.arrived.append(arrived)
        if not arrived.line.startswith(b"CONNECT"):
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nforward")
            return
        await peer.send(b"HTTP/1.1 %b\r\n\r\n" % self._status)
        if not self._status.startswith(b"2"):
            return
        reader, writer = await asyncio.open_connection(self._origin.host, self._origin.port)
        try:
            await asyncio.gather(pump(peer.reader, writer), pump(reader, peer.writer))
        finally:
            writer.transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def behind_proxy(
    scheme: str = "https", host: str = "github.example", status: bytes = b"200 Connected"
) -> AsyncIterator[tuple[HttpxUpstream, ConnectProxy]]:
    tls = serving("github.example") if scheme == "https" else None
    async with origin_running(answering(OK), tls) as origin:
        proxy = ConnectProxy(origin, status)
        async with origin_running(proxy) as entrance:
            upstream = HttpxUpstream(
                OriginAddress(scheme, host, 443 if scheme == "https" else 80),
                SETTINGS,
                trusting(),
                f"http://user:{PASSWORD}@127.0.0.1:{entrance.port}",
            )
            try:
                yield upstream, proxy
            finally:
                await upstream.aclose()


def test_https_goes_through_a_tunnel_that_is_reused() -> None:
    async def main() -> None:
        async with behind_proxy() as (upstream, proxy):
            for _ in range(3):
                assert await fetch(upstream, get()) == (200, b"ok")
            assert len(proxy.arrived) == 1
            arrived = proxy.arrived[0]
            assert arrived.line == b"CONNECT github.example:443 HTTP/1.1"
            secret = base64.b64encode(f"user:{PASSWORD}".encode())
            assert arrived.values(b"proxy-authorization") == [b"Basic " + secret]

    HTTPX.run(main())


def test_through_a_tunnel_the_certificate_is_still_the_origins() -> None:
    async def main() -> None:
        async with behind_proxy(host="elsewhere.example") as (upstream, _):
            assert await failure(upstream, get()) is ProxyError.TLS_CERTIFICATE_ERROR

    HTTPX.run(main())


def test_http_is_handed_to_the_proxy_whole() -> None:
    async def main() -> None:
        async with behind_proxy("http") as (upstream, proxy):
            target = b"/a%2Fb/../c?x=[1]"
            assert await fetch(upstream, get(target)) == (200, b"forward")
            line = proxy.arrived[0].line
            assert line in (
                b"GET http://github.example" + target + b" HTTP/1.1",
                b"GET http://github.example:80" + target + b" HTTP/1.1",
            )
            assert proxy.arrived[0].values(b"host") == [b"github.example"]

    HTTPX.run(main())


def test_a_proxy_that_refuses_is_named_without_its_password() -> None:
    async def main() -> None:
        refusal = b"407 Proxy Authentication Required " + PASSWORD.encode()
        async with behind_proxy(status=refusal) as (upstream, _):
            with pytest.raises(UpstreamError) as caught:
                await upstream.send(get())
            assert caught.value.kind is ProxyError.DESTINATION_UNAVAILABLE
            assert PASSWORD not in f"{caught.value!r} {caught.value.detail} {upstream!r}"

    HTTPX.run(main())


@pytest.mark.parametrize(
    "proxy",
    [
        f"ftp://user:{PASSWORD}@proxy.example:3128",
        f"http://user:{PASSWORD}@[broken",
        f"socks5://user:{PASSWORD}@proxy.example:1080",
        f"http://user:{PASSWORD}@proxy.example:port",
    ],
)
def test_a_proxy_that_cannot_be_used_is_said_without_its_password(proxy: str) -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        HttpxUpstream(OriginAddress("https", "github.example", 443), SETTINGS, None, proxy)
    assert PASSWORD not in str(caught.value)
