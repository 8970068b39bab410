"""A client's connection: heads split off and judged, one exchange at a time, and how it ends.

Built on uvicorn's httptools protocol. A head is buffered whole, so that llhttp and `hygiene` judge
the same bytes, and requests are taken strictly one after another, so that nothing about a second
one can disturb the first one's answer. Whatever is refused closes the connection after the answer.
"""

import asyncio
import collections
import logging
import socket
import struct
import urllib.parse
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ghproxy.web import hygiene
from ghproxy.web.errors import Fault, refusal
from ghproxy.web.exchange import STATUS_LINES, Exchange, TornResponse
from ghproxy.web.framing import ChunkedContent, ChunkError, SizedContent
from ghproxy.web.heads import HeadReader, Refused, Request

__all__ = ["GatewayProtocol", "TornResponse"]

DEFAULT_LIMITS: Final = hygiene.Limits()
_RESET: Final = struct.pack("ii", 1, 0)

_log = logging.getLogger("ghproxy.web")


class GatewayProtocol(HttpToolsProtocol):
    """Given to uvicorn.Config(http=...); `refused` counts over every connection that shares it."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: hygiene.Limits = DEFAULT_LIMITS,
        refused: collections.Counter[Fault] | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self.refused = collections.Counter() if refused is None else refused
        self._heads = HeadReader(limits)
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._content: SizedContent | ChunkedContent | None = None
        self._unread = b""
        self._judged = 0
        self._is_head_request = False
        self._is_closing = False
        self._is_draining = False
        self._idle_since = 0.0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._lost: asyncio.Future[None] | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._idle_timer = self.loop.call_later(self._limits.idle_seconds, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closing = True
        self._clear_deadline()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._abandon_exchange()
        super().connection_lost(exc)
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)

    @property
    def is_answering(self) -> bool:
        """Whether a request is in progress."""
        return self._exchange is not None

    async def wait_closed(self) -> None:
        """Return once the connection is gone."""
        if self in self.connections:
            self._lost = self._lost or self.loop.create_future()
            await asyncio.shield(self._lost)

    def shutdown(self) -> None:
        """Close now if idle, else after the answer in progress or the request that is arriving."""
        self._is_draining = True
        if self._exchange is not None:
            self._exchange.keep_alive = False
        elif not self._unread:
            self.transport.close()

    def abort(self) -> None:
        """Reset the connection, so that no client can take the cut for an end.

        Closing alone would look like the end of content that ends with the connection.
        """
        self._is_closing = True
        sock = self.transport.get_extra_info("socket")
        if sock is not None and self in self.connections:  # else its number may be another's
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def _close_if_idle(self) -> None:
        """One lazy timer per connection: a timer per request would cost more than parsing it."""
        if self._is_closing:
            return
        wait = self._limits.idle_seconds
        if self._exchange is None and not self._unread:
            wait -= self.loop.time() - self._idle_since
            if wait <= 0:
                self._close_when_written()
                return
        self._idle_timer = self.loop.call_later(wait, self._close_if_idle)

    # Bytes in

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            return  # lingering: read so that the client is not reset, and dropped
        if self._unread:
            data, self._unread = self._unread + data, b""
        self._advance(data)

    def _advance(self, data: bytes) -> None:
        """Take from the bytes what can be taken now, and keep the rest."""
        if self._content is not None:
            data = self._take_content(data)
        if not data or self._is_closing:
            return
        if self._exchange is not None:  # the next request waits for the end of this one
            self._unread = data
            self.flow.pause_reading()
            return
        end = data.find(hygiene.END_OF_HEAD, max(0, self._judged - 3)) + 4
        if end < 4:
            self._await_head(data)
        elif end == len(data):
            self._take_head(data)
        else:
            self._take_head(data[:end])
            self._advance(data[end:])

    def _await_head(self, data: bytes) -> None:
        if not self._judged and data.startswith(b"\r\n"):
            data = data[2:]
            if not data:
                return
        self._is_head_request = data.startswith(b"HEAD ")
        fault = hygiene.fault_of_unfinished(data, self._judged, self._limits)
        if fault is not None:
            self._refuse(fault)
            return
        self._unread = data
        self._judged = len(data)
        if self._deadline is None:  # counted from the first byte, so never set anew
            self._set_deadline(self._limits.head_seconds, self._refuse_slow_head)

    def _take_head(self, head: bytes) -> None:
        self._judged = 0
        self._clear_deadline()
        if head.startswith(b"\r\n"):  # one empty line before a request is allowed (RFC 9112 2.2)
            head = head[2:]
        self._is_head_request = head.startswith(b"HEAD ")
        request = self._heads.read(head)
        if isinstance(request, Refused):
            self._refuse(request.fault, request.detail)
        else:
            self._begin(request)

    # Exchanges

    def _begin(self, request: Request) -> None:
        content_bytes = request.terms.content_bytes
        if content_bytes is None:
            self._content = ChunkedContent()
        elif content_bytes:
            self._content = SizedContent(content_bytes)
        self._exchange = exchange = Exchange(
            self,
            self._scope_of(request),
            keep_alive=request.terms.keep_alive and not self._is_draining,
            expects_continue=request.terms.expects_continue,
            has_content=content_bytes != 0,
        )
        self._task = task = self.loop.create_task(exchange.run(self.app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _scope_of(self, request: Request) -> dict[str, Any]:
        line = request.line
        raw_path, _, query = line.target.partition(b"?")
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1" if line.is_http_11 else "1.0",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": line.method.decode("ascii"),
            "root_path": "",
            "path": urllib.parse.unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "ghproxy.target": line.target,
            "headers": request.fields,
            "state": self.app_state.copy(),
        }

    def _take_content(self, data: bytes) -> bytes:
        """Content goes to the exchange; what follows it comes back."""
        content, exchange = self._content, self._exchange
        if content is None or exchange is None:
            return data
        try:
            piece = content.feed(data)
        except ChunkError:
            self._content = None
            self._refuse(Fault.CHUNK)
            return b""
        if piece.rest is not None:
            self._content = None
        exchange.feed(piece.content, is_last=piece.rest is not None)
        return piece.rest or b""

    def exchange_ended(self) -> None:
        """The whole answer is written: take the next request, or close."""
        exchange, self._exchange, self._task = self._exchange, None, None
        self.server_state.total_requests += 1
        if self.transport.is_closing() or exchange is None:
            return
        if not exchange.keep_alive:
            self._close(is_read_to_end=exchange.content_complete and not self._unread)
            return
        self._idle_since = self.loop.time()
        self.flow.resume_reading()
        if self._unread:
            data, self._unread = self._unread, b""
            self._advance(data)

    def _abandon_exchange(self) -> None:
        exchange, task = self._exchange, self._task
        self._exchange = self._task = None
        if exchange is not None and task is not None:
            exchange.disconnect()
            task.cancel()

    # Endings

    def _refuse(self, fault: Fault, detail: str = "") -> None:
        """Answer, unless an answer has begun, and close."""
        self.refused[fault] += 1
        _log.debug("refused a request of %s: %s %s", self.client, fault, detail)
        exchange = self._exchange
        self._abandon_exchange()
        if exchange is not None and exchange.started:
            self.abort()
            return
        answer = refusal(fault, detail)
        lines = [STATUS_LINES[answer.status], *map(b": ".join, answer.fields), b""]
        lines.append(b"" if self._is_head_request else answer.content)
        self.transport.write(b"\r\n".join(lines))
        self._close(is_read_to_end=False)

    def _refuse_slow_head(self) -> None:
        self._refuse(Fault.HEAD_TIMEOUT)

    def _close(self, *, is_read_to_end: bool) -> None:
        """Close after what is written; a client that still sends is heard out for a while.

        Closing a socket with unread bytes resets it, and the reset may overtake our answer.
        """
        self._is_closing = True
        self._unread = b""
        self._content = None
        if is_read_to_end:
            self._close_when_written()
            return
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._set_deadline(self._limits.linger_seconds, self._close_when_written)

    def _close_when_written(self) -> None:
        """Close; a client that does not read what is still to be written is cut in the end."""
        self._is_closing = True
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._set_deadline(self._limits.idle_seconds, self.abort)

    def _set_deadline(self, seconds: float, then: Callable[[], None]) -> None:
        self._clear_deadline()
        self._deadline = self.loop.call_later(seconds, then)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
