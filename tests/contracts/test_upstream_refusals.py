"""The contract of `Upstream`: what is not exactly one HTTP/1 response reaches nobody.

httpx's parser hides some faults (folded lines, bare line feeds, equal lengths twice): there the
sentence is that what comes out is well-formed and the fault is gone.
"""

import pytest

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream.base import Upstream, UpstreamRequest, UpstreamSettings
from tests.support.origin import Peer, answering
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
    turns,
    wire_doors,
)

HEAD = b"HTTP/1.1 200 OK\r\n"
LENGTH = HEAD + b"Content-Length: 2\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TAIL = b"\r\n0\r\n\r\n"

REFUSED_BY_ALL = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "version 2": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "version 0.9": b"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "RTSP": b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
    "status 000": b"HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok",
    "status 600": b"HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nok",
    "a switch of protocols": (
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + LENGTH + b"\r\nok"
    ),
    "two lengths": LENGTH + b"Content-Length: 3\r\n\r\nok!",
    "length and coding": LENGTH + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok" + TAIL,
    "coding and length": HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok"
    + TAIL,
    "a signed length": HEAD + b"Content-Length: +2\r\n\r\nok",
    "a negative length": HEAD + b"Content-Length: -2\r\n\r\nok",
    "a length in hex": HEAD + b"Content-Length: 0x2\r\n\r\nok",
    "a list of lengths": HEAD + b"Content-Length: 2, 3\r\n\r\nok",
    "no length": HEAD + b"Content-Length:\r\n\r\nok",
    "gzip as coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\nok",
    "gzip and chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok" + TAIL,
    "chunked twice": HEAD
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok"
    + TAIL,
    "not quite chunked": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n2\r\nok" + TAIL,
    "a chunk size in words": CHUNKED + b"two\r\nok" + TAIL,
    "a signed chunk size": CHUNKED + b"+2\r\nok" + TAIL,
    "a negative chunk size": CHUNKED + b"-2\r\nok" + TAIL,
    "a chunk size with 0x": CHUNKED + b"0x2\r\nok" + TAIL,
    "no chunk size": CHUNKED + b"\r\nok" + TAIL,
    "an endless chunk size": CHUNKED + b"F" * 40 + b"\r\nok" + TAIL,
    "a chunk longer than it says": CHUNKED + b"1\r\nok" + TAIL,
    "NUL in a value": LENGTH + b"X: a\0b\r\n\r\nok",
    "CR in a value": LENGTH + b"X: a\rb\r\n\r\nok",
    "CR in a value before a field": LENGTH + b"X: a\rY: b\r\n\r\nok",
    "a space before the colon": LENGTH + b"X : a\r\n\r\nok",
    "a space in a name": LENGTH + b"X Y: a\r\n\r\nok",
    "NUL in a name": LENGTH + b"X\0: a\r\n\r\nok",
    "an empty name": LENGTH + b": a\r\n\r\nok",
    "a line without a colon": LENGTH + b"X\r\n\r\nok",
    "a first line that begins with a space": HEAD + b" X: a\r\nContent-Length: 2\r\n\r\nok",
}

REFUSED_BY_WIRE = {
    "a folded line": LENGTH + b"X: a\r\n b\r\n\r\nok",
    "equal lengths": LENGTH + b"Content-Length: 2\r\n\r\nok",
    "a list of equal lengths": HEAD + b"Content-Length: 2, 2\r\n\r\nok",
    "bare LF after the status line": b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
    "bare LF after a field": HEAD + b"Content-Length: 2\n\r\nok",
    "bare LF after the head": LENGTH + b"\nok",
    "bare LF after a chunk size": CHUNKED + b"2\nok" + TAIL,
    "a line end before the status line": b"\r\n" + LENGTH + b"\r\nok",
    "a space after a chunk size": CHUNKED + b"2 \r\nok" + TAIL,
    "a control byte in a value": LENGTH + b"X: a\x01b\r\n\r\nok",
    "CR in the reason": b"HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok",
    "a bad trailer": CHUNKED + b"2\r\nok\r\n0\r\nX : y\r\n\r\n",
    "a length in a trailer": CHUNKED + b"2\r\nok\r\n0\r\nContent-Length: 9\r\n\r\n",
}


def named(answers: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("answer", list(answers.values()), ids=list(answers))


@every_door
@named(REFUSED_BY_ALL)
def test_refused_and_the_connection_closed(door: Door, answer: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer if peer.number == 1 else LENGTH + b"\r\nok")
        await peer.gone()

    async def main() -> None:
        async with opened(door, script) as (upstream, origin):
            assert await failure(upstream, get()) is ProxyError.HTTP_PROTOCOL_ERROR
            assert await fetch(upstream, get()) == (200, b"ok")
            assert origin.connections == 2

    door.run(main())


@wire_doors
@pytest.mark.parametrize("status", [101, 600])
def test_a_status_out_of_place_is_named(door: Door, status: int) -> None:
    answer = b"HTTP/1.1 %d X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" % status

    async def main() -> None:
        async with opened(door, answering(answer)) as (upstream, _):
            with pytest.raises(UpstreamError, match=str(status)):
                await upstream.send(get())

    door.run(main())


@every_door
@named(REFUSED_BY_WIRE)
def test_refused_or_mended(door: Door, answer: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        peer.end()

    async def main() -> None:
        async with opened(door, script) as (upstream, _):
            if door is HTTPX:
                await reads_clean_or_refuses(upstream)
            else:
                assert await failure(upstream, get()) is ProxyError.HTTP_PROTOCOL_ERROR

    door.run(main())


async def reads_clean_or_refuses(upstream: Upstream) -> None:
    try:
        response = await upstream.send(get())
        content = await content_of(response)
    except UpstreamError:
        return
    assert content == b"ok"
    names = [name for name, _ in response.head.fields]
    assert names.count(b"content-length") <= 1
    assert b"," not in dict(response.head.fields).get(b"content-length", b"")
    for line in response.head.fields:
        assert not set(b"\r\n\0") & set(b"".join(line))


@every_door
@pytest.mark.parametrize("count", [1, 20])
def test_a_head_over_the_limit_is_refused(door: Door, count: int) -> None:
    lines = b"".join(b"X-%d: %b\r\n" % (n, b"v" * (9000 // count)) for n in range(count))
    settings = UpstreamSettings(max_head_bytes=8192)

    async def main() -> None:
        answer = LENGTH + lines + b"\r\nok"
        async with opened(door, answering(answer), settings) as (upstream, _):
            kind = await failure(upstream, get())
            assert kind is ProxyError.HTTP_RESPONSE_HEADER_SECTION_SIZE
            assert upstream.snapshot().idle == 0

    door.run(main())


@every_door
def test_a_head_under_the_limit_passes_though_content_comes_with_it(door: Door) -> None:
    content = b"c" * 60_000
    answer = HEAD + b"X: %b\r\nContent-Length: 60000\r\n\r\n" % (b"v" * 6000) + content

    async def main() -> None:
        settings = UpstreamSettings(max_head_bytes=8192)
        async with opened(door, answering(answer), settings) as (upstream, _):
            assert await fetch(upstream, get()) == (200, content)

    door.run(main())


@every_door
@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 ", b"O" * 4096),
        (HEAD + b"X: ", b"v" * 4096),
        (HEAD + b"X", b"n" * 4096),
        (HEAD, b"X: y\r\n" * 1000),
    ],
)
def test_an_endless_head_is_cut_off(door: Door, start: bytes, more: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(start)
        for _ in range(100_000):
            await peer.send(more)

    async def main() -> None:
        settings = UpstreamSettings(max_head_bytes=50_000)
        async with opened(door, script, settings) as (upstream, _):
            kind = await failure(upstream, get())
            assert kind is ProxyError.HTTP_RESPONSE_HEADER_SECTION_SIZE

    door.run(main())


@wire_doors
def test_endless_interim_responses_are_cut_off(door: Door) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        for _ in range(100_000):
            await peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 50)

    async def main() -> None:
        settings = UpstreamSettings(max_head_bytes=50_000)
        async with opened(door, script, settings) as (upstream, _):
            kind = await failure(upstream, get())
            assert kind is ProxyError.HTTP_RESPONSE_HEADER_SECTION_SIZE

    door.run(main())


@wire_doors
@pytest.mark.parametrize("start", [b"2;", b"0\r\nX: "])
def test_endless_framing_without_content_is_cut_off(door: Door, start: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + start)
        for _ in range(100_000):
            await peer.send(b"x" * 4096)

    async def main() -> None:
        settings = UpstreamSettings(max_head_bytes=50_000)
        async with opened(door, script, settings) as (upstream, _):
            assert await failure(upstream, get()) in (
                ProxyError.HTTP_RESPONSE_HEADER_SECTION_SIZE,
                ProxyError.HTTP_PROTOCOL_ERROR,
            )

    door.run(main())


@every_door
@pytest.mark.parametrize(
    "request_",
    [
        UpstreamRequest("GET", b"/a b", ()),
        UpstreamRequest("GET", b"/a\r\nX: y", ()),
        UpstreamRequest("GET", b"/a\0", ()),
        UpstreamRequest("GET", b"/a\t", ()),
        UpstreamRequest("GET", b"/a\x7f", ()),
        UpstreamRequest("GET", b"/\xe9", ()),
        UpstreamRequest("GET", b"a", ()),
        UpstreamRequest("GET", b"", ()),
        UpstreamRequest("GET", b"http://elsewhere/", ()),
        UpstreamRequest("", b"/", ()),
        UpstreamRequest("GET /", b"/", ()),
        UpstreamRequest("GET\r\nX: y", b"/", ()),
        UpstreamRequest("G\xc9T", b"/", ()),
        UpstreamRequest("CONNECT", b"/", ()),
        UpstreamRequest("TRACE", b"/", ()),
        UpstreamRequest("GET", b"/", ((b"x", b"a\r\ny: b"),)),
        UpstreamRequest("GET", b"/", ((b"x", b"a\nb"),)),
        UpstreamRequest("GET", b"/", ((b"x", b"a\rb"),)),
        UpstreamRequest("GET", b"/", ((b"x", b"a\0b"),)),
        UpstreamRequest("GET", b"/", ((b"x y", b"a"),)),
        UpstreamRequest("GET", b"/", ((b"x:", b"a"),)),
        UpstreamRequest("GET", b"/", ((b"x\r\ny", b"a"),)),
        UpstreamRequest("GET", b"/", ((b"", b"a"),)),
        UpstreamRequest("GET", b"/", ((b"X", b"a"),)),
        UpstreamRequest("GET", b"/", ((b"host", b"a"),)),
        UpstreamRequest("GET", b"/", ((b"content-length", b"3"),)),
        UpstreamRequest("GET", b"/", ((b"transfer-encoding", b"chunked"),)),
        UpstreamRequest("GET", b"/", ((b"connection", b"close"),)),
        UpstreamRequest("POST", b"/", (), b"", -1),
    ],
    ids=repr,
)
def test_a_request_that_could_be_read_as_two_is_never_sent(
    door: Door, request_: UpstreamRequest
) -> None:
    async def main() -> None:
        async with opened(door, answering(LENGTH + b"\r\nok"), SETTINGS) as (upstream, origin):
            for _ in range(2):  # nothing that was refused is remembered as good
                with pytest.raises(ValueError, match=r"."):
                    await upstream.send(request_)
            await turns()
            assert origin.connections == 0
            assert upstream.snapshot().in_use == 0

    door.run(main())
