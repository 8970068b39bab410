"""One client connection: bytes to requests, answers to bytes (HTTP/1.1 and 1.0, RFC 9112).

Requests on a connection are answered one after the other, in order. An answer that is ready is
written at once, without a task: that is the hot path. Nothing here knows GitHub.
"""

import asyncio
import contextlib
import hashlib
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Protocol, cast

import httptools

from ghproxy.simulator.message import Answer, Ending, FieldLines, Gate, Request

if TYPE_CHECKING:
    from hashlib import _Hash

CONTENT_LIMIT_BYTES = 4 * 1024 * 1024
"""Content kept for the application; longer content is still counted and digested."""
HEAD_LIMIT_BYTES = 256 * 1024
PIPELINE_LIMIT = 64
_TICK_SECONDS = 0.02


class _HeadTooLargeError(Exception):
    """A request head beyond the limit."""


class Application(Protocol):
    """What a connection asks of the program behind it."""

    def head_arrived(self, request: Request) -> Gate | None:
        """A request's head is complete; a gate is waited at before its content is read."""

    def respond(self, request: Request) -> Answer | Awaitable[Answer]:
        """The answer to a whole request."""

    def ended(self, request: Request, *, completely: bool) -> None:
        """An answer that took time was written, or its client left (or was cut off) before."""

    def malformed(self) -> Answer:
        """The answer to bytes that are no HTTP request."""


class Connection(asyncio.Protocol):
    """The state of one TCP connection."""

    def __init__(
        self, application: Application, connections: "set[Connection]", number: int
    ) -> None:
        self._application = application
        self._connections = connections
        self._number = number
        self._count = 0
        self._queue: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._upload: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._is_answering = False
        self._is_lost = False
        self._begin_message()

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else "local"
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # answered as any other request, and the connection ends with it
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _HeadTooLargeError):
                raise
            self._refuse()
        except httptools.HttpParserError:
            self._refuse()

    def eof_received(self) -> bool:
        """A client that stops sending has left, as for GitHub's front end (nginx)."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._connections.discard(self)
        for task in (self._task, self._upload):
            if task is not None:
                task.cancel()

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    async def close(self) -> None:
        """Drop the connection and whatever it was doing."""
        self._transport.abort()
        for task in (self._task, self._upload):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    # -- the parser's side

    def _begin_message(self) -> None:
        self._target = b""
        self._fields: FieldLines = []
        self._head_bytes = 0
        self._request: Request | None = None
        self._kept: list[bytes] = []
        self._digest: _Hash | None = None

    def on_message_begin(self) -> None:
        self._begin_message()

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._request is None:
            self._fields.append((name, value))
            self._grow(len(name) + len(value))

    def _grow(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > HEAD_LIMIT_BYTES:
            raise _HeadTooLargeError

    def on_headers_complete(self) -> None:
        self._count += 1
        method = self._parser.get_method().decode("ascii")
        request = Request(method, self._target, self._fields, self._peer, self._number, self._count)
        self._request = request
        if any(name.lower() == b"expect" for name, _ in self._fields) and not self._is_answering:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        gate = self._application.head_arrived(request)
        if gate is not None:
            self._transport.pause_reading()
            self._upload = asyncio.get_running_loop().create_task(self._read_after(gate))

    def on_body(self, data: bytes) -> None:
        request = self._request
        if request is None:
            return
        if self._digest is None:
            self._digest = hashlib.sha256()
        self._digest.update(data)
        if request.content_bytes < CONTENT_LIMIT_BYTES:
            self._kept.append(data)
        request.content_bytes += len(data)

    def on_message_complete(self) -> None:
        request = self._request
        if request is None:
            return
        if request.content_bytes and self._digest is not None:
            request.content = b"".join(self._kept)
            request.content_sha256 = self._digest.hexdigest()
        keep = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        if self._is_answering or self._upload is not None:
            self._queue.append((request, keep))
            if len(self._queue) > PIPELINE_LIMIT:
                self._transport.pause_reading()
        else:
            self._answer(request, keep)

    async def _read_after(self, gate: Gate) -> None:
        await gate()
        self._upload = None
        self._transport.resume_reading()
        self._next()

    # -- answering

    def _answer(self, request: Request, keep: bool) -> None:  # noqa: FBT001  the parser's word
        answer = self._application.respond(request)
        if type(answer) is Answer and answer.pace is None and type(answer.content) is bytes:
            self._transport.write(answer.head + answer.content)
            if answer.ending is not Ending.KEEP or not keep:
                self._end(answer.ending)
            return
        self._is_answering = True
        self._task = asyncio.get_running_loop().create_task(self._perform(request, answer, keep))

    def _next(self) -> None:
        while self._queue and not self._is_answering and not self._is_lost:
            self._answer(*self._queue.popleft())
        if not self._is_lost and len(self._queue) <= PIPELINE_LIMIT and self._upload is None:
            self._transport.resume_reading()

    async def _perform(
        self,
        request: Request,
        pending: Answer | Awaitable[Answer],
        keep: bool,  # noqa: FBT001
    ) -> None:
        completely = False
        try:
            answer = pending if isinstance(pending, Answer) else await pending
            if answer.ending is Ending.RESET:
                # A reset discards what is not sent yet: wait for every byte.
                self._transport.set_write_buffer_limits(0)
            completely = await self._deliver(answer)
        finally:
            self._application.ended(request, completely=completely)
            if not completely:
                self._transport.abort()
        if not completely:
            return
        self._is_answering = False
        self._task = None
        if answer.ending is not Ending.KEEP or not keep:
            self._end(answer.ending)
        else:
            self._next()

    async def _deliver(self, answer: Answer) -> bool:
        """Write head and content as fast as the client reads; whether all of it was written."""
        pace = answer.pace
        self._transport.write(answer.head)
        if pace is not None and pace.gate is not None:
            await pace.gate()
        content = (answer.content,) if isinstance(answer.content, bytes) else answer.content
        rate = pace.bytes_per_second if pace is not None else None
        for part in content if rate is None else _slices(content, rate):
            if self._transport.is_closing():
                return False
            self._transport.write(part)
            await asyncio.sleep(0 if rate is None else _TICK_SECONDS)
            if self._drained is not None:
                await self._drained
        return not self._transport.is_closing()

    def _end(self, ending: Ending) -> None:
        if ending is Ending.RESET:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()

    def _refuse(self) -> None:
        answer = self._application.malformed()
        self._transport.write(answer.head)
        self._transport.close()


def _slices(content: Iterable[bytes], bytes_per_second: float) -> Iterable[bytes]:
    size = max(1, int(bytes_per_second * _TICK_SECONDS))
    for part in content:
        for start in range(0, len(part), size):
            yield part[start : start + size]
