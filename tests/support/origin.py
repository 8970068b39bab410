"""An origin that does what a script says, byte for byte: loopback, raw, in the test's own loop.

A script is a coroutine function that is handed each connection as a `Peer`. What a script raises
fails the test. It knows nothing of the code under test.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass
class Arrived:
    """A request as it came."""

    line: bytes
    fields: list[tuple[bytes, bytes]]
    head: bytes
    content: bytes = b""

    def values(self, name: bytes) -> list[bytes]:
        return [value for line, value in self.fields if line.lower() == name]


class Peer:
    """One accepted connection, numbered from 1."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer

    async def head(self) -> Arrived:
        """Read one request head."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        line, *lines = head[:-4].split(b"\r\n")
        parts = [one.partition(b":") for one in lines]
        return Arrived(line, [(name, value.strip()) for name, _, value in parts], head)

    async def request(self) -> Arrived:
        """Read one request with its content."""
        arrived = await self.head()
        if arrived.values(b"transfer-encoding"):
            arrived.content = await self._chunks()
        elif lengths := arrived.values(b"content-length"):
            arrived.content = await self.reader.readexactly(int(lengths[0]))
        return arrived

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    def end(self) -> None:
        """An end in order: FIN, and under TLS close_notify before it."""
        self.writer.close()

    def cut(self) -> None:
        """FIN without close_notify; what was written has been sent."""
        self.writer.transport.abort()

    def reset(self) -> None:
        """RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Returns when the other side has closed."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass

    async def _chunks(self) -> bytes:
        content = b""
        while size := int(await self.reader.readline(), 16):
            content += await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readexactly(2) == b"\r\n"
        return content


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class Origin:
    """What a test may know of it."""

    host: str
    port: int
    connections: int = 0
    open: int = 0


@asynccontextmanager
async def origin_running(
    script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Origin]:
    """Serve the script until the block is left; raises what a script raised."""
    tasks: set[asyncio.Task[None]] = set()
    failures: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        origin.connections += 1
        origin.open += 1
        try:
            await script(Peer(origin.connections, reader, writer))
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as error:  # noqa: BLE001 - raised below, where the test sees it
            failures.append(error)
        finally:
            origin.open -= 1
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    origin = Origin(host, server.sockets[0].getsockname()[1])
    try:
        yield origin
    finally:
        server.close()
        for _ in range(10):  # a connection just accepted takes a few turns to become a task
            await asyncio.sleep(0)
            for task in tuple(tasks):
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)
    if failures:
        raise failures[0]


def answering(*answers: bytes, log: list[Arrived] | None = None) -> Script:
    """Each request on each connection gets the next answer; the last one is repeated."""
    remaining = list(answers)

    async def script(peer: Peer) -> None:
        while True:
            arrived = await peer.request()
            if log is not None:
                log.append(arrived)
            answer = remaining.pop(0) if len(remaining) > 1 else remaining[0]
            await peer.send(answer)

    return script
