"""What has two meanings never reaches GitHub; what has one arrives byte for byte, and nothing else.

The witness is the simulator's journal, or a raw origin that keeps the very bytes.
"""

import asyncio

import pytest

from tests.support.origin import Arrived, answering
from tests.support.processes import simulator
from tests.support.stack import ghproxy_before, ok, play, request, stack

SMUGGLED = b"GET /simulator/echo/smuggled HTTP/1.1\r\nHost: a\r\nUser-Agent: s\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
AGENT = b"User-Agent: test/1\r\n"


def post(*lines, target=b"/simulator/echo", host=b"Host: a"):
    head = [b"POST " + target + b" HTTP/1.1", *([host] if host else []), b"User-Agent: s"]
    return b"\r\n".join([*head, *lines, b"", b""])


def get(target, *lines, version=b"HTTP/1.1"):
    head = [b"GET " + target + b" " + version, b"Host: a", b"User-Agent: s"]
    return b"\r\n".join([*head, *lines, b"", b""])


def chunks(first):
    return post(CHUNKED) + first


REFUSED = {
    # two ideas of where the content ends
    "CL.TE": (400, post(b"Content-Length: 6", CHUNKED) + b"0\r\n\r\nG" + SMUGGLED),
    "TE.CL": (400, post(CHUNKED, b"Content-Length: 4") + b"5c\r\n" + SMUGGLED + b"\r\n0\r\n\r\n"),
    "CL.CL": (400, post(b"Content-Length: 0", b"Content-Length: 62") + SMUGGLED),
    "the same length twice": (400, post(b"Content-Length: 2", b"Content-Length: 2") + b"{}"),
    "a list of lengths": (400, post(b"Content-Length: 2, 2") + b"{}"),
    "a signed length": (400, post(b"Content-Length: +2") + b"{}"),
    "a negative length": (400, post(b"Content-Length: -2") + b"{}"),
    "a hexadecimal length": (400, post(b"Content-Length: 0x2") + b"{}"),
    "an empty length": (400, post(b"Content-Length: ") + SMUGGLED),
    "a length with a space in it": (400, post(b"Content-Length: 1 0") + SMUGGLED),
    "an endless length": (400, post(b"Content-Length: " + b"9" * 30) + SMUGGLED),
    "TE.TE, two lines": (400, post(CHUNKED, b"Transfer-Encoding: x") + b"0\r\n\r\n" + SMUGGLED),
    "TE.TE, chunked twice": (400, post(CHUNKED, CHUNKED) + b"0\r\n\r\n" + SMUGGLED),
    "TE.TE, a list": (400, post(CHUNKED + b", identity") + b"0\r\n\r\n" + SMUGGLED),
    "TE.TE, gzip": (400, post(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n" + SMUGGLED),
    "TE.TE, identity": (400, post(b"Transfer-Encoding: identity") + SMUGGLED),
    "TE.TE, a prefix": (400, post(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n" + SMUGGLED),
    "TE.TE, a parameter": (400, post(CHUNKED + b";q=1") + b"0\r\n\r\n" + SMUGGLED),
    "TE.TE, a tab": (400, post(b"Transfer-Encoding:\tchunked") + b"0\r\n\r\n" + SMUGGLED),
    "TE.TE, a vertical tab": (400, post(b"Transfer-Encoding: \x0bchunked") + SMUGGLED),
    "TE.TE, quotes": (400, post(b'Transfer-Encoding: "chunked"') + b"0\r\n\r\n" + SMUGGLED),
    "TE.TE, a space before the colon": (400, post(b"Transfer-Encoding : chunked") + SMUGGLED),
    "TE.TE, folded": (400, post(b"Transfer-Encoding:\r\n chunked") + b"0\r\n\r\n" + SMUGGLED),
    "TE.TE, behind a bare LF": (400, post(b"X: x\n" + CHUNKED) + b"0\r\n\r\n" + SMUGGLED),
    "TE.TE, behind a bare CR": (400, post(b"X: x\r" + CHUNKED) + b"0\r\n\r\n" + SMUGGLED),
    "chunked in HTTP/1.0": (
        400, post(CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n" + SMUGGLED),
    "an upgrade with content": (
        400, post(b"Connection: upgrade", b"Upgrade: h2c", b"Content-Length: 62") + SMUGGLED),
    # chunks that are none
    "a chunk size with a sign": (400, chunks(b"+2\r\n{}\r\n0\r\n\r\n" + SMUGGLED)),
    "a chunk size with 0x": (400, chunks(b"0x2\r\n{}\r\n0\r\n\r\n" + SMUGGLED)),
    "a chunk size after a space": (400, chunks(b" 2\r\n{}\r\n0\r\n\r\n" + SMUGGLED)),
    "a chunk size before a bare LF": (400, chunks(b"2\n{}\r\n0\r\n\r\n" + SMUGGLED)),
    "a chunk size before a bare CR": (400, chunks(b"2\r{}\r\n0\r\n\r\n" + SMUGGLED)),
    "an empty chunk size": (400, chunks(b"\r\n{}\r\n0\r\n\r\n" + SMUGGLED)),
    "a chunk size that overflows": (400, chunks(b"1" + b"0" * 16 + b"2\r\n{}" + SMUGGLED)),
    "a chunk longer than it says": (400, chunks(b"2\r\n{}}\r\n0\r\n\r\n" + SMUGGLED)),
    "a chunk without a line end": (400, chunks(b"2\r\n{}0\r\n\r\n" + SMUGGLED)),
    "a chunk extension with a bare LF": (400, chunks(b"2;a\n\r\n{}\r\n0\r\n\r\n" + SMUGGLED)),
    # lines that are none
    "line ends of LF": (400, get(b"/simulator/echo").replace(b"\r\n", b"\n")),
    "a bare LF before a field": (400, get(b"/simulator/echo", b"X: x\nY: y")),
    "a bare CR in a field": (400, get(b"/simulator/echo", b"X: x\rY: y")),
    "a NUL in a field": (400, get(b"/simulator/echo", b"X: x\0y")),
    "a folded field": (400, get(b"/simulator/echo", b"X: x\r\n y")),
    "a name with a space": (400, get(b"/simulator/echo", b"X Y: x")),
    "a line without a colon": (400, get(b"/simulator/echo", b"X")),
    "an empty name": (400, get(b"/simulator/echo", b": x")),
    "a space before the first field": (
        400, b"GET /simulator/echo HTTP/1.1\r\n X: x\r\nHost: a\r\n\r\n"),
    # hosts and credentials
    "two Hosts": (400, get(b"/simulator/echo", b"Host: b")),
    "the same Host twice": (400, get(b"/simulator/echo", b"host: a")),
    "no Host": (400, post(b"Content-Length: 0", host=None)),
    "a Host with a path": (400, post(b"Content-Length: 0", host=b"Host: a/b")),
    "a Host with a user": (400, post(b"Content-Length: 0", host=b"Host: a@b")),
    "a Host list": (400, post(b"Content-Length: 0", host=b"Host: a, b")),
    "an empty Host": (400, post(b"Content-Length: 0", host=b"Host:")),
    "two Authorizations": (
        400, get(b"/simulator/echo", b"Authorization: Bearer a", b"Authorization: Bearer b")),
    "Authorization nominated": (
        400, get(b"/simulator/echo", b"Authorization: Bearer a", b"Connection: Authorization")),
    "Authorization nominated in a list": (
        400, get(b"/simulator/echo", b"Authorization: x", b"Connection: close,\tauthorization ,")),
    "Authorization nominated on the second line": (
        400, get(b"/simulator/echo", b"Connection: keep-alive", b"connection: AUTHORIZATION")),
    "Host nominated": (400, get(b"/simulator/echo", b"Connection: host")),
    "Content-Length nominated": (
        400, post(b"Content-Length: 62", b"Connection: content-length") + SMUGGLED),
    # targets
    "a target without a slash": (400, get(b"simulator/echo")),
    "an asterisk": (400, get(b"*")),
    "a fragment": (400, get(b"/simulator/echo#x")),
    "a space in the target": (400, get(b"/simulator/echo x")),
    "a tab in the target": (400, get(b"/simulator/echo\tx")),
    "a NUL in the target": (400, get(b"/simulator/echo\0x")),
    "a byte beyond ASCII in the target": (400, get(b"/simulator/echo/\xc3\xa9")),
    "a CR in the target": (400, get(b"/simulator/echo\rX: y")),
    "an authority as the target": (400, get(b"gateway:80")),
    "another scheme": (400, get(b"ftp://a/simulator/echo")),
    "an absolute form with a user": (400, get(b"http://a@b/simulator/echo")),
    "an absolute form without a host": (400, get(b"http:///simulator/echo")),
    # methods, versions, sizes
    "CONNECT": (405, b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED),
    "TRACE": (405, b"TRACE /simulator/echo HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED),
    "HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/1.2": (505, get(b"/simulator/echo", version=b"HTTP/1.2")),
    "HTTP/0.9": (400, b"GET /simulator/echo\r\n\r\n"),
    "a head too large": (431, get(b"/simulator/echo", b"X: " + b"x" * 70_000)),
    "too many fields": (431, get(b"/simulator/echo", *[b"X: x"] * 201)),
    "a target too long": (414, get(b"/simulator/echo?" + b"x" * 17_000)),
}  # fmt: skip


@pytest.fixture(scope="module")
def github():
    with simulator() as program:
        yield program


@pytest.fixture(scope="module")
def shared(github):
    with ghproxy_before(github) as house:
        yield house


@pytest.fixture
def house(github, shared):
    github.forget()
    return shared


@pytest.mark.parametrize("pieces", ["at once", "byte by byte"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_two_meanings_never_reaches_github(github, house, name, pieces):
    status, data = REFUSED[name]

    async def scene():
        async with house.connected() as client:
            if pieces == "at once":
                client.write(data)
            else:
                await _write_slowly(client, data[:600])
                client.write(data[600:])
            reply = await client.reply()
            assert reply.status == status
            assert reply.values(b"connection") == [b"close"]
            assert await client.end() == b"", "something follows the refusal"
        after = await house.ask("/simulator/echo/after")
        assert after.status == 200

    play(scene())
    assert [entry["target"] for entry in github.journal()] == ["/simulator/echo/after"]


async def _write_slowly(client, data):
    for position in range(len(data)):
        client.write(data[position : position + 1])
        if position % 16 == 0:
            await asyncio.sleep(0)


def test_a_refused_request_after_a_good_one_takes_nothing_with_it(github, house):
    async def scene():
        async with house.connected() as client:
            client.write(get(b"/simulator/echo/first") + REFUSED["CL.TE"][1])
            assert (await client.reply()).status == 200
            assert (await client.reply()).status == 400
            assert await client.end() == b""

    play(scene())
    assert [entry["target"] for entry in github.journal()] == ["/simulator/echo/first"]


@pytest.mark.parametrize("method", [b"POST", b"GET", b"DELETE"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_request_inside_content_stays_content(github, house, method, framing):
    """CL.0 and its kin: an origin that ignores the content would take it for a request."""
    data = request(b"/simulator/echo/outer", method=method.decode(), content=SMUGGLED)
    if framing == "chunked":
        data = request(b"/simulator/echo/outer", CHUNKED, method=method.decode())
        data += b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)

    async def scene():
        async with house.connected() as client:
            for _ in range(3):
                client.write(data)
                reply = await client.reply()
                assert (reply.status, reply.echo["content_bytes"]) == (200, len(SMUGGLED))

    play(scene())
    arrived = [(one["target"], one["content_bytes"]) for one in github.journal()]
    assert arrived == [("/simulator/echo/outer", len(SMUGGLED))] * 3


def test_pipelined_requests_are_answered_in_order_each_with_its_own_answer(github, house):
    targets = [f"/simulator/echo/{number}" for number in range(30)]
    github.control("POST", "/holds", {"path": "/simulator/echo/0"})

    async def scene():
        async with house.connected() as client:
            pipeline = []
            for number, target in enumerate(targets):
                content = b"{%d}" % number if number % 2 else b""
                method = "POST" if number % 2 else "GET"
                pipeline.append(request(target, method=method, content=content))
            client.write(b"".join(pipeline))
            await asyncio.to_thread(github.control, "GET", "/holds?held=1")
            await asyncio.to_thread(github.control, "DELETE", "/holds")
            for target in targets:
                reply = await client.reply()
                assert (reply.status, reply.echo["target"]) == (200, target)

    play(scene())
    assert [entry["target"] for entry in github.journal()] == targets


def test_zero_length_content_is_followed_by_the_next_request(github, house):
    async def scene():
        async with house.connected() as client:
            client.write(post(b"Content-Length: 0") + SMUGGLED)
            for _ in range(2):
                assert (await client.reply()).status == 200

    play(scene())
    arrived = [(one["method"], one["target"]) for one in github.journal()]
    assert arrived == [("POST", "/simulator/echo"), ("GET", "/simulator/echo/smuggled")]


def head_as_sent(log):
    """The head of the last request, with the origin's own port taken out."""
    lines = log[-1].head.split(b"\r\n")
    return [line for line in lines if line and not line.lower().startswith(b"host:")]


TARGETS = [
    b"/repos/acme/anvil/contents/a%2Fb%2fc", b"/a/../b", b"/a/./b/..", b"/..", b"//double//slash",
    b"//evil.example/x", b"/x?labels[]=1&labels%5B%5D=2", b"/x?", b"/x??a=?", b"/x?a=b?c", b"/%",
    b"/%zz", b"/;p=1;q", b"/a\\b", b"/\"<>^`{|}'", b"/x%0d%0aX-Injected:%201", b"/x%00",
    b"/?u=http://b//c", b"/*", b"/@", b"/:80", b"/+%20+", b"/caf%C3%A9", b"/~user/", b"/x&y=1",
]  # fmt: skip


@pytest.mark.parametrize("base_path", [b"", b"/api/v3"])
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_targets_arrive_byte_for_byte(method, base_path):
    log: list[Arrived] = []

    async def scene():
        origin = answering(ok(b"{}", b'ETag: "t"'), log=log)
        async with stack(origin, base_path=base_path.decode()) as house:
            for target in TARGETS:
                reply = await house.ask(target, method=method.decode())
                assert reply.status == 200
                assert log[-1].line == b"%s %s%s HTTP/1.1" % (method, base_path, target)
            assert len(log) == len(TARGETS), "two of them were taken for one"

    play(scene())


@pytest.mark.parametrize("form", [b"http://evil.example%s", b"HTTPS://evil.example:8443%s"])
def test_an_absolute_form_gives_its_path_and_nothing_more(form):
    log: list[Arrived] = []

    async def scene():
        async with stack(answering(ok(), log=log)) as house:
            for target, arrives in (
                (b"/a/../b?c=%2F", b"/a/../b?c=%2F"),
                (b"?q", b"/?q"),
                (b"", b"/"),
            ):
                async with house.connected() as client:
                    client.write(get(form % target))
                    assert (await client.reply()).status == 200
                assert log[-1].line == b"GET " + arrives + b" HTTP/1.1"
                assert log[-1].values(b"host") == [b"127.0.0.1:%d" % house.origin_port]

    play(scene())


HOP_BY_HOP = [
    b"Connection: keep-alive, X-Nominated", b"X-Nominated: secret", b"Keep-Alive: timeout=5",
    b"Proxy-Connection: keep-alive", b"Proxy-Authorization: Basic c2VjcmV0", b"TE: trailers",
    b"Trailer: X-T", b"Upgrade: websocket",
]  # fmt: skip
FORWARDING = [
    b"Forwarded: for=1.2.3.4", b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-Host: evil",
    b"X-Forwarded-Proto: https", b"x-forwarded-anything: 1", b"X-Real-IP: 1.2.3.4",
    b"X-HTTP-Method-Override: DELETE", b"X-HTTP-Method: DELETE", b"X-Method-Override: DELETE",
    b"X-Original-URL: /admin", b"X-Rewrite-URL: /admin",
    b"X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER: bot", b"Expect: 100-continue",
]  # fmt: skip
KEPT = [
    b"Authorization: Bearer  two  spaces;\xe9~", b"Accept: application/vnd.github+json",
    b"Accept: text/html;q=0.1", b"X-GitHub-Api-Version: 2022-11-28", b"X-Custom: a, b",
    b"X-Custom: c", b"X-Empty:", b"Cookie: a=b", b"From: a@b", b"X-Forward: kept",
]  # fmt: skip


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_fields_arrive_as_sent_but_for_those_that_speak_to_us(method):
    log: list[Arrived] = []
    lines = [*HOP_BY_HOP, *KEPT, *FORWARDING]

    async def scene():
        async with stack(answering(ok(), log=log)) as house:
            content = b"{}" if method == b"POST" else b""
            async with house.connected() as client:
                client.write(request(b"/x", *lines, method=method.decode(), content=content))
                reply = await client.reply()
                reply = await client.reply() if reply.status == 100 else reply
                assert reply.status == 200
        ends = [b"content-length: 2"] if content else []
        expected = [b"user-agent: test/1", *map(_lowered, KEPT), *ends]
        assert [_lowered(line) for line in head_as_sent(log)[1:]] == expected
        assert len(log[-1].values(b"host")) == 1
        assert log[-1].content == content

    play(scene())


def _lowered(line):
    name, _, value = line.partition(b":")
    return name.lower() + b": " + value.strip(b" ")


def test_a_bare_get_goes_on_with_nothing_but_what_the_cache_needs():
    log: list[Arrived] = []

    async def scene():
        async with stack(answering(ok(b"{}", b'ETag: "t"'), log=log)) as house:
            for _ in range(2):
                assert (await house.ask("/x", b"Authorization: token a")).status == 200
        wanted = [b"user-agent: test/1", b"authorization: token a", b"accept-encoding: gzip"]
        assert list(map(_lowered, head_as_sent(log[:1])[1:])) == wanted
        assert list(map(_lowered, head_as_sent(log)[1:])) == [*wanted, b'if-none-match: "t"']

    play(scene())


@pytest.mark.parametrize(
    "value",
    [b"token ghx_1", b"Bearer a.b-c_d", b"Basic dXNlcjp0b2tlbg==", b"bearer x", b"x", b"\xe9",
     b'Weird realm="a, b", c=d', b"Bearer a\tb"],
)  # fmt: skip
def test_authorization_arrives_unchanged(value):
    log: list[Arrived] = []

    async def scene():
        async with stack(answering(ok(b"{}", b'ETag: "t"'), log=log)) as house:
            for method in ("GET", "GET", "POST", "HEAD", "DELETE"):
                answer = await house.ask("/x", b"Authorization: " + value, method=method)
                assert answer.status == 200
        assert [arrived.values(b"authorization") for arrived in log] == [[value]] * 5

    play(scene())


def test_two_clients_on_one_upstream_connection_never_see_each_others_answers(github, house):
    async def client(number):
        async with house.connected() as one:
            for turn in range(20):
                target = f"/simulator/echo/{number}/{turn}"
                one.write(request(target, b"X-Number: %d" % number, method="POST", content=b"{}"))
                reply = await one.reply()
                assert reply.echo["target"] == target
                assert ["x-number", str(number)] in reply.echo["fields"]

    async def scene():
        await asyncio.gather(*map(client, range(20)))

    play(scene())
    assert len(github.journal()) == 400
