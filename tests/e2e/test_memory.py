"""What the process takes with the default settings: docs/operations.md "Sizing" states it."""

import asyncio
import hashlib
import sys

from tests.support.processes import ghproxy
from tests.support.stack import HOST, aside, connected, mode, play, request

ALICE = b"Authorization: Bearer alice"
SIZES = [2_000] * 60 + [20_000] * 25 + [100_000] * 12 + [1_000_000] * 3
"""Of a hundred answers; 49 KB on average."""
ANSWERS = 6_000
CLIENTS = 25
LIMIT_BYTES = 200_000_000


async def github(reader, writer):
    """Answers /N with the Nth content, and its tag with a 304."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            number = int(head.split(b" ", 2)[1].removeprefix(b"/"))
            tag = b'ETag: "%d"\r\n' % number
            if b'if-none-match: "%d"' % number in head.lower():
                writer.write(b"HTTP/1.1 304 Not Modified\r\n%b\r\n" % tag)
            else:
                content = hashlib.shake_128(b"%d" % number).digest(SIZES[number % len(SIZES)])
                length = b"Content-Length: %d\r\n" % len(content)
                writer.write(b"HTTP/1.1 200 OK\r\n%b%b\r\n" % (tag, length) + content)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def read(port, numbers):
    """Ask for them one after another; how many came from the cache."""
    hits = 0
    async with connected(port) as client:
        for number in numbers:
            client.write(request(f"/{number}", ALICE))
            reply = await client.reply()
            assert len(reply.content) == SIZES[number % len(SIZES)]
            hits += mode(reply) == "REVALIDATED"
    return hits


def test_a_disk_cache_that_is_filled_and_read_takes_less_than_200_mb(tmp_path, capsys):
    async def scene(server):
        port = server.sockets[0].getsockname()[1]
        options = ("--cache-dir", tmp_path / "cache", "--cache-sizeGB", "1")
        with ghproxy(f"http://{HOST}:{port}", *options) as gateway:
            seen, hits = [gateway.resident_bytes()], [0]
            while len(seen) < 3 or (sum(hits) <= ANSWERS / 2 and len(seen) < 6):
                slices = [range(start, ANSWERS, CLIENTS) for start in range(CLIENTS)]
                hits = await asyncio.gather(*(read(gateway.port, each) for each in slices))
                seen.append(gateway.resident_bytes())
            # A slow disk leaves out writes of the first pass; those that follow make up for it.
            assert sum(hits) > ANSWERS / 2
            await aside(gateway.stop)
        with capsys.disabled():
            megabytes = ", ".join(f"{count / 1e6:.0f} MB" for count in seen)
            sys.stdout.write(f"resident at the start, filled, read: {megabytes}\n")
        assert max(seen) < LIMIT_BYTES

    async def whole():
        async with await asyncio.start_server(github, HOST, 0, limit=2**20) as server:
            await scene(server)

    play(whole())
