"""What a client may send: every case over a raw socket against the real server."""

import asyncio

import pytest

from ghproxy.web.errors import Fault
from ghproxy.web.hygiene import Limits
from tests.support.raw_http import Reply, echo, play, serving

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMALL = Limits(head_bytes=4096, target_bytes=1024, fields=10, head_seconds=0.2, linger_seconds=0.2)

REFUSED = {
    # request line
    "bare LF after the request line": (b"GET / HTTP/1.1\nHost: a\n\n", Fault.REQUEST_LINE),
    "bare CR after the request line": (b"GET / HTTP/1.1\rHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "HTTP/0.9": (b"GET /\r\n", Fault.REQUEST_LINE),
    "two spaces": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "two spaces behind": (b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "space behind the version": (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "tabs between": (b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "a leading space": (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "a leading LF": (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "two empty lines before": (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "a space in the target": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "a tab in the target": (b"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "NUL in the target": (b"GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "DEL in the target": (b"GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "raw UTF-8 in the target": (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "lower-case protocol": (b"GET / http/1.1\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "RTSP": (b"GET / RTSP/1.0\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "ICE": (b"SOURCE / ICE/1.0\r\nHost: a\r\n\r\n", Fault.REQUEST_LINE),
    "TLS ClientHello": (bytes.fromhex("16030100c8010000c40303") + bytes(60), Fault.REQUEST_LINE),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", Fault.REQUEST_LINE),
    "garbage": (b"\xff\xfe\x00garbage", Fault.REQUEST_LINE),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Fault.VERSION),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", Fault.VERSION),
    "HTTP/2": (b"GET / HTTP/2\r\nHost: a\r\n\r\n", Fault.VERSION),
    "HTTP/11.1": (b"GET / HTTP/11.1\r\nHost: a\r\n\r\n", Fault.VERSION),
    "version 0.9 spelled out": (b"GET / HTTP/0.9\r\n\r\n", Fault.VERSION),
    # method
    "CONNECT": (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", Fault.METHOD_REFUSED),
    "CONNECT with a path": (b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", Fault.METHOD_REFUSED),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", Fault.METHOD_REFUSED),
    "an unknown method": (b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", Fault.METHOD_UNKNOWN),
    "a lower-case method": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", Fault.METHOD_UNKNOWN),
    # target
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Fault.TARGET),
    "no leading slash": (b"GET foo HTTP/1.1\r\nHost: a\r\n\r\n", Fault.TARGET),
    "only a query": (b"GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", Fault.TARGET),
    "authority form": (b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", Fault.TARGET),
    "a fragment": (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Fault.TARGET),
    "a fragment in absolute form": (b"GET http://a/#b HTTP/1.1\r\nHost: a\r\n\r\n", Fault.TARGET),
    "another scheme": (b"GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n", Fault.TARGET),
    "user information": (b"GET http://u:p@a/b HTTP/1.1\r\nHost: a\r\n\r\n", Fault.TARGET),
    "no authority": (b"GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", Fault.TARGET),
    # field lines
    "bare LF in the fields": (GET + b"X: y\nZ: z\r\n\r\n", Fault.FIELD_LINE),
    "bare LF in the fields of half a head": (GET + b"X: y\n", Fault.FIELD_LINE),
    "bare LF at the end": (GET + b"\n", Fault.FIELD_LINE),
    "bare CR in a value": (GET + b"X: a\rY: b\r\n\r\n", Fault.FIELD_LINE),
    "bare CR in a name": (GET + b"X\r: a\r\n\r\n", Fault.FIELD_LINE),
    "bare CR before a value": (GET + b"X:\r a\r\n\r\n", Fault.FIELD_LINE),
    "a folded line": (GET + b"X: a\r\n b\r\n\r\n", Fault.FIELD_LINE),
    "a line folded with a tab": (GET + b"X: a\r\n\tb\r\n\r\n", Fault.FIELD_LINE),
    "a folded empty value": (GET + b"X:\r\n b\r\n\r\n", Fault.FIELD_LINE),
    "a folded first line": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", Fault.FIELD_LINE),
    "a space before the colon": (GET + b"X : a\r\n\r\n", Fault.FIELD_LINE),
    "a tab before the colon": (GET + b"X\t: a\r\n\r\n", Fault.FIELD_LINE),
    "no colon": (GET + b"X\r\n\r\n", Fault.FIELD_LINE),
    "an empty name": (GET + b": a\r\n\r\n", Fault.FIELD_LINE),
    "a space in a name": (GET + b"X Y: a\r\n\r\n", Fault.FIELD_LINE),
    "NUL in a name": (GET + b"X\0: a\r\n\r\n", Fault.FIELD_LINE),
    "a bracket in a name": (GET + b"X(: a\r\n\r\n", Fault.FIELD_LINE),
    "a high byte in a name": (GET + b"X\xff: a\r\n\r\n", Fault.FIELD_LINE),
    "NUL in a value": (GET + b"X: a\0b\r\n\r\n", Fault.FIELD_LINE),
    "SOH in a value": (GET + b"X: a\x01b\r\n\r\n", Fault.FIELD_LINE),
    "SOH before a value": (GET + b"X: \x01b\r\n\r\n", Fault.FIELD_LINE),
    "VT in a value": (GET + b"X: a\x0bb\r\n\r\n", Fault.FIELD_LINE),
    "DEL in a value": (GET + b"X: a\x7fb\r\n\r\n", Fault.FIELD_LINE),
    # Host, Authorization, Connection
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", Fault.HOST_MISSING),
    "two Hosts": (GET + b"Host: a\r\n\r\n", Fault.HOST_REPEATED),
    "two Hosts in HTTP/1.0": (
        b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        Fault.HOST_REPEATED,
    ),
    "an empty Host": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", Fault.HOST_INVALID),
    "a list of Hosts": (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Fault.HOST_INVALID),
    "a Host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Fault.HOST_INVALID),
    "a Host with a user": (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Fault.HOST_INVALID),
    "a Host with a bad port": (b"GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", Fault.HOST_INVALID),
    "a Host in high bytes": (b"GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", Fault.HOST_INVALID),
    "two Authorizations": (
        GET + b"Authorization: a\r\nauthorization: b\r\n\r\n",
        Fault.AUTHORIZATION_REPEATED,
    ),
    "Connection: authorization": (
        GET + b"Connection: close, Authorization\r\n\r\n",
        Fault.CONNECTION_NOMINATES,
    ),
    "Connection: host": (GET + b"Connection: HOST\r\n\r\n", Fault.CONNECTION_NOMINATES),
    "Connection: content-length in a second line": (
        GET + b"Connection: keep-alive\r\nConnection: content-length\r\n\r\n",
        Fault.CONNECTION_NOMINATES,
    ),
    "Connection: transfer-encoding": (
        GET + b"Connection: ,\ttransfer-encoding ,\r\n\r\n",
        Fault.CONNECTION_NOMINATES,
    ),
    # Content-Length and Transfer-Encoding
    "length and chunks": (
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Fault.FIELD_LINE,
    ),
    "chunks and length": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        Fault.FIELD_LINE,
    ),
    "two equal lengths": (
        POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        Fault.FIELD_LINE,
    ),
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", Fault.FIELD_LINE),
    "a list of lengths": (POST + b"Content-Length: 3, 3\r\n\r\nabc", Fault.FIELD_LINE),
    "a signed length": (POST + b"Content-Length: +3\r\n\r\nabc", Fault.FIELD_LINE),
    "a negative length": (POST + b"Content-Length: -3\r\n\r\nabc", Fault.FIELD_LINE),
    "a hexadecimal length": (POST + b"Content-Length: 0x3\r\n\r\nabc", Fault.FIELD_LINE),
    "an empty length": (POST + b"Content-Length: \r\n\r\nabc", Fault.FIELD_LINE),
    "a length in two parts": (POST + b"Content-Length: 1 2\r\n\r\nabc", Fault.FIELD_LINE),
    "a length of 24 digits": (
        POST + b"Content-Length: " + b"9" * 24 + b"\r\n\r\n",
        Fault.FIELD_LINE,
    ),
    "a length of 16 digits": (
        POST + b"Content-Length: 1" + b"0" * 15 + b"\r\n\r\n",
        Fault.CONTENT_LENGTH,
    ),
    "a length behind a tab": (POST + b"Content-Length:\t3\r\n\r\nabc", Fault.CONTENT_LENGTH),
    "a length before a tab": (POST + b"Content-Length: 3\t\r\n\r\nabc", Fault.CONTENT_LENGTH),
    "a length on GET that is bad": (GET + b"Content-Length: 3x\r\n\r\nabc", Fault.FIELD_LINE),
    "gzip, chunked": (
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        Fault.TRANSFER_ENCODING,
    ),
    "gzip and chunked in two lines": (
        POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Fault.TRANSFER_ENCODING,
    ),
    "chunked behind a tab": (
        POST + b"Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
        Fault.TRANSFER_ENCODING,
    ),
    "chunked before a tab": (
        POST + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
        Fault.FIELD_LINE,
    ),
    "chunked in HTTP/1.0": (
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Fault.TRANSFER_ENCODING,
    ),
    "chunked, chunked": (
        POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        Fault.FIELD_LINE,
    ),
    "chunked twice": (
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Fault.FIELD_LINE,
    ),
    "identity": (POST + b"Transfer-Encoding: identity\r\n\r\n", Fault.FIELD_LINE),
    "xchunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n", Fault.FIELD_LINE),
    "chunkedx": (POST + b"Transfer-Encoding: chunkedx\r\n\r\n", Fault.FIELD_LINE),
    "chunked behind VT": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", Fault.FIELD_LINE),
    "an empty Transfer-Encoding": (POST + b"Transfer-Encoding:\r\n\r\n", Fault.FIELD_LINE),
    "an upgrade with content": (
        POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
        Fault.UPGRADE_WITH_CONTENT,
    ),
}

BAD_CHUNKS = {
    "a negative size": b"-1\r\nabc\r\n0\r\n\r\n",
    "a size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a signed size": b"+3\r\nabc\r\n0\r\n\r\n",
    "a size of 16 digits": b"f" * 16 + b"\r\nabc\r\n0\r\n\r\n",
    "an endless size": b"0" * 5000,
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "a space before the size": b" 3\r\nabc\r\n0\r\n\r\n",
    "a space behind the size": b"3 \r\nabc\r\n0\r\n\r\n",
    "LF behind the size": b"3\nabc\r\n0\r\n\r\n",
    "CR behind the size": b"3\rabc\r\n0\r\n\r\n",
    "no line end behind the data": b"3\r\nabc0\r\n\r\n",
    "more data than stated": b"3\r\nabcd\r\n0\r\n\r\n",
    "LF behind the data": b"3\r\nabc\n0\r\n\r\n",
    "an empty extension": b"3;\r\nabc\r\n0\r\n\r\n",
    "NUL in an extension": b"3;a=\0\r\nabc\r\n0\r\n\r\n",
    "CR in an extension": b"3;a=\rb\r\nabc\r\n0\r\n\r\n",
    "LF in an extension": b"3;a=b\nabc\r\n0\r\n\r\n",
    "a line end in a quoted extension": b'3;a="\r\nabc\r\n0\r\n\r\n',
    "a long extension": b"3;a=" + b"b" * 4200 + b"\r\nabc\r\n0\r\n\r\n",
    "an endless extension": b"3;a=" + b"b" * 4200,
    "many extensions": (b"1;a=" + b"b" * 60 + b"\r\nx\r\n") * 100 + b"0\r\n\r\n",
    "LF behind the last chunk": b"0\r\n\n",
    "a trailer without a colon": b"0\r\nfoo\r\n\r\n",
    "a trailer with a folded line": b"0\r\nfoo: a\r\n b\r\n\r\n",
    "a length in the trailers": b"0\r\nContent-Length: 3\r\n\r\n",
    "chunked in the trailers": b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a credential in the trailers": b"0\r\nAuthorization: token x\r\n\r\n",
    "endless trailers": b"0\r\n" + b"a: b\r\n" * 3000,
}


def assert_is_refusal(reply: Reply, fault: Fault, rest: bytes) -> None:
    assert reply.values(b"connection") == [b"close"], "a refused request closes the connection"
    assert reply.values(b"content-type") == [b"application/json; charset=utf-8"]
    assert reply.echo["status"] == str(reply.status)
    assert reply.echo["documentation_url"].startswith("https://")
    assert reply.echo["message"]
    assert rest == b"", "nothing may follow the answer to a refused request"
    assert reply.values(b"proxy-status")[0].startswith(b"ghproxy; error=")
    expected = {Fault.VERSION: 505, Fault.METHOD_REFUSED: 405, Fault.METHOD_UNKNOWN: 501}
    assert reply.status == expected.get(fault, 400)


@pytest.mark.parametrize(("data", "fault"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_single_meaning_is_refused_and_the_connection_closed(
    data: bytes, fault: Fault
) -> None:
    async def scene() -> None:
        async with serving(app=never) as server:
            reply, rest = await server.exchange(data)
            assert_is_refusal(reply, fault, rest)
            assert server.refused == {fault: 1}

    play(scene())


async def never(_scope: object, _receive: object, _send: object) -> None:
    raise AssertionError("a refused request reached the application")


@pytest.mark.parametrize("chunks", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_broken_chunks_are_refused_and_what_follows_is_no_request(chunks: bytes) -> None:
    async def scene() -> None:
        async with serving() as server:
            reply, rest = await server.exchange(CHUNKED + chunks + GET + b"\r\n")
            assert_is_refusal(reply, Fault.CHUNK, rest)

    play(scene())


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"//",
        b"//evil.example/a",
        b"/a/../b/./c",
        b"/a%2Fb%2f..%2e",
        b"/a?",
        b"/a??",
        b"/a?b?c=/d",
        b"/search?q[]=a&q[]=b",
        b'/repos/a/b/contents/[x]{y}|^`"<>\\',
        b"/%00%0d%0a",
        b"/a;b=c,d:e@f!$&'()*+",
        b"/?page=1&amp;x",
        b"/*",
    ],
)
def test_a_target_arrives_byte_for_byte(target: bytes) -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            client.write(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            seen = (await client.reply()).echo
            assert seen["target"].encode("latin-1") == target
            raw_path, mark, query = target.partition(b"?")
            assert seen["raw_path"].encode("latin-1") == raw_path
            assert seen["query_string"].encode("latin-1") == query
            assert (mark == b"?") is ("?" in seen["target"])

    play(scene())


@pytest.mark.parametrize(
    ("target", "origin_form"),
    [
        (b"http://x.example/a%2Fb?c", "/a%2Fb?c"),
        (b"HTTPS://x.example:8080//a/../b?", "//a/../b?"),
        (b"http://x.example", "/"),
        (b"http://x.example?q=1", "/?q=1"),
        (b"http://[::1]:80/a", "/a"),
    ],
)
def test_of_an_absolute_target_only_path_and_query_count(target: bytes, origin_form: str) -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            client.write(b"GET " + target + b" HTTP/1.1\r\nHost: other\r\n\r\n")
            assert (await client.reply()).echo["target"] == origin_form

    play(scene())


@pytest.mark.parametrize(
    "host",
    [b"a", b"a:80", b"a:", b"127.0.0.1:8888", b"[::1]", b"[::1]:80", b"my_proxy.svc", b"A-b"],
)
def test_a_host_that_names_a_host_passes(host: bytes) -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            client.write(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            assert ["host", host.decode()] in (await client.reply()).echo["fields"]

    play(scene())


def test_fields_arrive_in_order_with_duplicates_and_without_the_space_around_values() -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            client.write(GET + b"X-A: 1 \t\r\nx-b:\t 2  3\r\nX-A: \xff\tz\r\nX-C:\r\n\r\n")
            assert (await client.reply()).echo["fields"] == [
                ["host", "a"],
                ["x-a", "1"],
                ["x-b", "2  3"],
                ["x-a", "\xff\tz"],
                ["x-c", ""],
            ]

    play(scene())


@pytest.mark.parametrize(
    ("framing", "content"),
    [
        (b"Content-Length: 3\r\n\r\nabc", "abc"),
        (b"Content-Length: 0003\r\n\r\nabc", "abc"),
        (b"Content-Length: 0\r\n\r\n", ""),
        (b"transfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc"),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""),
        (
            (
                b'Transfer-Encoding: chunked\r\n\r\n1;a="\\";b"\r\na\r\n00A;c\r\nbbbbbbbbbb\r\n'
                b"0;d=e\r\nT: x\r\n\r\n"
            ),
            "abbbbbbbbbb",
        ),
    ],
)
@pytest.mark.parametrize("method", [b"POST", b"GET", b"DELETE"])
def test_content_ends_where_it_says_and_the_next_request_is_understood(
    framing: bytes, content: str, method: bytes
) -> None:
    async def scene() -> None:
        first = method + b" /1 HTTP/1.1\r\nHost: a\r\n" + framing
        async with serving() as server:
            for cut in range(len(first) + 1):  # however the bytes are cut
                async with server.client() as client:
                    client.write(first[:cut])
                    await client.writer.drain()
                    client.write(first[cut:] + b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
                    one, two = (await client.reply()).echo, (await client.reply()).echo
                    assert (one["target"], one["content"]) == ("/1", content)
                    assert (two["target"], two["content"]) == ("/2", "")

    play(scene())


def test_trailers_and_extensions_never_reach_the_application() -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            client.write(CHUNKED + b"1;secret=1\r\nx\r\n0\r\nX-Late: 1\r\nCookie: a\r\n\r\n")
            fields = (await client.reply()).echo["fields"]
            assert fields == [["host", "a"], ["transfer-encoding", "chunked"]]

    play(scene())


def test_http_10_is_served_without_chunks_and_closed() -> None:
    async def streaming(_scope: object, _receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        for more in (True, False):
            await send({"type": "http.response.body", "body": b"part", "more_body": more})  # type: ignore[operator]

    async def scene() -> None:
        async with serving(streaming) as server:
            reply, rest = await server.exchange(b"GET / HTTP/1.0\r\n\r\n")
            assert reply.content == b"partpart"
            assert not reply.values(b"transfer-encoding")
            assert reply.values(b"connection") == [b"close"]
            assert rest == b""
        async with serving() as server:
            reply, _ = await server.exchange(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert reply.echo["http_version"] == "1.0"

    play(scene())


def test_one_empty_line_before_a_request_is_forgiven() -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            for data in (b"\r\n" + GET + b"\r\n", b"\r", b"\n" + GET, b"\r\n", b"\r\n"):
                client.write(data)
                await client.writer.drain()
            for _ in range(2):
                assert (await client.reply()).status == 200
            assert not server.refused

    play(scene())


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_an_upgrade_is_answered_as_an_ordinary_request_and_the_connection_stays(
    protocol: bytes,
) -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            upgrade = GET + b"Connection: upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n"
            client.write(upgrade + GET + b"\r\n" + upgrade)
            for _ in range(3):
                assert (await client.reply()).status == 200

    play(scene())


@pytest.mark.parametrize("rest", [b"\r\n", b"x: \n"])
def test_a_refused_head_request_is_answered_without_content(rest: bytes) -> None:
    async def scene() -> None:
        async with serving() as server, server.client() as client:
            client.write(b"HEAD / HTTP/1.1\r\n" + rest)
            head = await client.end()
            assert head.startswith(b"HTTP/1.1 400 ")
            assert head.endswith(b"\r\n\r\n")

    play(scene())


def test_connect_is_told_what_is_allowed() -> None:
    async def scene() -> None:
        async with serving() as server:
            reply, _ = await server.exchange(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n")
            assert reply.values(b"allow") == [b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]

    play(scene())


# Limits


@pytest.mark.parametrize(
    ("data", "status", "fault"),
    [
        (b"GET /" + b"a" * 1024 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, Fault.TARGET_TOO_LONG),
        (b"GET /" + b"a" * 9000, 414, Fault.TARGET_TOO_LONG),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, Fault.TARGET_TOO_LONG),
        (b"G" * 9000, 414, Fault.TARGET_TOO_LONG),
        (GET + b"X: " + b"a" * 4096 + b"\r\n\r\n", 431, Fault.HEAD_TOO_LARGE),
        (GET + b"X: " + b"a" * 9000, 431, Fault.HEAD_TOO_LARGE),
        (GET + b"X" * 9000, 431, Fault.HEAD_TOO_LARGE),
        (GET + b"X: a\r\n" * 900, 431, Fault.HEAD_TOO_LARGE),
        (GET + b"X: a\r\n" * 10 + b"\r\n", 431, Fault.TOO_MANY_FIELDS),
    ],
)
def test_what_is_too_large_is_refused(data: bytes, status: int, fault: Fault) -> None:
    async def scene() -> None:
        async with serving(never, SMALL) as server:
            reply, _ = await server.exchange(data)
            assert reply.status == status
            assert server.refused == {fault: 1}

    play(scene())


def test_what_is_just_within_the_limits_passes() -> None:
    async def scene() -> None:
        async with serving(limits=SMALL) as server, server.client() as client:
            client.write(b"GET /" + b"a" * 1023 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            client.write(GET + b"X: a\r\n" * 9 + b"\r\n")
            room = SMALL.head_bytes - len(GET) - len(b"X: \r\n\r\n")
            client.write(GET + b"X: " + b"a" * room + b"\r\n\r\n")
            for _ in range(3):
                assert (await client.reply()).status == 200

    play(scene())


def test_the_stated_limits_are_the_documented_ones() -> None:
    limits = Limits()
    assert (limits.head_bytes, limits.target_bytes, limits.fields) == (65_536, 16_384, 200)
    assert limits.head_seconds == 10


@pytest.mark.parametrize("half", [b"G", b"\r", GET, GET + b"X: a", GET + b"\r"])
def test_half_a_head_is_answered_408(half: bytes) -> None:
    async def scene() -> None:
        async with serving(never, SMALL) as server:
            reply, rest = await server.exchange(half)
            assert (reply.status, rest) == (408, b"")
            assert server.refused == {Fault.HEAD_TIMEOUT: 1}

    play(scene())


def test_a_dribbled_head_is_answered_408_however_often_a_byte_comes() -> None:
    async def scene() -> None:
        async with serving(never, SMALL) as server, server.client() as client:
            client.write(GET + b"X: ")
            answer = asyncio.create_task(client.reply())
            while not answer.done():
                client.write(b"a")
                await asyncio.wait([answer], timeout=SMALL.head_seconds / 20)
            assert (await answer).status == 408

    play(scene())


def test_a_slow_head_that_ends_in_time_is_served() -> None:
    async def scene() -> None:
        limits = Limits(head_seconds=5)
        async with serving(limits=limits) as server, server.client() as client:
            for byte in GET + b"X: abc\r\n\r\n":
                client.write(bytes([byte]))
                await client.writer.drain()
                await asyncio.sleep(0)
            assert ["x", "abc"] in (await client.reply()).echo["fields"]

    play(scene())


def test_an_idle_connection_is_closed_without_a_word() -> None:
    async def scene() -> None:
        limits = Limits(idle_seconds=0.05)
        async with serving(limits=limits) as server:
            async with server.client() as client:
                assert await client.end() == b""
            async with server.client() as client:
                client.write(GET + b"\r\n")
                await client.reply()
                assert await client.end() == b""
            assert not server.refused

    play(scene())


def test_a_request_in_progress_is_not_idle() -> None:
    async def scene() -> None:
        gate = asyncio.Event()

        async def gated(scope: object, receive: object, send: object) -> None:
            await gate.wait()
            await echo(scope, receive, send)

        async with (
            serving(gated, Limits(idle_seconds=0.02)) as server,
            server.client() as client,
            server.client() as idle,
        ):
            client.write(GET + b"\r\n")
            assert await idle.end() == b""  # which takes the whole idle time
            gate.set()
            assert (await client.reply()).status == 200

    play(scene())
