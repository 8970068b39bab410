"""The default door: HTTP/1.1 over asyncio, one origin, connections kept alive and reused.

Decides which connection a request uses, whether it is sent again, and when to give up; bytes are
the connection's business. A request costs no task and no timer of its own unless its content is
large or a stream.
"""

import asyncio
import ssl

from ghproxy.upstream import failures, framing
from ghproxy.upstream.base import (
    OriginAddress,
    UpstreamRequest,
    UpstreamSettings,
    UpstreamSnapshot,
)
from ghproxy.upstream.connection import Connection
from ghproxy.upstream.dial import dial, system_trust
from ghproxy.upstream.exchange import Exchange
from ghproxy.upstream.pool import Pool
from ghproxy.upstream.upload import upload


class WireUpstream:
    """`Upstream` for one origin; belongs to the event loop that first uses it."""

    def __init__(
        self,
        origin: OriginAddress,
        settings: UpstreamSettings,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`ssl_context` replaces the system's trust store; for http it is not used."""
        self._origin = origin
        self._authority = origin.authority
        self._settings = settings
        self._ssl_context = None
        if origin.scheme == "https":
            self._ssl_context = ssl_context or system_trust()
        self._pool: Pool[Connection] = Pool(settings.max_connections, settings.max_idle_connections)
        self._members: set[Connection] = set()
        self._sockets: set[Connection] = set()
        self._dialling: set[asyncio.Timeout] = set()
        self._is_closed = False
        self._changed = asyncio.Event()

    async def send(self, request: UpstreamRequest) -> Exchange:
        """As `Upstream.send`; ValueError where the request cannot be written as one request.

        A stream of content is left as it is where the answer came first; closing it is its
        owner's. Whatever it raises passes through, and the connection is closed.
        """
        self._refuse_if_closed()
        head = framing.request_head(request, self._authority)
        deadline = asyncio.get_running_loop().time() + self._settings.total_timeout_seconds
        is_retryable = framing.is_retryable(request)
        connection = self._pick(is_retryable=is_retryable) or await self._acquire(deadline)
        exchange = await self._perform(connection, request, head, deadline)
        if exchange.has_died and is_retryable:
            connection = await self._acquire_fresh(deadline)
            exchange = await self._perform(connection, request, head, deadline)
        if not exchange.is_answered and exchange.error is not None:
            raise exchange.error
        return exchange

    def snapshot(self) -> UpstreamSnapshot:
        return self._pool.snapshot()

    async def aclose(self) -> None:
        """Close every connection and wait until the sockets are; what is in flight fails."""
        self._is_closed = True
        self._pool.release_waiting()
        for scope in self._dialling:
            if not scope.expired():
                scope.reschedule(0)
        for connection in tuple(self._members):
            connection.shut(failures.closed())
        while self._sockets or self._dialling:
            self._changed.clear()
            await self._changed.wait()

    # Sending

    async def _perform(
        self, connection: Connection, request: UpstreamRequest, head: bytes, deadline: float
    ) -> Exchange:
        """One attempt: returns when the head has come or the attempt has failed."""
        waiter = asyncio.get_running_loop().create_future()
        content = request.content
        is_whole = isinstance(content, bytes) and len(content) <= framing.LARGE_CONTENT_BYTES
        exchange = Exchange(
            connection,
            waiter,
            is_head_only=request.method == "HEAD",
            is_sent=is_whole,
            total_deadline=deadline,
        )
        try:
            if isinstance(content, bytes) and is_whole:
                connection.begin(exchange, head + content)
                await waiter
            else:
                connection.begin(exchange, head)
                await self._upload(connection, exchange, request, waiter)
        except BaseException:
            connection.abandon(exchange)
            raise
        return exchange

    async def _upload(
        self,
        connection: Connection,
        exchange: Exchange,
        request: UpstreamRequest,
        waiter: asyncio.Future[None],
    ) -> None:
        """Write the content until it is written or an answer comes, whichever is first."""
        task = asyncio.create_task(upload(connection, exchange, request))
        try:
            await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
            if not waiter.done():
                task.result()
                await waiter
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()

    # Connections

    def _pick(self, *, is_retryable: bool) -> Connection | None:
        """An idle connection; for what must not be sent twice, one not known to be dead."""
        while (connection := self._pool.take()) is not None:
            if is_retryable or connection.is_quiet():
                return connection
            connection.close()
        return None

    async def _acquire(self, deadline: float) -> Connection:
        """A connection when it is this request's turn: another's, or a new one."""
        while not self._pool.reserve():
            try:
                async with asyncio.timeout_at(deadline):
                    connection = await self._pool.wait()
            except TimeoutError as error:
                raise failures.never_free(self._settings.max_connections) from error
            if connection is None:
                break
            if not connection.is_closed:
                return connection
        return await self._open(deadline)

    async def _acquire_fresh(self, deadline: float) -> Connection:
        """A new connection: where one had died unnoticed, the other idle ones may have too."""
        oldest = self._pool.oldest_idle()
        if self._pool.is_full and oldest is not None:
            oldest.close()
        return await self._acquire(deadline)

    async def _open(self, deadline: float) -> Connection:
        """Open a connection into a slot that is reserved; frees the slot where that fails."""
        try:
            connection = await self._dial(deadline)
        except BaseException:
            self._pool.free()
            raise
        self._members.add(connection)
        self._sockets.add(connection)
        return connection

    async def _dial(self, deadline: float) -> Connection:
        self._refuse_if_closed()
        host = self._origin.host
        limit = asyncio.get_running_loop().time() + self._settings.connect_timeout_seconds
        scope = asyncio.timeout_at(min(deadline, limit))
        self._dialling.add(scope)
        try:
            async with scope:
                connection = await dial(self._origin, self._ssl_context, self._create)
        except TimeoutError as error:
            self._refuse_if_closed()
            if deadline <= limit:
                raise failures.too_late(self._settings.total_timeout_seconds) from error
            raise failures.connect_error(error, host) from error
        finally:
            self._dialling.discard(scope)
            self._changed.set()
        if connection.is_closed:
            raise failures.connect_error(ConnectionResetError(), host)
        return connection

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise failures.closed()

    def _create(self) -> Connection:
        return Connection(asyncio.get_running_loop(), self._settings, self)

    # What connections report

    def finished(self, connection: Connection) -> None:
        if not self._pool.give(connection):
            self._members.discard(connection)
            connection.close()

    def closing(self, connection: Connection) -> None:
        if connection in self._members:
            self._members.discard(connection)
            self._pool.forget(connection)

    def lost(self, connection: Connection) -> None:
        self._sockets.discard(connection)
        self._changed.set()
