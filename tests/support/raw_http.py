"""A real server on loopback and a client that sends bytes as they are, well formed or not."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, NamedTuple

import msgspec

from ghproxy.web.errors import Fault
from ghproxy.web.hygiene import Limits
from ghproxy.web.server import Lifecycle, Listener, run, serve

HOST = "127.0.0.1"


class Reply(NamedTuple):
    status: int
    fields: list[tuple[bytes, bytes]]
    content: bytes

    def values(self, name: bytes) -> list[bytes]:
        return [value for line, value in self.fields if line == name]

    @property
    def echo(self) -> dict[str, Any]:
        """What the echo application saw."""
        return msgspec.json.decode(self.content, type=dict[str, Any])


class Client:
    """One connection; whatever the server says is read as strictly as it must be written."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self, method: str = "GET") -> Reply:
        head = (await self.reader.readuntil(b"\r\n\r\n"))[:-4]
        start, *lines = head.split(b"\r\n")
        version, status, _ = start.split(b" ", 2)
        assert version == b"HTTP/1.1"
        fields = [(name.lower(), value) for name, value in (line.split(b": ", 1) for line in lines)]
        reply = Reply(int(status), fields, b"")
        if reply.status == 100:
            return reply
        return reply._replace(content=await self._content(reply, method))

    async def _content(self, reply: Reply, method: str) -> bytes:
        if method == "HEAD" or reply.status in (204, 304):
            return b""
        if lengths := reply.values(b"content-length"):
            return await self.reader.readexactly(int(lengths[0]))
        if reply.values(b"transfer-encoding") != [b"chunked"]:
            return await self.reader.read()
        chunks: list[bytes] = []
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            chunks.append((await self.reader.readexactly(size + 2))[:-2])
        await self.reader.readexactly(2)
        return b"".join(chunks)

    async def end(self) -> bytes:
        """Everything up to the end of the connection; a reset is a ConnectionError."""
        return await self.reader.read()


class Server:
    def __init__(self, port: int, refused: collections.Counter[Fault]) -> None:
        self.port = port
        self.refused = refused

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def exchange(self, data: bytes) -> tuple[Reply, bytes]:
        """The answer to these bytes, and whatever else comes before the connection ends."""
        async with self.client() as client:
            client.write(data)
            return await client.reply("HEAD" if data.startswith(b"HEAD") else "GET"), (
                await client.end()
            )


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what arrived."""
    content = b""
    while (message := await receive())["type"] == "http.request":
        content += message["body"]
        if not message["more_body"]:
            break
    seen = {
        "method": scope["method"],
        "target": scope["ghproxy.target"].decode("latin-1"),
        "raw_path": scope["raw_path"].decode("latin-1"),
        "path": scope["path"],
        "query_string": scope["query_string"].decode("latin-1"),
        "http_version": scope["http_version"],
        "fields": [[n.decode("latin-1"), v.decode("latin-1")] for n, v in scope["headers"]],
        "content": content.decode("latin-1"),
    }
    body = msgspec.json.encode(seen)
    fields = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def serving(app: Any = echo, limits: Limits | None = None) -> AsyncIterator[Server]:
    """The application behind the real protocol, until the block ends; then nothing may be left."""
    lifecycle = Lifecycle()
    ready: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
    listener = Listener(
        "main", app, host=HOST, is_gateway=True, limits=limits or Limits(linger_seconds=0.2)
    )
    task = asyncio.create_task(
        serve(
            [listener],
            lifecycle=lifecycle,
            drain_seconds=5,
            on_ready=ready.set_result,
        )
    )
    try:
        yield Server((await ready)["main"], listener.refused)
    finally:
        lifecycle.stop()
        lifecycle.stop()
        await task


def play(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene on the loop that the program uses; a scene that hangs fails."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scene

    run(bounded())
