"""Reading responses: the outcome does not depend on how the bytes were cut into pieces."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghproxy.core.errors import UpstreamError
from ghproxy.upstream.exchange import Exchange
from ghproxy.upstream.reader import ResponseReader

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX: a\r\n\r\nhello world",
    CHUNKED + b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 200\r\nContent-Length: 11\r\n\r\nhello world",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
]
BROKEN = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
    b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 400 + b"\r\n\r\n",
]


class Nowhere:
    """A source that has no connection."""

    def resume_reading(self) -> None: ...

    def abandon(self, exchange: Exchange) -> None: ...


def exchange_for(method: str = "GET") -> Exchange:
    loop = asyncio.new_event_loop()
    try:
        return Exchange(
            Nowhere(),
            loop.create_future(),
            is_head_only=method == "HEAD",
            is_sent=True,
            total_deadline=0.0,
        )
    finally:
        loop.close()


def read(data: bytes, cuts: list[int], method: str = "GET") -> tuple[object, bytes, bool]:
    """Head, content and whether it is over, from the bytes cut at those places."""
    reader = ResponseReader(max_head_bytes=300)
    exchange = exchange_for(method)
    reader.begin(exchange)
    places = [0, *sorted({cut % len(data) for cut in cuts}), len(data)]
    for start, stop in itertools.pairwise(places):
        if start != stop:
            reader.feed(data[start:stop])
    head = exchange.head if exchange.is_answered else None
    return head, content_now(exchange), reader.is_over


def content_now(exchange: Exchange) -> bytes:
    """What has come, without a loop."""
    exchange.complete()
    content = b""
    while True:
        try:
            exchange.__anext__().send(None)
        except StopIteration as taken:
            content += taken.value
        except StopAsyncIteration:
            return content


CUTS = st.lists(st.integers(0, 500), max_size=30)


@settings(deadline=None)
@given(st.sampled_from(WHOLE), CUTS)
def test_a_whole_response_is_the_same_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    assert read(data, cuts) == read(data, [])
    assert read(data, cuts)[2]


@settings(deadline=None)
@given(st.sampled_from(BROKEN), CUTS)
def test_a_broken_response_is_refused_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    with pytest.raises(UpstreamError):
        read(data, cuts)


@settings(deadline=None)
@given(st.binary(max_size=60), CUTS)
def test_whatever_comes_is_read_or_refused_and_nothing_else(tail: bytes, cuts: list[int]) -> None:
    for start in (
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ):
        data = start + tail
        if data:
            try:
                read(data, cuts)
            except UpstreamError as error:
                assert error.detail  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("data", WHOLE)
def test_a_second_response_after_the_first_is_excess(data: bytes) -> None:
    reader = ResponseReader(300)
    reader.begin(exchange_for())
    reader.feed(data)
    assert reader.is_reusable
    reader.begin(exchange_for())
    reader.feed(data + data)
    assert reader.is_over
    assert not reader.is_reusable


def test_a_head_answer_is_over_with_its_head_and_the_next_is_read_afresh() -> None:
    reader = ResponseReader(300)
    reader.begin(exchange_for("HEAD"))
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    assert reader.is_over
    assert reader.is_reusable
    following = exchange_for()
    reader.begin(following)
    reader.feed(WHOLE[0])
    assert following.head.status == 200
    assert reader.is_over
