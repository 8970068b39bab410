"""The other door: httpx's own transport, for outbound proxies; same contract as `wire`.

Each slot is a `Lane`, a transport of one connection; the pool is ours. httpx's parser (h11) is
laxer than ours: what it lets pass and still shows is refused here, and what it hides (line folding,
bare line feeds) reaches nobody.
"""

import asyncio
import ssl
from collections.abc import Coroutine
from functools import partial
from typing import Any

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream import failures, framing
from ghproxy.upstream.base import (
    OriginAddress,
    UpstreamRequest,
    UpstreamSettings,
    UpstreamSnapshot,
)
from ghproxy.upstream.deadline import Deadline
from ghproxy.upstream.dial import system_trust
from ghproxy.upstream.httpx_response import HttpxResponse
from ghproxy.upstream.lane import Lane, check_proxy
from ghproxy.upstream.pool import Pool


class HttpxUpstream:
    """`Upstream` for one origin, through `proxy` (a URL) if given."""

    def __init__(
        self,
        origin: OriginAddress,
        settings: UpstreamSettings,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        """`ssl_context` replaces the system's trust store.

        Raises ValueError where the proxy cannot be used; the text does not repeat its URL.
        """
        if proxy is not None:
            check_proxy(proxy)
        self._origin = origin
        self._settings = settings
        if ssl_context is None:
            is_tls = origin.scheme == "https"
            ssl_context = system_trust() if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ssl_context = ssl_context
        self._proxy = proxy
        self._pool: Pool[Lane] = Pool(settings.max_connections, settings.max_idle_connections)
        self._idle_limits: dict[Lane, Deadline] = {}
        self._busy: set[Lane] = set()
        self._retiring: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def send(self, request: UpstreamRequest) -> HttpxResponse:
        """As `Upstream.send`; ValueError where the request cannot be written as one request."""
        self._refuse_if_closed()
        framing.request_head(request, self._origin.authority)
        deadline = asyncio.get_running_loop().time() + self._settings.total_timeout_seconds
        try:
            return await self._perform(await self._acquire(deadline), request, deadline)
        except UpstreamError as error:
            self._refuse_if_closed()
            has_died = error.kind is ProxyError.CONNECTION_TERMINATED
            if not (has_died and framing.is_retryable(request)):
                raise
        for lane in tuple(self._idle_limits):
            self._close_idle(lane)  # where one had died unnoticed, the others may have too
        return await self._perform(await self._acquire(deadline), request, deadline)

    def snapshot(self) -> UpstreamSnapshot:
        return self._pool.snapshot()

    async def aclose(self) -> None:
        """Close every connection and wait until they are; what is in flight fails."""
        self._is_closed = True
        self._pool.release_waiting()
        for lane in tuple(self._idle_limits):
            self._close_idle(lane)
        for lane in tuple(self._busy):
            self.retire(lane)
        while self._retiring:
            await asyncio.wait(self._retiring)

    async def _perform(
        self, lane: Lane, request: UpstreamRequest, deadline: float
    ) -> HttpxResponse:
        response = HttpxResponse(lane, self._origin, self._settings, self, deadline)
        try:
            await response.open(request)
        except BaseException:
            self.retire(lane)
            raise
        return response

    async def _acquire(self, deadline: float) -> Lane:
        """A lane when it is this request's turn; all lanes between two requests have a limit."""
        lane = self._pool.take()
        while lane is None and not self._pool.reserve():
            try:
                async with asyncio.timeout_at(deadline):
                    lane = await self._pool.wait()
            except TimeoutError as error:
                raise failures.never_free(self._settings.max_connections) from error
            if lane is None:
                break
            if lane not in self._idle_limits:
                lane = None  # closed on its way here
        if lane is None and self._is_closed:
            self._pool.free()
            raise failures.closed()
        if lane is None:
            lane = Lane(self._ssl_context, self._proxy)
        self._forget_idle(lane)
        self._busy.add(lane)
        return lane

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise failures.closed()

    # What responses report

    def release(self, lane: Lane) -> None:
        """The response has been read to its end."""
        if lane not in self._busy:
            return
        if lane.has_leftover or self._is_closed:
            self.retire(lane)
            return
        self._busy.discard(lane)
        loop = asyncio.get_running_loop()
        limit = self._idle_limits[lane] = Deadline(loop, partial(self._close_idle, lane))
        limit.move(loop.time() + self._settings.idle_timeout_seconds)
        if not self._pool.give(lane):
            self._forget_idle(lane)
            self._own(lane.retire())

    def retire(self, lane: Lane) -> None:
        """It is given up, whatever it is doing; its slot is free once its connection is closed."""
        if lane in self._busy:
            self._busy.discard(lane)
            self._own(self._end(lane))

    # Details

    async def _end(self, lane: Lane) -> None:
        await lane.retire()
        self._pool.free()

    def _close_idle(self, lane: Lane) -> None:
        self._forget_idle(lane)
        self._pool.forget(lane)
        self._own(lane.retire())

    def _forget_idle(self, lane: Lane) -> None:
        limit = self._idle_limits.pop(lane, None)
        if limit is not None:
            limit.cancel()

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
