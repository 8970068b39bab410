"""Chunks, with llhttp as a second opinion: never laxer, and never stricter by accident."""

import itertools
from typing import NamedTuple

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghproxy.web.framing import ChunkedContent, ChunkError, SizedContent

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


class Reading(NamedTuple):
    content: bytes
    is_whole: bool


class Llhttp:
    """What llhttp makes of one chunked request, and of the request that follows."""

    def __init__(self) -> None:
        self.content = b""
        self.complete = 0
        self.targets: list[bytes] = []
        self.parser = httptools.HttpRequestParser(self)

    def on_url(self, url: bytes) -> None:
        self.targets.append(url)

    def on_body(self, body: bytes) -> None:
        self.content += body

    def on_message_complete(self) -> None:
        self.complete += 1


def by_llhttp(data: bytes) -> Reading | None:
    """None where llhttp refuses, or where the next request would not be found."""
    reader = Llhttp()
    try:
        reader.parser.feed_data(HEAD + data)
    except httptools.HttpParserError:
        return None
    return Reading(reader.content, reader.complete >= 1)


def ours(data: bytes, cuts: list[int]) -> tuple[Reading, bytes] | None:
    content = ChunkedContent()
    found = b""
    edges = [0, *sorted({cut for cut in cuts if cut < len(data)}), len(data)]
    for start, end in itertools.pairwise(edges):
        try:
            piece = content.feed(data[start:end])
        except ChunkError:
            return None
        found += piece.content
        if piece.rest is not None:
            return Reading(found, is_whole=True), piece.rest + data[end:]
    return Reading(found, is_whole=False), b""


sizes = st.builds(
    lambda size, zeros, upper: b"0" * zeros + (b"%X" if upper else b"%x") % size,
    st.integers(0, 40),
    st.integers(0, 3),
    st.booleans(),
)
noise = st.sampled_from(
    [
        b"",
        b";a",
        b";a=b",
        b';a="b c"',
        b";",
        b" ",
        b"\t",
        b"\r",
        b"\n",
        b"\0",
        b"x",
        b"-",
        b';a="\\""',
    ]
)
ends = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"", b"\r\r\n", b"\n\r\n"])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Chunked content that is right, or wrong in one of the ways in which it goes wrong."""
    parts: list[bytes] = []
    for _ in range(draw(st.integers(0, 4))):
        size = draw(st.integers(1, 40))
        spelled = draw(st.one_of(st.just(b"%x" % size), st.just(b"%X" % size), sizes))
        parts += [
            spelled,
            draw(st.one_of(st.just(b""), noise)),
            draw(ends),
            b"d" * size,
            draw(ends),
        ]
    parts += [b"0", draw(st.one_of(st.just(b""), noise)), draw(ends)]
    parts.append(
        draw(st.sampled_from([b"", b"", b"", b"T: v\r\n", b"T : v\r\n", b"T\r\n", b" T: v\r\n"]))
    )
    parts.append(draw(ends))
    return b"".join(parts)


@settings(max_examples=600, deadline=None)
@given(streams(), st.lists(st.integers(0, 200), max_size=6))
def test_what_is_accepted_llhttp_understands_alike_however_it_is_cut(
    data: bytes, cuts: list[int]
) -> None:
    read = ours(data + NEXT, cuts)
    assert read == ours(data + NEXT, []), "the cuts between reads changed the meaning"
    if read is None or not read[0].is_whole:
        return
    reading, rest = read
    assert by_llhttp(data[: len(data) + len(NEXT) - len(rest)]) == reading
    assert rest.endswith(NEXT) or len(rest) < len(NEXT)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5), st.lists(st.integers(0, 900)))
def test_well_formed_chunks_are_never_refused(chunks: list[bytes], cuts: list[int]) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    read = ours(data + NEXT, cuts)
    assert read == (Reading(b"".join(chunks), is_whole=True), NEXT)


@pytest.mark.parametrize(
    "start",
    [b"0" * 5000, b"1;a=" + b"x" * 5000, b"0\r\nT: " + b"x" * 5000],
    ids=["size", "extension", "trailer"],
)
def test_an_unfinished_line_is_kept_only_up_to_a_limit(start: bytes) -> None:
    assert ours(start, list(range(len(start)))) is None


def test_content_of_a_stated_length_ends_at_that_byte() -> None:
    content = SizedContent(5)
    assert content.feed(b"ab") == (b"ab", None)
    assert content.feed(b"cdeGET") == (b"cde", b"GET")
    assert SizedContent(3).feed(b"abc") == (b"abc", b"")


@pytest.mark.parametrize("start", [b"3\r\nabcX", b"3\n", b"\0", b"0\r\nT: \0"])
def test_what_cannot_become_right_is_refused_before_its_line_ends(start: bytes) -> None:
    assert ours(start, []) is None


def test_trailers_are_read_only_up_to_a_limit() -> None:
    few, many = b"0\r\n" + b"a: b\r\n" * 1000, b"0\r\n" + b"a: b\r\n" * 3000
    assert ours(few + b"\r\n", []) is not None
    assert ours(many + b"\r\n", []) is None
