"""One client request and its answer, as ASGI sees it: receive, send, and how the task ends.

It frames what the application sends and trusts none of it to be clean: a CR, LF or NUL in a field
ends the exchange, never enters the wire. How requests are read and connections closed is not here.
"""

import asyncio
import http
import logging
from typing import Any, Final, Protocol

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl

from ghproxy.web.errors import Answer, Fault, refusal

STATUS_LINES: Final = {
    status: f"HTTP/1.1 {status} {phrase}".encode("ascii")
    for status in range(200, 600)
    for phrase in [http.HTTPStatus(status).phrase if status in set(http.HTTPStatus) else ""]
}
_DROPPED: Final = frozenset({b"connection", b"transfer-encoding"})
_JOINED_BYTES: Final = 32_768
_OURS: Final = _DROPPED | {b"content-length"}
_log = logging.getLogger("ghproxy.web")


class TornResponse(Exception):  # noqa: N818  it is an ending that the application orders
    """Raised by an application that cannot finish what it began: the connection is cut at once.

    The client then sees a cut, never a well-formed end. Nothing is logged.
    """


class Connection(Protocol):
    """What an exchange needs of the connection that it happens on."""

    transport: asyncio.Transport
    flow: FlowControl

    def exchange_ended(self) -> None:
        """The whole answer is written."""

    def abort(self) -> None:
        """Reset the connection, so that no client can take the cut for an end."""


class Exchange:
    """The ASGI side of one request; one at a time per connection."""

    __slots__ = (
        "_chunks_answer",
        "_connection",
        "_content",
        "_content_given",
        "_expects_continue",
        "_held",
        "_left",
        "_may_have_content",
        "_waiter",
        "complete",
        "content_complete",
        "disconnected",
        "keep_alive",
        "scope",
        "started",
    )

    def __init__(
        self,
        connection: Connection,
        scope: dict[str, Any],
        *,
        keep_alive: bool,
        expects_continue: bool,
        has_content: bool,
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.content_complete = not has_content
        self.started = self.complete = self.disconnected = False
        self._connection = connection
        self._expects_continue = expects_continue and has_content
        self._content = bytearray()
        self._content_given = False
        self._waiter: asyncio.Future[None] | None = None
        self._may_have_content = self._chunks_answer = False
        self._left: int | None = None
        self._held = b""  # the head goes out with the first content

    # What the connection tells

    def feed(self, content: bytes, *, is_last: bool) -> None:
        """Content of the request arrived."""
        self._expects_continue = self._expects_continue and not content
        if not self.complete:
            self._content += content
            if len(self._content) > HIGH_WATER_LIMIT:
                self._connection.flow.pause_reading()
        self.content_complete = is_last
        self._wake()

    def disconnect(self) -> None:
        """The client left, or its request fell apart: nothing more is written."""
        self.disconnected = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # The task

    async def run(self, app: Any) -> None:
        """Run the application; whatever it does, the client sees an answer or a cut."""
        try:
            await app(self.scope, self.receive, self.send)
        except TornResponse:
            self._cut()
        except asyncio.CancelledError:
            if self.disconnected:  # cancelled because the client left: the end of the story
                return
            self._cut()
            raise
        except Exception as error:  # noqa: BLE001  the last door: a fault here is ours, not the client's
            await self._fail("the application failed", error)
        else:
            if not (self.complete or self.disconnected):
                await self._fail("the application returned without a whole answer", None)

    async def _fail(self, what: str, error: Exception | None) -> None:
        if self.disconnected:
            return
        _log.error("%s", what, exc_info=error)
        if self.started:
            self._cut()
        else:
            await self.answer(refusal(Fault.INTERNAL))

    def _cut(self) -> None:
        if not (self.complete or self.disconnected):
            self.disconnected = True
            self._connection.abort()

    async def answer(self, answer: Answer) -> None:
        """Send a whole response that was made here."""
        await self.send(
            {"type": "http.response.start", "status": answer.status, "headers": answer.fields}
        )
        await self.send({"type": "http.response.body", "body": answer.content})

    # ASGI

    async def receive(self) -> dict[str, Any]:
        if self._expects_continue and not self.started and not self.disconnected:
            self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._expects_continue = False
        while True:
            if self.disconnected or self.complete:
                return {"type": "http.disconnect"}
            if self._content or (self.content_complete and not self._content_given):
                content, self._content = bytes(self._content), bytearray()
                self._content_given = self.content_complete
                return {
                    "type": "http.request",
                    "body": content,
                    "more_body": not self.content_complete,
                }
            if not self.content_complete:
                self._connection.flow.resume_reading()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    async def send(self, message: dict[str, Any]) -> None:
        flow = self._connection.flow
        if flow.write_paused and not self.disconnected:
            await flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.body" and self.started and not self.complete:
            self._send_content(message.get("body", b""), is_last=not message.get("more_body"))
        elif kind == "http.response.start" and not self.started:
            self._send_head(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"{kind!r} out of order")

    def _send_head(self, status: int, fields: Any) -> None:
        is_head = self.scope["method"] == "HEAD"
        self._may_have_content = not (is_head or status in (204, 304))
        self._chunks_answer, self._left = False, None  # a head may have failed before
        own = [field for field in fields if field[0] in _OURS]
        for name, value in own:
            self._read_own_field(name, value)
        if own and (status == 204 or len(own) > 1 or self._left is None):
            dropped = _OURS if status == 204 else _DROPPED
            fields = [field for field in fields if field[0] not in dropped]
        lines = [STATUS_LINES[status], *map(b": ".join, fields), *self._framing(), b"", b""]
        head = b"\r\n".join(lines)
        breaks = len(lines) - 1
        if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
            raise RuntimeError("a field of the answer holds CR, LF or NUL")
        self.started = True
        self._expects_continue = False
        self._held = head

    def _read_own_field(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            if self._left is not None or not value.isdigit():
                raise RuntimeError("the answer's Content-Length is not one number")
            self._left = int(value)
        elif name == b"connection" and b"close" in value.lower():
            self.keep_alive = False

    def _framing(self) -> list[bytes]:
        """The fields that are ours to write: how the content ends, and whether the connection does.

        An answer that starts before its request was read to the end closes the connection:
        whatever follows could not be told from the content that nobody wanted.
        """
        if self._may_have_content and self._left is None:
            # For HTTP/1.0, which is never kept alive, content ends with the connection.
            self._chunks_answer = self.scope["http_version"] != "1.0"
        if not self.content_complete:
            self.keep_alive = False
        lines = [b"transfer-encoding: chunked"] if self._chunks_answer else []
        return lines if self.keep_alive else [*lines, b"connection: close"]

    def _send_content(self, content: bytes, *, is_last: bool) -> None:
        before, after = self._held, b""
        self._held = b""
        if not self._may_have_content:
            content = b""
        elif self._chunks_answer:
            if content:
                before, after = before + b"%x\r\n" % len(content), b"\r\n"
            if is_last:
                after += b"0\r\n\r\n"
        else:
            self._count(len(content), is_last=is_last)
        self._write(before, content, after)
        if is_last:
            self.complete = True
            self._wake()
            self._connection.exchange_ended()

    def _write(self, before: bytes, content: bytes, after: bytes) -> None:
        """One write for what is small: each costs a system call, and a packet."""
        transport = self._connection.transport
        if len(content) > _JOINED_BYTES:
            for part in (before, content, after):
                if part:
                    transport.write(part)
        elif joined := before + content + after:
            transport.write(joined)

    def _count(self, length: int, *, is_last: bool) -> None:
        if self._left is None:
            return
        self._left -= length
        if self._left < 0 or (is_last and self._left):
            raise RuntimeError("the content does not have the length that was stated")
