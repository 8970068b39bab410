"""The contract of `Upstream`, for every implementation: one exchange and its connection."""

import asyncio
import gzip

import pytest

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream.base import UpstreamRequest
from tests.support.origin import Arrived, Peer, answering
from tests.support.origin_doors import (
    HTTPX,
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
EMPTY = b"HTTP/1.1 304 Not Modified\r\n\r\n"


@every_door
def test_a_request_arrives_byte_for_byte_with_nothing_added_but_host(door: Door) -> None:
    target = b"/repos/a%2Fb/../c//d[]?q=%20+x&y=[1]&z='(!)*;~"
    fields = (
        (b"accept", b"application/vnd.github.diff"),
        (b"accept", b"application/json; q=0.5"),
        (b"authorization", b"Bearer x"),
        (b"x-empty", b""),
        (b"if-none-match", b'W/"a", "b"'),
        (b"accept", b"\xe9\xff"),
    )

    async def main() -> None:
        log: list[Arrived] = []
        async with opened(door, answering(OK, log=log)) as (upstream, origin):
            await fetch(upstream, get(target, *fields))
        assert log[0].line == b"GET " + target + b" HTTP/1.1"
        assert log[0].fields == [(b"host", b"127.0.0.1:%d" % origin.port), *fields] or (
            door is HTTPX
            and [(name.lower(), value) for name, value in log[0].fields]
            == [(b"host", b"127.0.0.1:%d" % origin.port), *fields]
        )

    door.run(main())


@every_door
def test_field_lines_come_in_order_with_duplicates_and_hop_by_hop_ones(door: Door) -> None:
    answer = (
        b"HTTP/1.1 200 Fine\r\nX-B: 1\r\nSet-Cookie: a=1; Path=/\r\nX-A:  two words \t\r\n"
        b"Connection: keep-alive\r\nSet-Cookie: b=2\r\nX-Empty:\r\nX-B: 3, 4\r\n"
        b"Content-Length: 0\r\nX-Late: \xc3\xa9\r\n\r\n"
    )

    async def main() -> None:
        async with opened(door, answering(answer)) as (upstream, _):
            response = await upstream.send(get())
            assert response.head.status == 200
            assert response.head.fields == (
                (b"x-b", b"1"),
                (b"set-cookie", b"a=1; Path=/"),
                (b"x-a", b"two words"),
                (b"connection", b"keep-alive"),
                (b"set-cookie", b"b=2"),
                (b"x-empty", b""),
                (b"x-b", b"3, 4"),
                (b"content-length", b"0"),
                (b"x-late", b"\xc3\xa9"),
            )

    door.run(main())


@every_door
def test_connections_are_reused_the_one_used_last_first(door: Door) -> None:
    release = asyncio.Event()
    used: list[int] = []

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            used.append(peer.number)
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            await release.wait()
            await peer.send(b"ok")

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            first = await upstream.send(get())
            second = await upstream.send(get())
            assert upstream.snapshot().in_use == 2
            release.set()
            await content_of(first)
            await content_of(second)
            assert upstream.snapshot().idle == 2
            for _ in range(3):
                await fetch(upstream, get())
            assert used == [1, 2, 2, 2, 2]
            assert origin.connections == 2

    door.run(main())


@every_door
def test_nothing_is_decoded_followed_or_remembered(door: Door) -> None:
    packed = gzip.compress(b"x" * 5000)
    answer = (
        b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=1\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    )

    async def main() -> None:
        log: list[Arrived] = []
        async with opened(door, answering(answer + packed, log=log)) as (upstream, _):
            assert await fetch(upstream, get()) == (302, packed)
            assert await fetch(upstream, get()) == (302, packed)
        assert len(log) == 2
        assert not log[1].values(b"cookie")

    door.run(main())


@every_door
@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
def test_a_response_without_content_gives_its_connection_back_with_its_head(
    door: Door, method: str, head: bytes
) -> None:
    async def main() -> None:
        async with opened(door, answering(head, OK)) as (upstream, origin):
            response = await upstream.send(UpstreamRequest(method, b"/x", ()))
            assert upstream.snapshot().in_use == 0
            assert await content_of(response) == b""
            await response.aclose()
            assert await fetch(upstream, get()) == (200, b"ok")
            assert origin.connections == 1

    door.run(main())


@every_door
def test_interim_responses_are_skipped(door: Door) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(interim, interim + OK)

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            for _ in range(2):
                response = await upstream.send(get())
                assert response.head.fields == ((b"content-length", b"2"),)
                assert await content_of(response) == b"ok"
            assert origin.connections == 1

    door.run(main())


@every_door
@pytest.mark.parametrize("size", [0, 1, 70_000, 1_000_000])
def test_content_arrives_whole_in_every_framing(door: Door, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    half = size // 2
    chunked = b"".join(
        b"%x;name=value\r\n%b\r\n" % (len(piece), piece)
        for piece in (content[:half], content[half:])
        if piece
    )
    answers = [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + content,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + chunked + b"0\r\nX-T: 1\r\n\r\n",
    ]

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.request()
            await peer.send(answer)
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + content)
        peer.end()

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            for _ in range(3):
                assert await fetch(upstream, get()) == (200, content)
            assert origin.connections == 1
            assert upstream.snapshot().in_use == 0

    door.run(main())


@every_door
def test_a_response_may_come_one_byte_at_a_time(door: Door) -> None:
    head = b"HTTP/1.1 200 OK\r\nX-Name: value \r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = head + b"2\r\nok\r\n0\r\n\r\n"

    async def script(peer: Peer) -> None:
        await peer.request()
        for index in range(len(answer)):
            await peer.send(answer[index : index + 1])
            await turns(2)

    async def main() -> None:
        async with opened(door, script) as (upstream, _):
            response = await upstream.send(get())
            assert response.head.fields[0] == (b"x-name", b"value")
            assert await content_of(response) == b"ok"

    door.run(main())


@every_door
@pytest.mark.parametrize("how", ["end", "cut", "reset"])
@pytest.mark.parametrize(
    "part",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_a_response_cut_short_is_an_error_never_an_end(door: Door, how: str, part: bytes) -> None:
    read = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(part)
        await read.wait()
        getattr(peer, how)()

    async def main() -> None:
        async with opened(door, script) as (upstream, _):
            response = await upstream.send(get())
            read.set()
            with pytest.raises(UpstreamError) as caught:
                await content_of(response)
            assert caught.value.kind is ProxyError.HTTP_RESPONSE_INCOMPLETE
            with pytest.raises(UpstreamError):
                await content_of(response)

    door.run(main())


@every_door
def test_a_head_cut_short_is_an_error(door: Door) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        peer.end()

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            kind = await failure(upstream, post())
            assert kind is ProxyError.HTTP_RESPONSE_INCOMPLETE or (
                door is HTTPX and kind is ProxyError.CONNECTION_TERMINATED
            )
            assert origin.connections == 1

    door.run(main())


@every_door
def test_content_that_ends_at_close_is_cut_by_a_reset(door: Door) -> None:
    read = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        await read.wait()
        peer.reset()

    async def main() -> None:
        async with opened(door, script) as (upstream, _):
            response = await upstream.send(get())
            read.set()
            with pytest.raises(UpstreamError) as caught:
                await content_of(response)
            assert caught.value.kind is ProxyError.HTTP_RESPONSE_INCOMPLETE

    door.run(main())


@every_door
@pytest.mark.parametrize(
    "excess", [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", b"H", b"\r\n", b"\n", b"\0"]
)
@pytest.mark.parametrize(
    "answer",
    [
        EMPTY,
        OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
)
def test_bytes_after_a_response_are_nobodys_answer(
    door: Door, answer: bytes, excess: bytes
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer + excess if peer.number == 1 else OK)
        await peer.gone()

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            status, _ = await fetch(upstream, get())
            assert status in (200, 204, 304)
            assert await fetch(upstream, get()) == (200, b"ok")
            assert origin.connections == 2

    door.run(main())


@every_door
def test_unsolicited_bytes_close_an_idle_connection(door: Door) -> None:
    speak, spoken = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 1:
            await speak.wait()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")
            spoken.set()
            await peer.gone()

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            await fetch(upstream, get())
            speak.set()
            await spoken.wait()
            await turns()
            assert await fetch(upstream, post()) == (200, b"ok")
            assert origin.connections == 2

    door.run(main())


@every_door
def test_connection_close_is_obeyed(door: Door) -> None:
    closing = b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok"
    old = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def main() -> None:
        async with opened(door, answering(closing, old, OK)) as (upstream, origin):
            for count in (1, 2, 3):
                assert await fetch(upstream, get()) == (200, b"ok")
                assert origin.connections == count

    door.run(main())
