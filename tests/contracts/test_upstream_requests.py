"""The contract of `Upstream`: content on its way out, retries, back-pressure."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator

import pytest

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream.base import OriginAddress, UpstreamRequest, UpstreamSettings
from tests.support.origin import Arrived, Peer, answering
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
    wire_doors,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


@every_door
@pytest.mark.parametrize(
    ("method", "content", "framing"),
    [
        ("GET", b"", []),
        ("HEAD", b"", []),
        ("DELETE", b"", []),
        ("POST", b"", [b"0"]),
        ("PUT", b"", [b"0"]),
        ("PATCH", b"", [b"0"]),
        ("DELETE", b"{}", [b"2"]),
        ("POST", b"a" * 20_000, [b"20000"]),
        ("POST", b"a" * 1_000_000, [b"1000000"]),
    ],
)
def test_whole_content_is_framed_by_its_length(
    door: Door, method: str, content: bytes, framing: list[bytes]
) -> None:
    async def main() -> None:
        log: list[Arrived] = []
        answer = b"HTTP/1.1 304 Not Modified\r\n\r\n"
        async with opened(door, answering(answer, log=log)) as (upstream, origin):
            for _ in range(2):
                await upstream.send(UpstreamRequest(method, b"/x", (), content))
            assert origin.connections == 1
        assert [arrived.content for arrived in log] == [content, content]
        assert log[0].values(b"content-length") == framing
        assert not log[0].values(b"transfer-encoding")

    door.run(main())


@every_door
@pytest.mark.parametrize("length", [None, 10])
def test_a_stream_is_framed_by_its_stated_length_else_in_chunks(
    door: Door, length: int | None
) -> None:
    async def main() -> None:
        log: list[Arrived] = []
        async with opened(door, answering(OK, log=log)) as (upstream, origin):
            for _ in range(2):
                request = post(pieces(b"01234", b"", b"56", b"789"), length)
                assert await fetch(upstream, request) == (200, b"ok")
            assert origin.connections == 1
        assert [arrived.content for arrived in log] == [b"0123456789"] * 2
        assert bool(log[0].values(b"transfer-encoding")) is (length is None)
        assert log[0].values(b"content-length") == ([] if length is None else [b"10"])

    door.run(main())


@every_door
@pytest.mark.parametrize("length", [9, 11])
def test_a_stream_that_belies_its_length_is_not_passed_off_as_a_request(
    door: Door, length: int
) -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.gone()
        else:
            await answering(OK)(peer)

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            with pytest.raises(ValueError, match="stated length"):
                await upstream.send(post(pieces(b"01234", b"56789"), length))
            assert await fetch(upstream, get()) == (200, b"ok")
            assert origin.connections == 2

    door.run(main())


@every_door
def test_what_the_content_raises_passes_through_and_the_connection_is_closed(door: Door) -> None:
    class ClientLeftError(Exception):
        pass

    async def torn() -> AsyncIterator[bytes]:
        yield b"some"
        raise ClientLeftError

    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.gone()
        else:
            await answering(OK)(peer)

    async def main() -> None:
        settings = UpstreamSettings(max_connections=1)
        async with opened(door, script, settings) as (upstream, origin):
            with pytest.raises(ClientLeftError):
                await upstream.send(post(torn()))
            assert await fetch(upstream, get()) == (200, b"ok")
            assert origin.connections == 2

    door.run(main())


@wire_doors
@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"])
def test_an_early_answer_stops_the_upload_and_is_delivered(door: Door, closing: bytes) -> None:
    never = asyncio.Event()
    was_stopped = asyncio.Event()

    async def content() -> AsyncIterator[bytes]:
        yield b"first"
        try:
            await never.wait()
        finally:
            was_stopped.set()

    async def script(peer: Peer) -> None:
        await peer.head()
        answer = b"HTTP/1.1 413 Too Large\r\n" + closing + b"Content-Length: 3\r\n\r\nbig"
        await peer.send(answer if peer.number == 1 else OK)
        await peer.gone()

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            assert await fetch(upstream, post(content(), 1000)) == (413, b"big")
            assert was_stopped.is_set()
            assert upstream.snapshot().idle == 0
            assert await fetch(upstream, get()) == (200, b"ok")
            assert origin.connections == 2

    door.run(main())


@every_door
def test_an_early_answer_to_a_large_content_is_delivered(door: Door) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        if peer.number == 1:
            await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
            if door is HTTPX:  # writes all before it reads, and keeps the connection
                await peer.reader.readexactly(8_000_000)
                await peer.request()
            else:
                await peer.gone()
        await peer.send(OK)
        await peer.gone()

    async def main() -> None:
        async with opened(door, script) as (upstream, _):
            assert await fetch(upstream, post(b"c" * 8_000_000)) == (413, b"big")
            assert await fetch(upstream, get()) == (200, b"ok")

    door.run(main())


@every_door
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_read_is_sent_again_where_its_connection_died_unanswered(
    door: Door, method: str, how: str
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number == 1:
            await peer.send(OK)
            await peer.request()
        if peer.number <= 2:
            getattr(peer, how)()
            return
        await peer.send(b"HTTP/1.1 304 Not Modified\r\n\r\n")
        await peer.gone()

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            await fetch(upstream, get())
            kind = await failure(upstream, UpstreamRequest(method, b"/x", ()))
            assert kind is ProxyError.CONNECTION_TERMINATED
            assert origin.connections == 2  # once more, not twice
            assert await fetch(upstream, UpstreamRequest(method, b"/x", ())) == (304, b"")

    door.run(main())


@every_door
@pytest.mark.parametrize(
    "request_",
    [
        UpstreamRequest("POST", b"/x", ()),
        UpstreamRequest("PUT", b"/x", (), b"{}"),
        UpstreamRequest("PATCH", b"/x", (), b"{}"),
        UpstreamRequest("DELETE", b"/x", ()),
        UpstreamRequest("OPTIONS", b"/x", ()),
        UpstreamRequest("GET", b"/x", (), b"{}"),
    ],
)
def test_anything_else_is_never_sent_again(door: Door, request_: UpstreamRequest) -> None:
    arrived = 0

    async def script(peer: Peer) -> None:
        nonlocal arrived
        await peer.request()
        await peer.send(OK)
        await peer.request()
        arrived += 1
        peer.end()

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            await fetch(upstream, get())
            assert await failure(upstream, request_) is ProxyError.CONNECTION_TERMINATED
            await turns()
            assert (arrived, origin.connections) == (1, 1)

    door.run(main())


@every_door
def test_a_write_picks_a_connection_that_is_not_known_to_be_closed(door: Door) -> None:
    ended = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 1:
            peer.end()
            ended.set()
        else:
            await peer.gone()

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            await fetch(upstream, get())
            await ended.wait()
            await turns()
            assert await fetch(upstream, post()) == (200, b"ok")
            assert origin.connections == 2

    door.run(main())


@every_door
def test_a_write_sees_a_close_that_the_loop_has_not_seen_yet(door: Door) -> None:
    """A raw thread closes while the loop stands still: only the socket itself knows."""
    listener = socket.create_server(("127.0.0.1", 0))
    close, closed = threading.Event(), threading.Event()

    def serve() -> None:
        for number in (1, 2):
            sock, _ = listener.accept()
            while b"\r\n\r\n" not in sock.recv(65536):
                pass
            sock.sendall(OK)
            if number == 1:
                close.wait(10)
            sock.close()
            closed.set()

    thread = threading.Thread(target=serve)

    async def main() -> None:
        address = OriginAddress("http", "127.0.0.1", listener.getsockname()[1])
        upstream = door.create(address, SETTINGS, None)
        assert await fetch(upstream, get()) == (200, b"ok")
        close.set()
        assert closed.wait(10)
        assert await fetch(upstream, UpstreamRequest("POST", b"/x", ())) == (200, b"ok")
        await upstream.aclose()

    thread.start()
    try:
        door.run(main())
    finally:
        listener.close()
        thread.join(10)


@every_door
def test_a_large_download_waits_for_its_reader(door: Door) -> None:
    total = 100_000_000
    sent = 0
    piece = b"d" * 100_000

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            await peer.send(piece)
            sent += len(piece)
        await peer.gone()

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            response = await upstream.send(get())
            received = 0
            async for part in response.content():
                received += len(part)
                await turns()  # the origin may send all it can
                assert sent - received < 20_000_000
            await response.aclose()
            assert received == total
            assert upstream.snapshot().idle == 1
            assert origin.connections == 1

    door.run(main())


@every_door
@pytest.mark.parametrize("length", [None, 100_000_000])
def test_a_large_upload_waits_for_the_origin(door: Door, length: int | None) -> None:
    taken = 0

    async def content() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 100_000
            yield b"u" * 100_000

    async def script(peer: Peer) -> None:
        await peer.head()
        received = 0
        end = b""
        while received < 100_000_000 or (length is None and end != b"\r\n0\r\n\r\n"):
            piece = await peer.reader.read(100_000)
            received += len(piece)
            end = (end + piece)[-7:]
            await turns()  # the content may be taken as fast as it is written
            assert taken - received < 20_000_000
        await peer.send(OK)

    async def main() -> None:
        async with opened(door, script) as (upstream, _):
            assert await fetch(upstream, post(content(), length)) == (200, b"ok")
            assert taken == 100_000_000

    door.run(main())


@every_door
def test_content_left_unread_closes_its_connection(door: Door) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
        await peer.gone()

    async def main() -> None:
        settings = UpstreamSettings(max_connections=1)
        async with opened(door, script, settings) as (upstream, origin):
            for count in (1, 2):
                response = await upstream.send(get())
                await response.aclose()
                await response.aclose()
                with pytest.raises(UpstreamError):
                    await content_of(response)
                assert origin.connections == count
            assert upstream.snapshot().idle == 0

    door.run(main())
