"""The contract of `Upstream`: slots, turns, limits of time, cancelling, closing.

The limits of time are real timers, kept short.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import pytest

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream.base import (
    OriginAddress,
    Upstream,
    UpstreamRequest,
    UpstreamSettings,
    UpstreamSnapshot,
)
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
    post,
    turns,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SOON = 0.1
ONE = UpstreamSettings(max_connections=1)


async def until(is_so: Callable[[], bool]) -> None:
    """Turn the loop until that holds; the time-out of the run is the limit."""
    while not is_so():
        await turns(1)


async def baseline(upstream: Upstream) -> None:
    await until(lambda: upstream.snapshot().in_use == 0 and upstream.snapshot().waiting == 0)


@every_door
def test_requests_beyond_the_limit_wait_and_go_in_the_order_they_came(door: Door) -> None:
    order: list[bytes] = []
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            order.append((await peer.request()).line.split()[1])
            await go.wait()
            await peer.send(OK)

    async def main() -> None:
        async with opened(door, script, UpstreamSettings(max_connections=2)) as (upstream, origin):
            targets = [b"/%d" % number for number in range(6)]
            sending = []
            for count, target in enumerate(targets, 1):
                sending.append(asyncio.create_task(fetch(upstream, get(target))))
                await until(lambda: len(order) == min(count, 2))  # noqa: B023 - awaited at once
            await until(lambda: upstream.snapshot().waiting == 4)
            assert (upstream.snapshot().idle, upstream.snapshot().in_use) == (0, 2)
            go.set()
            assert await asyncio.gather(*sending) == [(200, b"ok")] * 6
            assert order == targets
            assert origin.connections == 2

    door.run(main())


@every_door
def test_a_connection_that_fails_makes_room_for_the_next(door: Door) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number <= 3:
            peer.end()
        else:
            await peer.send(OK)
            await peer.gone()

    async def main() -> None:
        async with opened(door, script, ONE) as (upstream, _):
            results = await asyncio.gather(
                *(fetch(upstream, post()) for _ in range(4)), return_exceptions=True
            )
            assert [isinstance(result, UpstreamError) for result in results] == [
                True,
                True,
                True,
                False,
            ]

    door.run(main())


@every_door
def test_more_idle_connections_than_wanted_are_closed(door: Door) -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await go.wait()
        await peer.send(OK)
        await peer.gone()

    async def main() -> None:
        settings = UpstreamSettings(max_idle_connections=2)
        async with opened(door, script, settings) as (upstream, origin):
            sending = [asyncio.create_task(fetch(upstream, get())) for _ in range(5)]
            await until(lambda: origin.connections == 5)
            go.set()
            await asyncio.gather(*sending)
            await baseline(upstream)
            assert upstream.snapshot().idle == 2
            await until(lambda: origin.open == 2)

    door.run(main())


@every_door
def test_an_idle_connection_is_closed_when_its_time_is_over(door: Door) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.gone()

    async def main() -> None:
        settings = UpstreamSettings(idle_timeout_seconds=SOON)
        async with opened(door, script, settings) as (upstream, origin):
            await fetch(upstream, get())
            assert upstream.snapshot().idle == 1
            started = asyncio.get_running_loop().time()
            await until(lambda: not origin.open)
            assert asyncio.get_running_loop().time() - started > SOON * 0.8
            assert upstream.snapshot().idle == 0

    door.run(main())


@every_door
def test_waiting_for_a_connection_ends_with_the_total_limit(door: Door) -> None:
    async def main() -> None:
        settings = UpstreamSettings(max_connections=1, total_timeout_seconds=SOON)
        async with opened(door, lambda peer: peer.gone(), settings) as (upstream, _):
            kinds = await asyncio.gather(failure(upstream, get()), failure(upstream, get()))
            assert list(kinds) == [ProxyError.HTTP_RESPONSE_TIMEOUT] * 2
            await baseline(upstream)

    door.run(main())


@every_door
@pytest.mark.parametrize(
    ("start", "settings", "kind"),
    [
        (
            b"",
            UpstreamSettings(first_byte_timeout_seconds=SOON),
            ProxyError.CONNECTION_READ_TIMEOUT,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            UpstreamSettings(stall_timeout_seconds=SOON),
            ProxyError.CONNECTION_READ_TIMEOUT,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
            UpstreamSettings(stall_timeout_seconds=SOON),
            ProxyError.CONNECTION_READ_TIMEOUT,
        ),
        (
            b"",
            UpstreamSettings(total_timeout_seconds=SOON),
            ProxyError.HTTP_RESPONSE_TIMEOUT,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
            UpstreamSettings(total_timeout_seconds=SOON),
            ProxyError.HTTP_RESPONSE_TIMEOUT,
        ),
    ],
)
def test_silence_has_a_limit(
    door: Door, start: bytes, settings: UpstreamSettings, kind: ProxyError
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if start:
            await peer.send(start)
        await peer.gone()

    async def main() -> None:
        async with opened(door, script, settings) as (upstream, origin):
            with pytest.raises(UpstreamError) as caught:
                await fetch(upstream, get())
            assert caught.value.kind is kind
            assert caught.value.status == 504
            assert origin.connections == 1
            await baseline(upstream)
            assert upstream.snapshot().idle == 0

    door.run(main())


@every_door
@pytest.mark.parametrize(
    ("start", "drop", "settings", "kind"),
    [
        (
            b"HTTP/1.1 200 OK\r\nX: ",
            b"x",
            UpstreamSettings(first_byte_timeout_seconds=SOON),
            ProxyError.CONNECTION_READ_TIMEOUT,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n",
            b"x",
            UpstreamSettings(total_timeout_seconds=SOON),
            ProxyError.HTTP_RESPONSE_TIMEOUT,
        ),
    ],
)
def test_a_trickle_does_not_extend_the_limit(
    door: Door, start: bytes, drop: bytes, settings: UpstreamSettings, kind: ProxyError
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(start)
        while True:
            await peer.send(drop)
            await asyncio.sleep(0.01)

    async def main() -> None:
        async with opened(door, script, settings) as (upstream, _):
            assert await failure(upstream, get()) is kind
            await baseline(upstream)

    door.run(main())


@every_door
def test_content_that_keeps_coming_does_not_stall(door: Door) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            await asyncio.sleep(0.02)
            await peer.send(b"x")
        await peer.gone()

    async def main() -> None:
        settings = UpstreamSettings(stall_timeout_seconds=SOON)
        async with opened(door, script, settings) as (upstream, _):
            assert await fetch(upstream, get()) == (200, b"x" * 10)

    door.run(main())


@every_door
def test_a_reader_that_lags_is_no_stall_of_the_origin(door: Door) -> None:
    content = b"c" * 10_000_000
    has_begun = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000001\r\n\r\n-")
        await has_begun.wait()
        await peer.send(content)
        await peer.gone()

    async def main() -> None:
        settings = UpstreamSettings(stall_timeout_seconds=SOON)
        async with opened(door, script, settings) as (upstream, _):
            response = await upstream.send(get())
            assert await anext(response.content()) == b"-"
            has_begun.set()
            await asyncio.sleep(2 * SOON)
            assert await content_of(response) == content

    door.run(main())


@every_door
def test_an_origin_that_takes_no_content_has_a_limit(door: Door) -> None:
    never = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        await never.wait()

    async def main() -> None:
        settings = UpstreamSettings(stall_timeout_seconds=SOON)
        async with opened(door, script, settings) as (upstream, _):
            kind = await failure(upstream, post(b"c" * 30_000_000))
            assert kind is ProxyError.CONNECTION_WRITE_TIMEOUT
            await baseline(upstream)

    door.run(main())


@every_door
def test_a_slow_client_is_not_a_slow_origin(door: Door) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(2 * SOON)
        yield b"b"

    async def main() -> None:
        settings = UpstreamSettings(first_byte_timeout_seconds=SOON, stall_timeout_seconds=SOON)
        async with opened(door, answering(OK), settings) as (upstream, _):
            assert await fetch(upstream, post(content(), 2)) == (200, b"ok")

    door.run(main())


def full_listener() -> tuple[socket.socket, list[socket.socket]]:
    """A listener whose backlog is full: connecting to it takes for ever."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    taken = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        taken.append(sock)
    return listener, taken


@every_door
def test_connecting_has_a_limit(door: Door) -> None:
    listener, taken = full_listener()
    address = OriginAddress("http", "127.0.0.1", listener.getsockname()[1])

    async def main() -> None:
        upstream = door.create(address, UpstreamSettings(connect_timeout_seconds=SOON), None)
        assert await failure(upstream, get()) is ProxyError.CONNECTION_TIMEOUT
        await baseline(upstream)
        await upstream.aclose()

    door.run(main())
    for sock in (listener, *taken):
        sock.close()


@every_door
def test_closing_ends_what_is_being_opened(door: Door) -> None:
    listener, taken = full_listener()
    address = OriginAddress("http", "127.0.0.1", listener.getsockname()[1])

    async def main() -> None:
        settings = UpstreamSettings(max_connections=1, connect_timeout_seconds=0.3)
        upstream = door.create(address, settings, None)
        sending = [asyncio.create_task(failure(upstream, get())) for _ in range(3)]
        await until(lambda: upstream.snapshot().waiting == 2)
        await upstream.aclose()
        await asyncio.gather(*sending)
        assert upstream.snapshot().in_use == 0

    door.run(main())
    for sock in (listener, *taken):
        sock.close()


@every_door
def test_a_port_where_nobody_listens_refuses(door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    async def main() -> None:
        for host in ("127.0.0.1", "localhost"):
            upstream = door.create(OriginAddress("http", host, port), ONE, None)
            for _ in range(2):
                assert await failure(upstream, get()) is ProxyError.CONNECTION_REFUSED
            await baseline(upstream)
            await upstream.aclose()

    door.run(main())


@every_door
@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid"])
def test_a_name_that_does_not_exist_is_a_dns_error(door: Door, host: str) -> None:
    async def main() -> None:
        upstream = door.create(OriginAddress("http", host, 80), SETTINGS, None)
        assert await failure(upstream, get()) is ProxyError.DNS_ERROR
        await upstream.aclose()

    door.run(main())


async def endless() -> AsyncGenerator[bytes, None]:
    while True:
        yield b"u" * 100_000


async def silent() -> AsyncGenerator[bytes, None]:
    yield b"first"
    await asyncio.Event().wait()


STAGES: dict[str, tuple[bytes, UpstreamRequest]] = {
    "the head": (b"", get()),
    "the rest of the head": (b"HTTP/1.1 200 OK\r\nX", get()),
    "the content": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", get()),
    "a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", get()),
}


@every_door
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("is_reused", [False, True], ids=["new", "reused"])
def test_cancelling_while_waiting_leaks_nothing(door: Door, stage: str, is_reused: bool) -> None:
    start, request = STAGES[stage]
    reached = asyncio.Event()
    is_first = True

    async def script(peer: Peer) -> None:
        nonlocal is_first
        if is_reused and peer.number == 1:
            await peer.request()
            await peer.send(OK)
        await peer.request()
        if is_first:
            is_first = False
            await peer.send(start)
            reached.set()
            await peer.gone()
        else:
            await peer.send(OK)
            await peer.gone()

    async def main() -> None:
        async with opened(door, script, ONE) as (upstream, origin):
            if is_reused:
                await fetch(upstream, get())
            sending = asyncio.create_task(fetch(upstream, request))
            await reached.wait()
            await turns(50)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            if door is not HTTPX:
                assert upstream.snapshot().in_use == 0
            assert await fetch(upstream, get()) == (200, b"ok")
            assert origin.connections == 2
            await baseline(upstream)

    door.run(main())


@every_door
def test_a_read_that_is_cancelled_gives_the_response_up(door: Door) -> None:
    """Even where nobody closes it."""

    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number == 1:
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
        else:
            await peer.send(OK)
        await peer.gone()

    async def main() -> None:
        async with opened(door, script, ONE) as (upstream, origin):
            content = (await upstream.send(get())).content()
            assert await anext(content) == b"hel"
            reading = asyncio.create_task(content_of_rest(content))
            await turns()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert await fetch(upstream, get()) == (200, b"ok")
            assert origin.connections == 2
            with pytest.raises(UpstreamError):
                await anext(content)

    door.run(main())


async def content_of_rest(content: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in content])


@every_door
@pytest.mark.parametrize("content", [endless, silent])
def test_cancelling_an_upload_leaks_nothing(
    door: Door, content: Callable[[], AsyncGenerator[bytes, None]]
) -> None:
    reached = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        if peer.number == 1:
            reached.set()
            await asyncio.Event().wait()
        await peer.send(OK)
        await peer.gone()

    async def main() -> None:
        async with opened(door, script, ONE) as (upstream, _):
            stream = content()
            sending = asyncio.create_task(fetch(upstream, post(stream)))
            await reached.wait()
            await turns(200)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert await fetch(upstream, get()) == (200, b"ok")
            await baseline(upstream)
            await stream.aclose()

    door.run(main())


@every_door
def test_cancelling_in_the_queue_lets_the_next_go(door: Door) -> None:
    order: list[bytes] = []
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            order.append((await peer.request()).line.split()[1])
            await go.wait()
            await peer.send(OK)

    async def main() -> None:
        async with opened(door, script, ONE) as (upstream, _):
            sending = [asyncio.create_task(fetch(upstream, get(b"/%d" % n))) for n in range(4)]
            await until(lambda: upstream.snapshot().waiting == 3 and len(order) == 1)
            sending[1].cancel()
            await turns()
            assert upstream.snapshot().waiting == 2
            go.set()
            results = await asyncio.gather(*sending, return_exceptions=True)
            assert isinstance(results[1], asyncio.CancelledError)
            assert order == [b"/0", b"/2", b"/3"]
            await baseline(upstream)

    door.run(main())


@every_door
def test_cancelling_in_the_moment_of_being_served_leaks_nothing(door: Door) -> None:
    """At every turn of the loop between the answer to one request and the end of the next."""

    async def main() -> None:
        async with opened(door, answering(OK), ONE) as (upstream, _):
            for count in range(60):
                first = asyncio.create_task(fetch(upstream, get()))
                second = asyncio.create_task(fetch(upstream, get()))
                await turns(count)
                second.cancel()
                await asyncio.gather(first, second, return_exceptions=True)
                assert first.result() == (200, b"ok")
                assert await fetch(upstream, get()) == (200, b"ok")
                await baseline(upstream)

    door.run(main())


@every_door
def test_cancelling_while_connecting_leaks_nothing(door: Door) -> None:
    """At every turn of the loop of a first request."""

    async def main() -> None:
        for count in range(40):
            async with opened(door, answering(OK), ONE) as (upstream, _):
                sending = asyncio.create_task(fetch(upstream, get()))
                await turns(count)
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                assert await fetch(upstream, get()) == (200, b"ok")
                await baseline(upstream)

    door.run(main())


@every_door
def test_closing_ends_everything_and_closed_it_stays(door: Door) -> None:
    reached = asyncio.Event()

    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.request()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
        if peer.number == 2:
            await peer.request()
            reached.set()
        await peer.gone()

    async def main() -> None:
        settings = UpstreamSettings(max_connections=2)
        async with opened(door, script, settings) as (upstream, origin):
            response = await upstream.send(get())
            sending = [asyncio.create_task(failure(upstream, get())) for _ in range(31)]
            await reached.wait()
            assert upstream.snapshot().waiting == 30
            await upstream.aclose()
            assert upstream.snapshot() == UpstreamSnapshot(idle=0, in_use=0, waiting=0)
            await asyncio.gather(*sending)
            with pytest.raises(UpstreamError):
                await content_of(response)
            with pytest.raises(UpstreamError):
                await upstream.send(get())
            await upstream.aclose()
            await until(lambda: origin.open == 0)

    door.run(main())
