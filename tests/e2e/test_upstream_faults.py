"""The origin fails in every way: a labelled error or a torn socket, and nothing is kept of it."""

import asyncio
import gzip
import itertools
import json
import socket
import ssl

import pytest
import trustme

from tests.support.processes import ghproxy, simulator
from tests.support.stack import (
    HOST,
    aside,
    ask,
    assert_is_error,
    connected,
    first,
    mode,
    ok,
    play,
    request,
    stack,
)

TAG = b'ETag: "0123456789abcdef"'
ALICE = b"Authorization: Bearer alice"
GOOD = b'{"good": true}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + TAG + b"\r\n"


def says(*pieces, then="end"):
    """A fault: these bytes, and how the connection goes on."""

    async def fault(peer):
        for piece in pieces:
            await peer.send(piece)
        if then == "end":
            peer.end()
        elif then == "reset":
            peer.reset()
        elif then == "wait":
            await peer.gone()

    return fault


async def endless_head(peer):
    await peer.send(HEAD)
    for number in itertools.count():
        await peer.send(b"X-Padding-%d: %s\r\n" % (number, b"p" * 4000))


async def endless_line(peer):
    await peer.send(HEAD + b"X-Padding: ")
    for _ in itertools.count():
        await peer.send(b"p" * 4000)


async def trickling_head(peer):
    for byte in itertools.chain(HEAD, itertools.repeat(ord("x"))):
        await peer.send(bytes([byte]))
        await asyncio.sleep(0.02)


async def trickling_content(peer):
    await peer.send(HEAD + b"Content-Length: 1000000\r\n\r\n")
    while True:
        await peer.send(b"x")
        await asyncio.sleep(0.02)


NOT_GZIP = b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!"
CUT_GZIP = gzip.compress(bytes(range(256)) * 8)[:-8]

FAULTS = {
    "ended before any byte": (says(), 502, "connection_terminated"),
    "reset before any byte": (says(then="reset"), 502, "connection_terminated"),
    "ended in the status line": (says(b"HTTP/1.1 20"), 502, "http_response_incomplete"),
    "ended in the head": (says(HEAD), 502, "http_response_incomplete"),
    "reset in the head": (says(HEAD, then="reset"), 502, "http_response_incomplete"),
    "ended in the content": (
        says(HEAD + b"Content-Length: 100\r\n\r\n{"), 502, "http_response_incomplete"),
    "ended before the content": (
        says(HEAD + b"Content-Length: 100\r\n\r\n"), 502, "http_response_incomplete"),
    "reset in the content": (
        says(HEAD + b"Content-Length: 100\r\n\r\n{", then="reset"), 502,
        "http_response_incomplete"),
    "ended in a chunk": (
        says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"), 502,
        "http_response_incomplete"),
    "ended between two chunks": (
        says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"), 502,
        "http_response_incomplete"),
    "a chunk that is none": (
        says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nNONE\r\n"), 502,
        "http_protocol_error"),
    "a chunk that overflows": (
        says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab"), 502,
        "http_protocol_error"),
    "both length and chunks": (
        says(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        502, "http_protocol_error"),
    "two lengths": (
        says(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "), 502,
        "http_protocol_error"),
    "a length that is none": (
        says(HEAD + b"Content-Length: -2\r\n\r\n{}"), 502, "http_protocol_error"),
    "CR in a field": (
        says(HEAD + b"X-A: one\rX-B: two\r\nContent-Length: 2\r\n\r\n{}"), 502,
        "http_protocol_error"),
    "LF in a field": (
        says(HEAD + b"X-A: one\nX-B: two\r\nContent-Length: 2\r\n\r\n{}"), 502,
        "http_protocol_error"),
    "NUL in a field": (
        says(HEAD + b"X-A: one\0two\r\nContent-Length: 2\r\n\r\n{}"), 502, "http_protocol_error"),
    "a folded field": (
        says(HEAD + b"X-A: one\r\n two\r\nContent-Length: 2\r\n\r\n{}"), 502,
        "http_protocol_error"),
    "another protocol": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), 502, "http_protocol_error"),
    "HTTP/2": (says(b"HTTP/2 200\r\n\r\n"), 502, "http_protocol_error"),
    "an endless head": (endless_head, 502, "http_response_header_section_size"),
    "an endless line": (endless_line, 502, "http_response_header_section_size"),
    "a 304 that nobody asked for": (
        says(b"HTTP/1.1 304 Not Modified\r\n" + TAG + b"\r\n\r\n"), 502, "http_protocol_error"),
    "a 206 that nobody asked for": (
        says(b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\n" + TAG
             + b"\r\nContent-Length: 2\r\n\r\n{}"), 502, "http_protocol_error"),
    "a 101 that nobody asked for": (
        says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"),
        502, "http_protocol_error"),
    "gzip that is none": (says(HEAD + NOT_GZIP), 502, "http_protocol_error"),
    "gzip cut short": (
        says(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(CUT_GZIP)
             + CUT_GZIP), 502, "http_protocol_error"),
    "silence": (says(then="wait"), 504, "connection_read_timeout"),
    "silence in the head": (says(HEAD, then="wait"), 504, "connection_read_timeout"),
    "a trickling head": (trickling_head, 504, "connection_read_timeout"),
    "trickling content": (trickling_content, 504, "http_response_timeout"),
}  # fmt: skip

BEFORE_ANY_BYTE = ("ended before any byte", "reset before any byte")


class Origin:
    """`/healthy` is always answered well, the rest by the fault until it is healed."""

    def __init__(self, fault):
        self.fault = fault
        self.attempts = []

    async def __call__(self, peer):
        while True:
            asked = await peer.request()
            method, target, _ = asked.line.split(b" ")
            if target == b"/healthy":
                await peer.send(ok(b"healthy"))
                continue
            self.attempts.append((method.decode(), target.decode()))
            if self.fault is not None:
                await self.fault(peer)
                return
            if asked.values(b"if-none-match"):
                await peer.send(b"HTTP/1.1 304 Not Modified\r\n" + TAG + b"\r\n\r\n")
            else:
                await peer.send(ok(GOOD, TAG))


async def beside(house, is_over):
    """A client that goes on meanwhile; how many answers it got, each of them right."""
    async with house.connected() as client:
        answers = 0
        while not answers or not is_over.is_set():
            client.write(request("/healthy"))
            reply = await client.reply()
            assert (reply.status, reply.content) == (200, b"healthy")
            answers += 1
        return answers


async def with_company(house, scene):
    """Run a scene while another client goes on unharmed."""
    is_over = asyncio.Event()
    company = asyncio.create_task(beside(house, is_over))
    try:
        return await scene
    finally:
        is_over.set()
        assert await company > 0


async def assert_is_well(house, origin, baseline, target="/faulty"):
    """Nothing was stored, nothing is left, and the next answers are right."""
    await house.rests_as(baseline)
    origin.fault = None
    for expected in ("MISS", "REVALIDATED"):
        reply = await house.ask(target, ALICE)
        assert (reply.status, reply.content, mode(reply)) == (200, GOOD, expected)
    await house.rests_as(baseline)


TIMES = ("--upstream-first-byte-timeout=400ms", "--upstream-total-timeout=1500ms")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_labelled_error_and_leaves_nothing_behind(name):
    fault, status, error = FAULTS[name]

    async def scene():
        origin = Origin(fault)
        async with stack(origin, *TIMES) as house:
            baseline = await house.rests()
            reply = await with_company(house, house.ask("/faulty", ALICE))
            assert_is_error(reply, status, error)
            assert len(origin.attempts) == (2 if name in BEFORE_ANY_BYTE else 1)
            await assert_is_well(house, origin, baseline)

    play(scene())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("name", BEFORE_ANY_BYTE)
def test_a_write_is_never_sent_twice(name, method):
    fault, status, error = FAULTS[name]

    async def scene():
        origin = Origin(fault)
        async with stack(origin) as house:
            baseline = await house.rests()
            content = b'{"a": 1}'
            asked = house.ask("/faulty", ALICE, method=method, content=content)
            assert_is_error(await with_company(house, asked), status, error)
            assert origin.attempts == [(method, "/faulty")]
            await assert_is_well(house, origin, baseline)

    play(scene())


def test_a_read_that_fails_once_before_any_byte_succeeds_unseen():
    async def scene():
        origin = Origin(None)

        async def once(peer):
            origin.fault = None

        origin.fault = once
        async with stack(origin) as house:
            reply = await house.ask("/faulty", ALICE)
            assert (reply.status, reply.content, mode(reply)) == (200, GOOD, "MISS")
            assert len(origin.attempts) == 2

    play(scene())


LARGE = b"x" * 300_000
TORN = {
    "a length": says(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n", LARGE),
    "a length, reset": says(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n", LARGE, then="reset"
    ),
    "chunks": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"493e0\r\n", LARGE),
    "whole chunks": says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"493e0\r\n", LARGE, b"\r\n"
    ),
    "a bad chunk": says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"493e0\r\n", LARGE, b"\r\nno\r\n"
    ),
    "the connection, reset": says(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", LARGE, then="reset"
    ),
}


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("name", TORN)
def test_an_answer_cut_after_its_head_went_out_is_never_a_well_formed_short_one(name, version):
    async def scene():
        origin = Origin(TORN[name])
        async with stack(origin) as house:
            baseline = await house.rests()
            asked = request("/faulty", ALICE).replace(b"HTTP/1.1", b"HTTP/" + version)
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)) as caught:
                await with_company(house, _read_whole(house, asked))
            if version == b"1.0":
                assert isinstance(caught.value, ConnectionResetError)
            await assert_is_well(house, origin, baseline)

    play(scene())


async def _read_whole(house, asked):
    async with house.connected() as client:
        client.write(asked)
        reply = await client.reply()
        if reply.status == 200:
            return reply
        assert_is_error(reply, 502, "http_response_incomplete")
        raise ConnectionResetError


def test_content_beyond_the_stated_length_never_becomes_the_next_answer():
    forged = ok(b"forged", TAG)

    async def scene():
        origin = Origin(None)

        async def two_answers(peer):
            origin.fault = None
            await peer.send(ok(b"{}", TAG) + forged)
            await peer.gone()

        origin.fault = two_answers
        async with stack(origin) as house:
            baseline = await house.rests()
            reply = await house.ask("/other", ALICE)
            assert (reply.status, reply.content) == (200, b"{}")
            for _ in range(3):
                assert (await house.ask("/healthy")).content == b"healthy"
            await assert_is_well(house, origin, baseline)

    play(scene())


@pytest.mark.parametrize("length", [b"Content-Length: 0\r\n", b"Content-Length: 14\r\n", b""])
def test_a_304_confirms_whatever_length_it_states(length):
    async def scene():
        origin = Origin(None)
        async with stack(origin) as house:
            baseline = await house.rests()
            assert mode(await house.ask("/faulty", ALICE)) == "MISS"

            async def confirm(peer):
                await peer.send(b"HTTP/1.1 304 Not Modified\r\n" + TAG + b"\r\n" + length + b"\r\n")
                assert (await peer.request()).line == b"GET /healthy HTTP/1.1"
                await peer.send(ok(b"healthy"))

            origin.fault = confirm
            reply = await house.ask("/faulty", ALICE)
            assert (reply.status, reply.content, mode(reply)) == (200, GOOD, "REVALIDATED")
            assert reply.values(b"content-length") == [b"%d" % len(GOOD)]
            assert (await house.ask("/healthy")).content == b"healthy"
            await house.rests_as(baseline)

    play(scene())


@pytest.mark.parametrize("name", FAULTS)
def test_a_stored_answer_outlives_the_fault(name):
    """The same faults while the answer is stored: an error, and afterwards still a free hit."""
    fault, status, error = FAULTS[name]

    async def scene():
        origin = Origin(None)
        async with stack(origin, *TIMES) as house:
            assert mode(await house.ask("/faulty", ALICE)) == "MISS"
            origin.fault = fault
            reply = await house.ask("/faulty", ALICE)
            if "304" in name:
                assert (reply.status, reply.content) == (200, GOOD)
            else:
                assert_is_error(reply, status, error)
            origin.fault = None
            reply = await house.ask("/faulty", ALICE)
            assert (reply.status, reply.content, mode(reply)) == (200, GOOD, "REVALIDATED")

    play(scene())


@pytest.mark.parametrize("coding", [b"gzip", b"identity"])
def test_gzip_that_is_none_is_never_an_answer_where_it_would_have_to_be_taken_off(coding):
    """A stream is not judged for a client that takes gzip: it gets what the origin sent."""

    async def scene():
        head = HEAD.replace(TAG + b"\r\n", b"")
        origin = Origin(says(head + NOT_GZIP))
        async with stack(origin) as house:
            baseline = await house.rests()
            reply = await house.ask("/faulty", ALICE, b"Accept-Encoding: " + coding)
            if coding == b"gzip":
                assert (reply.status, reply.content) == (200, b"not gzip!")
                assert first(reply, b"content-encoding") == "gzip"
            else:
                assert_is_error(reply, 502, "http_protocol_error", "gzip")
            await assert_is_well(house, origin, baseline)

    play(scene())


def test_an_origin_slower_than_the_request_timeout_is_told_in_prows_words():
    async def scene():
        origin = Origin(says(then="wait"))
        async with stack(origin, "--request-timeout=1") as house:
            baseline = await house.rests()
            for method, content in (("GET", b""), ("POST", b"{}")):
                asked = house.ask("/faulty", ALICE, method=method, content=content)
                reply = await with_company(house, asked)
                assert (reply.status, reply.content) == (503, b"ghproxy timed out after 1s")
            await assert_is_well(house, origin, baseline)

    play(scene())


def test_an_outage_is_two_lines_in_the_log_and_neither_tells_of_a_request():
    async def scene():
        is_up = asyncio.Event()

        async def github(peer):
            if is_up.is_set():
                await peer.send(ok(GOOD))
            else:
                peer.reset()

        origin = Origin(github)
        async with stack(origin) as house:
            for number in range(10):
                reply = await house.ask(f"/faulty?secret={number}", ALICE)
                assert reply.status == 502
            is_up.set()
            for _ in range(10):
                assert (await house.ask("/faulty?secret=0", ALICE)).status == 200
        begun, ended = house.gateway.said.splitlines()[3:]
        assert " WARNING " in begun
        assert f"{HOST} fails: connection_terminated: " in begun
        assert " INFO " in ended
        assert f"{HOST} answers again: 10 request(s) had failed within " in ended
        for word in ("faulty", "secret", "alice"):
            assert word not in house.gateway.said

    play(scene())


def test_an_origin_that_never_answers_is_told_too():
    async def scene():
        origin = Origin(says(then="wait"))
        async with stack(origin, "--request-timeout=1") as house:
            for _ in range(2):
                assert (await house.ask("/faulty", ALICE)).status == 503
        [line] = house.gateway.said.splitlines()[3:]
        assert f"{HOST} fails: http_response_timeout: No answer came within 1 s." in line

    play(scene())


def test_a_fault_shared_by_many_clients_costs_at_most_one_more_attempt():
    async def scene():
        is_everybody_there = asyncio.Event()

        async def die(peer):
            await is_everybody_there.wait()
            await peer.send(HEAD)
            peer.end()

        origin = Origin(die)
        async with stack(origin) as house:
            baseline = await house.rests()
            clients = [asyncio.create_task(house.ask("/faulty", ALICE)) for _ in range(20)]
            await house.reaches(1)
            is_everybody_there.set()
            for client in clients:
                assert_is_error(await client, 502, "http_response_incomplete")
            assert len(origin.attempts) < len(clients)
            await assert_is_well(house, origin, baseline)

    play(scene())


def _free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    ("upstream", "error", "word"),
    [
        (f"http://{HOST}:PORT", "connection_refused", "refused"),
        ("http://github.invalid", "dns_error", "github.invalid"),
        ("https://github.invalid/api/v3", "dns_error", "github.invalid"),
    ],
)
def test_an_origin_that_cannot_be_reached_is_said_clearly(upstream, error, word, method):
    with ghproxy(upstream.replace("PORT", str(_free_port()))) as gateway:

        async def scene():
            baseline = gateway.open_files()
            for _ in range(3):
                content = b"{}" if method == "POST" else b""
                reply = await ask(gateway.port, "/user", method=method, content=content)
                if method == "HEAD":
                    assert (reply.status, reply.content) == (502, b"")
                    assert f"error={error}" in first(reply, b"proxy-status")
                else:
                    assert_is_error(reply, 502, error, word)
            samples = await aside(gateway.metrics)
            assert samples["concurrent_outbound_requests"] == 0
            assert samples["pending_outbound_requests"] == 0
            assert gateway.open_files() <= baseline + 1  # the event loop's own, once

        play(scene())
    assert "Traceback" not in gateway.said


def _certified(host):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(host).configure_cert(context)
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused():
    async def scene():
        origin = Origin(None)
        async with stack(origin, tls=_certified(HOST)) as house:
            baseline = await house.rests()
            for _ in range(3):
                assert_is_error(await house.ask("/user", ALICE), 502, "tls_certificate_error")
            assert origin.attempts == [], "a request, and its token, went to a stranger"
            await house.rests_as(baseline)

    play(scene())


def test_an_origin_that_does_not_speak_tls_is_said_clearly():
    async def scene():
        async def origin(peer):
            assert b"alice" not in await peer.reader.read(4096)
            await peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            await peer.gone()

        async with stack(origin, scheme="https") as house:
            baseline = await house.rests()
            assert_is_error(await house.ask("/user", ALICE), 502, "tls_protocol_error", "TLS")
            await house.rests_as(baseline)

    play(scene())


REPOSITORY = "/repos/acme/anvil"
GITHUBS_FAULTS: dict[str, tuple[dict[str, object], int]] = {
    "cut before any byte": ({"cut_at": 0}, 2),
    "reset before any byte": ({"cut_at": 0, "reset": True}, 2),
    "cut in the head": ({"cut_at": 100}, 1),
    "cut in the content": ({"cut_at": 1500}, 1),
    "reset in the content": ({"cut_at": 1500, "reset": True}, 1),
    "a length too long": ({"content_length": "longer"}, 1),
    "both lengths": ({"both_lengths": True}, 1),
    "a bad chunk": ({"bad_chunk": True}, 1),
    "a carriage return": ({"broken_field": "cr"}, 1),
    "a NUL": ({"broken_field": "nul"}, 1),
    "an oversized head": ({"head": "oversized"}, 1),
    "an endless head": ({"head": "endless"}, 1),
    "206": ({"status": 206}, 1),
    "304": ({"status": 304, "content": ""}, 1),
}


@pytest.fixture(scope="module")
def github():
    with simulator() as program:
        yield program


@pytest.fixture(scope="module")
def proxy(github):
    with ghproxy(github.url) as program:
        yield program


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", GITHUBS_FAULTS)
def test_github_itself_fails(github, proxy, name, method):
    """GitHub's journal is the witness of how often it was asked."""
    order, attempts = GITHUBS_FAULTS[name]
    token = b"Authorization: Bearer " + github.token().encode()
    target = f"{REPOSITORY}/labels?fault={name.replace(' ', '-')}"
    if method == "POST":
        target = "/simulator/echo?fault=" + name.replace(" ", "-")
    long = b"X-Long: " + b"l" * 3000  # which the echo repeats
    github.forget()
    github.control("POST", "/faults", {"path": target, **order})

    async def scene():
        async with connected(proxy.port) as client:
            content = b"{}" if method == "POST" else b""
            client.write(request(target, token, long, method=method, content=content))
            try:
                reply = await client.reply(method)
            except (ConnectionError, asyncio.IncompleteReadError):
                assert method == "POST", "what is to be stored is judged before it is given"
            else:
                if (name, method) == ("304", "POST"):  # a write may be answered so
                    assert reply.status == 304
                else:
                    assert_is_error(reply, 502, "")
        assert len(github.journal()) == (attempts if method == "GET" else 1)
        github.control("DELETE", "/faults")
        reply = await ask(proxy.port, target, token, method=method)
        assert (reply.status, mode(reply)) == (200, "MISS" if method == "GET" else "SKIP")
        if method == "GET":
            host = github.url.rpartition("/")[2]
            direct = await ask(int(host.rpartition(":")[2]), target, token, host=host)
            assert json.loads(reply.content) == json.loads(direct.content)

    play(scene())
    assert "Traceback" not in proxy.said
