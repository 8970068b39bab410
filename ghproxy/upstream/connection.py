"""One HTTP/1.1 connection to the origin: a socket, its reader, and the limits kept.

One exchange at a time. Whatever is not exactly one well-formed response closes the connection:
a connection whose position in the stream is in doubt is never used again. It knows nothing of
retries and nothing of other connections.
"""

import asyncio
import select
import socket
import ssl
from typing import Protocol, cast

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream import failures
from ghproxy.upstream.base import UpstreamSettings
from ghproxy.upstream.deadline import Deadline
from ghproxy.upstream.exchange import Exchange
from ghproxy.upstream.reader import ResponseReader


class Owner(Protocol):
    """Who keeps the connections."""

    def finished(self, connection: "Connection") -> None:
        """Its exchange is over and another may begin."""

    def closing(self, connection: "Connection") -> None:
        """It will carry nothing more."""

    def lost(self, connection: "Connection") -> None:
        """Its socket is closed."""


class Connection(asyncio.Protocol):
    """Idle while `_exchange` is None."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, settings: UpstreamSettings, owner: Owner
    ) -> None:
        self._loop = loop
        self._settings = settings
        self._owner = owner
        self._deadline = Deadline(loop, self._expired)
        self._reader = ResponseReader(settings.max_head_bytes)
        self._transport: asyncio.Transport | None = None
        self._tls: ssl.SSLObject | None = None
        self._exchange: Exchange | None = None
        self._writable: asyncio.Future[None] | None = None
        self._is_write_blocked = False
        self.is_closed = False

    # For the owner

    def begin(self, exchange: Exchange, head: bytes) -> None:
        """Write a request, or its head where its content follows; the exchange will be filled."""
        self._exchange = exchange
        self._reader.begin(exchange)
        self.write(head)
        if exchange.is_sent:
            self._move(self._settings.first_byte_timeout_seconds, exchange)
        else:
            self._deadline.move(exchange.total_deadline)

    def write(self, piece: bytes) -> None:
        """Write more of the request; nothing happens where its exchange is over."""
        if self._exchange is not None and self._transport is not None:
            self._transport.write(piece)

    async def drained(self) -> None:
        """Returns when the socket takes more."""
        exchange = self._exchange
        if exchange is None or not self._is_write_blocked:
            return
        self._writable = self._loop.create_future()
        self._move(self._settings.stall_timeout_seconds, exchange)
        await self._writable
        self._deadline.move(exchange.total_deadline)

    def end_request(self, exchange: Exchange) -> None:
        """The content that followed has been written."""
        exchange.is_sent = True
        if self._exchange is exchange and not exchange.is_answered:
            self._move(self._settings.first_byte_timeout_seconds, exchange)

    def is_quiet(self) -> bool:
        """Whether nothing has arrived that the loop has not seen yet: an end, unsolicited bytes."""
        if self._transport is None:
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def shut(self, error: UpstreamError) -> None:
        """Close now; an exchange in flight fails with `error`."""
        exchange = self._exchange
        self._exchange = None
        self.close()
        if exchange is not None:
            exchange.fail(error)

    def close(self) -> None:
        """Close now, without ceremony; idempotent."""
        if self.is_closed:
            return
        self.is_closed = True
        self._deadline.cancel()
        self._owner.closing(self)
        if self._transport is not None:
            self._transport.abort()

    # For the exchange

    def resume_reading(self) -> None:
        exchange = self._exchange
        if exchange is not None and self._transport is not None:
            self._move(self._settings.stall_timeout_seconds, exchange)
            self._transport.resume_reading()

    def abandon(self, exchange: Exchange) -> None:
        if self._exchange is exchange:
            self._exchange = None
            self.close()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._tls = transport.get_extra_info("ssl_object")
        sock = transport.get_extra_info("socket")
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            self.close()  # unsolicited
            return
        exchange.is_unanswered = False
        try:
            self._reader.feed(data)
        except UpstreamError as error:
            self.shut(error)
            return
        if self._reader.is_over:
            self._finish(exchange)
        elif exchange.is_answered:
            self._read_on(exchange)

    def eof_received(self) -> None:
        if self._exchange is None:
            self.close()
        elif self._tls is None:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._tls is not None and self._exchange is not None and self._drain(self._tls):
            self._end()
        exchange = self._exchange
        if exchange is None:
            self.close()
        elif exchange.is_unanswered:
            detail = "The origin closed the connection without answering."
            self.shut(UpstreamError(ProxyError.CONNECTION_TERMINATED, detail))
        else:
            detail = "The origin's response was cut short."
            self.shut(UpstreamError(ProxyError.HTTP_RESPONSE_INCOMPLETE, detail))
        self._transport = None
        self._reader.let_go()
        self._owner.lost(self)

    def pause_writing(self) -> None:
        self._is_write_blocked = True

    def resume_writing(self) -> None:
        self._is_write_blocked = False
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    # The exchange's course

    def _read_on(self, exchange: Exchange) -> None:
        if exchange.must_pause() and self._transport is not None:
            self._transport.pause_reading()
            self._deadline.move(exchange.total_deadline)
        else:
            self._move(self._settings.stall_timeout_seconds, exchange)
        exchange.wake()

    def _finish(self, exchange: Exchange) -> None:
        self._exchange = None
        if self._reader.is_reusable and exchange.is_sent and not self.is_closed:
            self._deadline.move(self._loop.time() + self._settings.idle_timeout_seconds)
            self._owner.finished(self)
        else:
            self.close()
        exchange.complete()

    def _end(self) -> None:
        """The origin ended its side in order, which may be the end of the content."""
        exchange = self._exchange
        if exchange is not None and exchange.is_answered and self._reader.ends_at_close:
            self._exchange = None
            self.close()
            exchange.complete()

    def _drain(self, tls: ssl.SSLObject) -> bool:
        """Take what TLS still holds; whether the origin ended in order (close_notify).

        The loops differ in what they report: asyncio calls a cut an end, and uvloop keeps to
        itself what had not been read while reading was paused. TLS itself knows.
        """
        try:
            while self._exchange is not None:
                piece = tls.read(65536)
                if not piece:
                    return True
                self.data_received(piece)
        except ssl.SSLZeroReturnError:
            return True
        except ssl.SSLError:
            return False
        return False

    def _move(self, seconds: float, exchange: Exchange) -> None:
        self._deadline.move(min(self._loop.time() + seconds, exchange.total_deadline))

    def _expired(self) -> None:
        exchange = self._exchange
        if exchange is None:
            self.close()
        else:
            self.shut(self._timeout(exchange))

    def _timeout(self, exchange: Exchange) -> UpstreamError:
        settings = self._settings
        if self._loop.time() >= exchange.total_deadline - 0.002:
            return failures.too_late(settings.total_timeout_seconds)
        if exchange.is_answered:
            kind, limit = ProxyError.CONNECTION_READ_TIMEOUT, settings.stall_timeout_seconds
            what = "The origin's response stalled: nothing came"
        elif exchange.is_sent:
            kind, limit = ProxyError.CONNECTION_READ_TIMEOUT, settings.first_byte_timeout_seconds
            what = "The origin did not answer"
        else:
            kind, limit = ProxyError.CONNECTION_WRITE_TIMEOUT, settings.stall_timeout_seconds
            what = "The origin did not take the request's content"
        return UpstreamError(kind, f"{what} within {limit:g} s.")
