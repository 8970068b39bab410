"""Content of any size passes byte for byte, with flat memory and back-pressure both ways."""

import asyncio
import contextlib
import gzip
import hashlib
import http.client
import json
import random
import socket
import threading

import pytest

from tests.support.processes import ghproxy, simulator
from tests.support.stack import HOST, eventually, first, mode, ok, play, request, stack

MEGABYTE = 1_000_000
LARGE_BYTES = 100 * MEGABYTE
FLAT_BYTES = 40 * MEGABYTE
BUFFERED_BYTES = 16 * MEGABYTE
"""Far less than the content, more than was seen in the sockets on the way (7 MB)."""
BLOCK = random.Random(1).randbytes(MEGABYTE)  # noqa: S311  # the same bytes every time
GZIP = b"Accept-Encoding: gzip"


@pytest.fixture(scope="module")
def github():
    with simulator() as program:
        yield program


@pytest.fixture(scope="module")
def proxy(github):
    with ghproxy(github.url) as program:
        yield program


@contextlib.contextmanager
def flat_memory(program):
    """Fails where the process grew meanwhile; it is looked at all the time."""
    baseline, is_over = program.resident_bytes(), threading.Event()
    samples = [baseline]

    def sample():
        while not is_over.wait(0.005):
            samples.append(program.resident_bytes())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield
    finally:
        is_over.set()
        sampler.join()
    assert len(samples) > 10
    assert max(samples) - baseline < FLAT_BYTES


def downloaded(port, target, **fields):
    """Status, X-Cache-Mode, number of bytes and digest."""
    connection = http.client.HTTPConnection(HOST, port, timeout=50)
    with contextlib.closing(connection):
        connection.request("GET", target, headers={"User-Agent": "test/1", **fields})
        response = connection.getresponse()
        digest, size = hashlib.sha256(), 0
        while block := response.read(MEGABYTE):
            digest.update(block)
            size += len(block)
        return response.status, response.getheader("X-Cache-Mode"), size, digest.hexdigest()


def test_a_download_of_100_megabytes_passes_byte_for_byte_with_flat_memory(github, proxy):
    target = f"/simulator/bytes/{LARGE_BYTES}"
    _, _, size, expected = downloaded(int(github.url.rpartition(":")[2]), target)
    assert size == LARGE_BYTES
    assert downloaded(proxy.port, "/simulator/bytes/1000")[0] == 200
    with flat_memory(proxy):
        got = downloaded(proxy.port, target)
    assert got == (200, "NO-STORE", LARGE_BYTES, expected)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_upload_of_100_megabytes_passes_byte_for_byte_with_flat_memory(github, proxy, chunked):
    assert downloaded(proxy.port, "/simulator/bytes/1000")[0] == 200
    github.forget()
    digest = hashlib.sha256()
    for _ in range(100):
        digest.update(BLOCK)
    fields = {"User-Agent": "test/1"} | ({} if chunked else {"Content-Length": str(LARGE_BYTES)})
    connection = http.client.HTTPConnection(HOST, proxy.port, timeout=50)
    with contextlib.closing(connection), flat_memory(proxy):
        connection.request(
            "POST", "/simulator/echo", iter([BLOCK] * 100), fields, encode_chunked=chunked
        )
        response = connection.getresponse()
        told = json.loads(response.read())
    assert response.status == 200
    assert (told["content_bytes"], told["content_sha256"]) == (LARGE_BYTES, digest.hexdigest())
    framing = {n.lower(): v for n, v in told["fields"]}
    expected = ("transfer-encoding", "chunked") if chunked else ("content-length", str(LARGE_BYTES))
    assert expected in framing.items()
    assert len(framing.keys() & {"transfer-encoding", "content-length"}) == 1
    assert [entry["status"] for entry in github.journal()] == [200]


def narrow(writer):
    """Keep the system from buffering much on this side, so that what is counted has gone far."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, 65_536)


class Counter:
    """Bytes that went out, and how to wait until no more do."""

    def __init__(self):
        self.count = 0
        self._last = (-1, 0.0)

    def add(self, count):
        self.count += count

    def stands_still(self):
        """Whether nothing went out for a while; what moves after it is caught by what follows."""
        now = asyncio.get_running_loop().time()
        if self._last[0] != self.count:
            self._last = (self.count, now)
        return self.count > 0 and now - self._last[1] > 0.5


def test_a_client_that_reads_slowly_stops_the_transfer_from_the_origin():
    sent = Counter()

    async def origin(peer):
        await peer.request()
        narrow(peer.writer)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE_BYTES)
        for _ in range(1000):
            await peer.send(BLOCK[:100_000])
            sent.add(100_000)
        await peer.gone()  # the end of a script cuts off what its socket has not taken yet

    async def scene():
        async with stack(origin) as house, house.connected() as client:
            baseline = house.gateway.resident_bytes()
            narrow(client.writer)
            client.write(request("/large"))
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            await eventually(sent.stands_still, "the transfer was not stopped")
            assert sent.count < BUFFERED_BYTES
            await house.reaches(0)  # its slot is others' by now, the transfer still its own
            digest = hashlib.sha256(await client.reader.readexactly(LARGE_BYTES))
            assert digest.hexdigest() == hashlib.sha256(BLOCK[:100_000] * 1000).hexdigest()
            assert house.gateway.resident_bytes() - baseline < FLAT_BYTES
            await house.reaches(0)

    play(scene())


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_origin_that_reads_slowly_stops_the_upload_of_the_client(chunked):
    sent = Counter()
    reads_on = asyncio.Event()

    async def origin(peer):
        narrow(peer.writer)
        await peer.head()
        await reads_on.wait()
        digest, size = hashlib.sha256(), 0
        while size < LARGE_BYTES:
            if chunked:
                length = int(await peer.reader.readuntil(b"\r\n"), 16)
                block = (await peer.reader.readexactly(length + 2))[:-2]
            else:
                block = await peer.reader.read(MEGABYTE)
            digest.update(block)
            size += len(block)
        if chunked:
            assert await peer.reader.readexactly(5) == b"0\r\n\r\n"
        await peer.send(ok(digest.hexdigest().encode()))

    async def upload(client):
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % LARGE_BYTES
        client.write(request("/large", framing, method="POST"))
        for _ in range(1000):
            piece = BLOCK[:100_000]
            client.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            await client.writer.drain()
            sent.add(len(piece))
        client.write(b"0\r\n\r\n" if chunked else b"")

    async def scene():
        async with stack(origin) as house, house.connected() as client:
            baseline = house.gateway.resident_bytes()
            narrow(client.writer)
            upload_task = asyncio.create_task(upload(client))
            await eventually(sent.stands_still, "the upload was not stopped")
            assert sent.count < BUFFERED_BYTES
            assert house.gateway.resident_bytes() - baseline < FLAT_BYTES
            reads_on.set()
            await upload_task
            reply = await client.reply()
            expected = hashlib.sha256(BLOCK[:100_000] * 1000).hexdigest()
            assert (reply.status, reply.content.decode()) == (200, expected)
            await house.reaches(0)

    play(scene())


def tagged(contents):
    """An origin with entity tags, gzip where it is asked for, and 304s."""

    async def origin(peer):
        while True:
            asked = await peer.request()
            target = asked.line.split(b" ")[1]
            content = contents[target.decode()]
            tag = hashlib.sha256(content).hexdigest()[:32].encode()
            if tag in b"".join(asked.values(b"if-none-match")):
                await peer.send(b'HTTP/1.1 304 Not Modified\r\nETag: "%s"\r\n\r\n' % tag)
            elif target.startswith(b"/gzip") and b"gzip" in asked.values(b"accept-encoding"):
                coded = gzip.compress(content, 1)
                fields = (b'ETag: W/"%s"' % tag, b"Content-Encoding: gzip")
                await peer.send(ok(coded, *fields))
            else:
                await peer.send(ok(content, b'ETag: "%s"' % tag))

    return origin


STORES = ["--cache-store=memory", "--cache-store=disk"]


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(
    ("option", "limit_bytes"), [(None, 16 * MEGABYTE), ("--max-stored-sizeMB=2", 2 * MEGABYTE)]
)
def test_the_largest_content_is_stored_and_one_byte_more_is_not(
    tmp_path, store, option, limit_bytes
):
    content = BLOCK * (limit_bytes // MEGABYTE)
    origin = tagged({"/largest": content, "/larger": content + b"!"})
    options = [store, "--cache-dir", tmp_path, "--cache-sizeGB=1", *([option] if option else [])]

    async def scene():
        async with stack(origin, *options) as house:
            for modes, target, expected in (
                (["MISS", "REVALIDATED", "REVALIDATED"], "/largest", content),
                (["NO-STORE", "NO-STORE"], "/larger", content + b"!"),
            ):
                for expected_mode in modes:
                    reply = await house.ask(target, b"Authorization: Bearer a")
                    assert (reply.status, mode(reply)) == (200, expected_mode), target
                    assert reply.content == expected, "other bytes"
            await house.reaches(0)

    play(scene())


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "streamed"])
def test_every_client_gets_large_content_in_the_coding_that_it_accepts(is_stored):
    content = (BLOCK[:500_000] + bytes(500_000)) * 10
    limit = "16" if is_stored else "1"
    warm = "REVALIDATED" if is_stored else "NO-STORE"

    async def scene():
        origin = tagged({"/gzip": content, "/plain": content})
        async with stack(origin, f"--max-stored-sizeMB={limit}") as house:
            for target in ("/gzip", "/plain"):
                for turn, coding in enumerate([GZIP, b"X: identity", GZIP, b"X: identity"]):
                    reply = await house.ask(target, coding, b"Authorization: Bearer a")
                    assert reply.status == 200
                    assert mode(reply) == ("MISS" if is_stored and not turn else warm)
                    is_coded = target == "/gzip" and coding is GZIP
                    assert first(reply, b"content-encoding") == ("gzip" if is_coded else None)
                    got = gzip.decompress(reply.content) if is_coded else reply.content
                    assert got == content, "other bytes"
            await house.reaches(0)

    play(scene())
