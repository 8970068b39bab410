"""What happens between a request and its answer: order, endings, back-pressure, departures."""

import asyncio
import contextlib
import logging
from typing import Any

import pytest

from ghproxy.web.errors import Fault
from ghproxy.web.exchange import TornResponse
from ghproxy.web.hygiene import Limits
from tests.support.raw_http import echo, play, serving

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}


def body(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}


class Stage:
    """An application whose every step is released by the test."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.may_answer = asyncio.Event()
        self.ending: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.put_nowait(scope["path"])
        try:
            await self.may_answer.wait()
            await echo(scope, receive, send)
        except asyncio.CancelledError:
            self.ending.set_result("cancelled")
            raise
        if not self.ending.done():
            self.ending.set_result("answered")


# Order


def test_pipelined_requests_are_answered_in_order() -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            for number in range(50):
                content = b"x" * number
                client.write(
                    b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (number, number)
                    + content
                )
            for number in range(50):
                seen = (await client.reply()).echo
                assert (seen["target"], len(seen["content"])) == (f"/{number}", number)

    play(scene())


def test_the_second_of_two_pipelined_requests_waits_for_the_first() -> None:
    async def scene() -> None:
        stage = Stage()
        async with serving(stage) as server, server.client() as client:
            client.write(GET + GET)
            await stage.begun.get()
            for _ in range(5):
                await asyncio.sleep(0)
            assert stage.begun.empty()
            stage.may_answer.set()
            assert (await client.reply()).status == 200
            assert (await client.reply()).status == 200

    play(scene())


@pytest.mark.parametrize("second", [b"\0\0\0", b"GET / HTTP/1.1\r\n\r\n", b"GET x HTTP/1.1\r\n"])
@pytest.mark.parametrize("when", ["together", "while the first is answered"])
def test_an_error_in_the_second_request_leaves_the_first_answer_whole(
    second: bytes, when: str
) -> None:
    async def scene() -> None:
        stage = Stage()
        async with serving(stage) as server, server.client() as client:
            client.write(GET + second if when == "together" else GET)
            await stage.begun.get()
            if when != "together":
                client.write(second)
            stage.may_answer.set()
            assert (await client.reply()).echo["target"] == "/"
            assert (await client.reply()).status == 400
            assert await client.end() == b""

    play(scene())


def test_requests_behind_connection_close_are_never_taken() -> None:
    async def scene() -> None:
        async with serving() as server:
            first = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            reply, rest = await server.exchange(first + GET)
            assert (reply.status, rest) == (200, b"")

    play(scene())


# Endings


def test_a_refused_client_that_goes_on_sending_still_reads_the_answer() -> None:
    async def scene() -> None:
        async with serving(limits=Limits(linger_seconds=10)) as server, server.client() as client:
            client.write(POST + b"Content-Length: x\r\n\r\n" + b"x" * 1_000_000)
            await client.writer.drain()
            assert (await client.reply()).status == 400
            assert await client.end() == b""

    play(scene())


def test_a_refused_client_that_never_leaves_is_cut_after_a_while() -> None:
    async def scene() -> None:
        async with serving(limits=Limits(linger_seconds=0.05)) as server, server.client() as client:
            client.write(b"\0")
            assert (await client.reply()).status == 400
            with contextlib.suppress(ConnectionError):
                while True:
                    client.write(b"x" * 1000)
                    await client.writer.drain()

    play(scene())


@pytest.mark.parametrize("when", ["at once", "when reading has paused"])
def test_an_answer_before_the_end_of_the_content_closes_and_is_read_nevertheless(
    when: str,
) -> None:
    async def refuse(_scope: Any, _receive: Any, send: Any) -> None:
        if when != "at once":
            for _ in range(100):
                await asyncio.sleep(0)
        await send({**START, "headers": [(b"content-length", b"2")]})
        await send(body(b"no"))

    async def scene() -> None:
        limits = Limits(linger_seconds=10)
        async with serving(refuse, limits) as server, server.client() as client:
            client.write(POST + b"Content-Length: 30000000\r\n\r\n" + b"x" * 20_000_000)
            await client.writer.drain()
            reply = await client.reply()
            assert reply.content == b"no"
            assert reply.values(b"connection") == [b"close"]
            client.write(GET)
            assert await client.end() == b"", "content nobody read must not become a request"

    play(scene())


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"100")]])
@pytest.mark.parametrize("request_head", [GET, b"GET / HTTP/1.0\r\n\r\n"])
def test_a_torn_answer_is_seen_as_torn(
    headers: list[tuple[bytes, bytes]], request_head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def torn(_scope: Any, _receive: Any, send: Any) -> None:
        await send({**START, "headers": headers})
        await send(body(b"part", more=True))
        raise TornResponse

    async def scene() -> None:
        async with serving(torn) as server, server.client() as client:
            client.write(request_head)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.reply()

    play(scene())
    assert not caplog.records


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"100")]])
def test_an_application_that_fails_midway_is_seen_as_torn(
    headers: list[tuple[bytes, bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(_scope: Any, _receive: Any, send: Any) -> None:
        await send({**START, "headers": headers})
        await send(body(b"part", more=True))
        raise ValueError("a bug")

    async def scene() -> None:
        async with serving(failing) as server, server.client() as client:
            client.write(GET)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.reply()

    play(scene())
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def raises(_scope: Any, _receive: Any, _send: Any) -> None:
    raise ValueError("a bug")


async def returns(_scope: Any, _receive: Any, _send: Any) -> None:
    return


async def splits(_scope: Any, _receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"x", b"a\r\nset-cookie: b")]})


async def splits_name(_scope: Any, _receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"x\n", b"a")]})


async def sends_nul(_scope: Any, _receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"x", b"a\0")]})


async def sends_two_lengths(_scope: Any, _receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"content-length", b"1"), (b"content-length", b"1")]})


async def sends_a_signed_length(_scope: Any, _receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"content-length", b"+1")]})


async def sends_body_first(_scope: Any, _receive: Any, send: Any) -> None:
    await send(body(b"x"))


@pytest.mark.parametrize(
    "app",
    [
        raises,
        returns,
        splits,
        splits_name,
        sends_nul,
        sends_two_lengths,
        sends_a_signed_length,
        sends_body_first,
    ],
)
def test_an_application_that_fails_before_it_answers_is_a_500(
    app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with serving(app) as server:
            reply, _ = await server.exchange(GET)
            assert reply.status == 500
            assert reply.echo["status"] == "500"
            assert b"bug" not in reply.content

    play(scene())
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("content", "more"), [(b"123", False), (b"12345", False), (b"12345", True)]
)
def test_content_of_another_length_than_stated_is_torn(
    content: bytes, *, more: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def lying(_scope: Any, _receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"4")]})
        await send(body(content, more=more))
        await send(body(b""))

    async def scene() -> None:
        async with serving(lying) as server, server.client() as client:
            client.write(GET)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.reply()

    play(scene())
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("method", "status", "fields", "expected"),
    [
        ("HEAD", 200, [(b"content-length", b"5")], [b"content-length: 5"]),
        ("HEAD", 200, [], []),
        ("GET", 304, [(b"etag", b'"a"')], [b'etag: "a"']),
        ("GET", 204, [(b"content-length", b"0")], []),
        (
            "GET",
            200,
            [(b"transfer-encoding", b"gzip"), (b"connection", b"x")],
            [b"transfer-encoding: chunked"],
        ),
    ],
)
def test_framing_fields_are_ours_and_answers_without_content_have_none(
    method: str, status: int, fields: list[tuple[bytes, bytes]], expected: list[bytes]
) -> None:
    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send(body(b"12345"))

    async def scene() -> None:
        async with serving(answer) as server, server.client() as client:
            client.write(method.encode() + GET[3:] + GET)
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert head.split(b"\r\n")[1:-2] == expected
            if b"transfer-encoding: chunked" in head:
                assert await client.reader.readexactly(15) == b"5\r\n12345\r\n0\r\n\r\n"
            assert (await client.reader.readexactly(9)) == b"HTTP/1.1 "

    play(scene())


# Content


def test_content_waits_for_the_application_and_memory_stays_flat() -> None:
    async def scene() -> None:
        gate = asyncio.Event()
        largest = 0
        total = 0

        async def slow(_scope: Any, receive: Any, send: Any) -> None:
            nonlocal largest, total
            await gate.wait()
            more = True
            while more:
                message = await receive()
                largest = max(largest, len(message["body"]))
                total += len(message["body"])
                more = message["more_body"]
            await send({**START, "headers": [(b"content-length", b"0")]})
            await send(body(b""))

        async with serving(slow) as server, server.client() as client:
            size = 64_000_000
            client.write(POST + b"Content-Length: %d\r\n\r\n" % size)
            client.write(b"x" * size)
            drained = asyncio.create_task(client.writer.drain())
            await asyncio.wait([drained], timeout=0.2)
            assert not drained.done(), "nobody reads, yet the client could send everything"
            gate.set()
            assert (await client.reply()).status == 200
            await drained
            assert total == size
            assert largest < 1_000_000

    play(scene())


def test_a_client_that_does_not_read_holds_the_application_back() -> None:
    async def scene() -> None:
        sent = 0
        paused = asyncio.Event()

        async def streaming(_scope: Any, _receive: Any, send: Any) -> None:
            nonlocal sent
            await send(START)
            for _ in range(500):
                sending = asyncio.ensure_future(send(body(b"x" * 100_000, more=True)))
                await asyncio.wait([sending], timeout=0.2)
                if not sending.done():
                    paused.set()
                await sending
                sent += 1
            await send(body(b""))

        async with serving(streaming) as server, server.client() as client:
            client.write(GET)
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await paused.wait()
            assert sent < 300
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert len((await client.reply()).content) == 50_000_000

    play(scene())


def test_requests_waiting_behind_another_do_not_pile_up() -> None:
    async def scene() -> None:
        stage = Stage()
        async with serving(stage) as server, server.client() as client:
            client.write(GET * 500_000)
            drained = asyncio.create_task(client.writer.drain())
            await asyncio.wait([drained], timeout=0.2)
            assert not drained.done(), "nobody is answered, yet the client could send everything"
            client.writer.transport.abort()
            await asyncio.wait([drained])
            drained.exception()
            stage.may_answer.set()

    play(scene())


def test_expect_100_continue_is_not_answered_in_http_10() -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            client.write(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            for _ in range(50):
                await asyncio.sleep(0)
            client.write(b"abc")
            assert (await client.reply()).status == 200

    play(scene())


def test_expect_100_continue_is_answered_when_the_content_is_wanted() -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            client.write(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            assert (await client.reply()).status == 100
            client.write(b"abc" + GET)
            assert (await client.reply()).echo["content"] == "abc"
            assert (await client.reply()).status == 200

    play(scene())


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
        POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ids=["no content", "content at once"],
)
def test_expect_100_continue_is_not_answered_where_nothing_waits_for_it(data: bytes) -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            client.write(data)
            assert (await client.reply()).status == 200

    play(scene())


def test_expect_100_continue_is_not_answered_by_an_application_that_refuses() -> None:
    async def refuse(_scope: Any, _receive: Any, send: Any) -> None:
        await send({**START, "status": 401, "headers": [(b"content-length", b"0")]})
        await send(body(b""))

    async def scene() -> None:
        async with serving(refuse) as server:
            data = POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            reply, rest = await server.exchange(data)
            assert (reply.status, rest) == (401, b"")

    play(scene())


def test_broken_chunks_after_the_answer_began_cut_the_connection() -> None:
    async def scene() -> None:
        ended = asyncio.Event()

        async def answering(_scope: Any, receive: Any, send: Any) -> None:
            try:
                await send(START)
                await send(body(b"part", more=True))
                while (await receive())["type"] == "http.request":
                    pass
            finally:
                ended.set()

        async with serving(answering) as server, server.client() as client:
            client.write(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
            await client.reader.readuntil(b"part")
            client.write(b"zzz\r\n")
            with pytest.raises(ConnectionError):
                assert await client.end() == b"\r\n"
            await ended.wait()
            assert server.refused == {Fault.CHUNK: 1}

    play(scene())


# Departures


@pytest.mark.parametrize("data", [GET, POST + b"Content-Length: 9\r\n\r\nabc"])
def test_a_client_that_leaves_cancels_its_request_without_a_word(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        stage = Stage()
        async with serving(stage) as server:
            async with server.client() as client:
                client.write(data)
                await stage.begun.get()
            assert await stage.ending == "cancelled"

    play(scene())
    assert not caplog.records


def test_an_application_may_tear_an_answer_that_nobody_waits_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        begun = asyncio.Event()
        ended = asyncio.Event()

        async def tearing(_scope: Any, _receive: Any, send: Any) -> None:
            await send(START)
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                await send(body(b"late"))
                ended.set()
                raise TornResponse

        async with serving(tearing) as server:
            async with server.client() as client:
                client.write(GET)
                await begun.wait()
            await ended.wait()

    play(scene())
    assert not caplog.records


def test_an_application_that_is_told_of_broken_chunks_cannot_tear_the_refusal() -> None:
    async def tearing(_scope: Any, receive: Any, _send: Any) -> None:
        try:
            while (await receive())["type"] == "http.request":
                pass
        finally:
            raise TornResponse

    async def scene() -> None:
        async with serving(tearing) as server:
            reply, _ = await server.exchange(
                POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzzz\r\n"
            )
            assert reply.status == 400

    play(scene())


def test_a_client_that_leaves_while_content_is_awaited_ends_the_wait() -> None:
    async def scene() -> None:
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        begun = asyncio.Event()

        async def patient(_scope: Any, receive: Any, _send: Any) -> None:
            begun.set()
            try:
                while (await receive())["type"] == "http.request":
                    pass
                ended.set_result("told")
            except asyncio.CancelledError:
                ended.set_result("cancelled")
                raise

        async with serving(patient) as server:
            async with server.client() as client:
                client.write(POST + b"Content-Length: 9\r\n\r\nabc")
                await begun.wait()
            assert await ended in ("cancelled", "told")

    play(scene())


def test_a_client_that_leaves_after_its_answer_cancels_nothing() -> None:
    async def scene() -> None:
        gone = asyncio.Event()
        recorded: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def recording(scope: Any, receive: Any, send: Any) -> None:
            try:
                await echo(scope, receive, send)
                await gone.wait()
                recorded.set_result("recorded")
            except asyncio.CancelledError:
                recorded.set_result("cancelled")
                raise

        async with serving(recording) as server:
            async with server.client() as client:
                client.write(GET)
                await client.reply()
            async with server.client() as other:  # by then the departure was seen
                other.write(GET.replace(b"Host", b"Hos"))
                await other.reply()
            gone.set()
            assert await recorded == "recorded"

    play(scene())


def test_receive_after_the_content_tells_of_the_departure() -> None:
    async def scene() -> None:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        begun = asyncio.Event()

        async def watching(_scope: Any, receive: Any, _send: Any) -> None:
            await receive()
            begun.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            told.set_result((await receive())["type"])

        async with serving(watching) as server:
            async with server.client() as client:
                client.write(GET)
                await begun.wait()
            assert await told == "http.disconnect"

    play(scene())
