"""One request in flight, seen from the side that waits for it: the `UpstreamResponse` of wire.

The connection fills it, the consumer empties it, and it keeps the two in step: a consumer that
lags makes the connection stop reading. It never touches a socket.
"""

import asyncio
from collections import deque
from typing import Final, Protocol

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.core.message import ResponseHead

HIGH_WATER_BYTES: Final = 64 * 1024
LOW_WATER_BYTES: Final = 16 * 1024


class Source(Protocol):
    """Where the content comes from."""

    def resume_reading(self) -> None: ...

    def abandon(self, exchange: "Exchange") -> None:
        """Close the connection if it still serves this exchange."""


class Exchange:
    """Head, content and end of one response; also the iterator over its content."""

    __slots__ = (
        "_buffered",
        "_chunks",
        "_is_paused",
        "_source",
        "error",
        "head",
        "is_answered",
        "is_complete",
        "is_head_only",
        "is_sent",
        "is_unanswered",
        "total_deadline",
        "waiter",
    )

    head: ResponseHead

    def __init__(
        self,
        source: Source,
        waiter: asyncio.Future[None],
        *,
        is_head_only: bool,
        is_sent: bool,
        total_deadline: float,
    ) -> None:
        self._source = source
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._is_paused = False
        self.waiter: asyncio.Future[None] | None = waiter
        self.error: UpstreamError | None = None
        self.is_head_only = is_head_only
        """The request was HEAD: no content whatever the head says."""
        self.total_deadline = total_deadline
        self.is_sent = is_sent
        """Whether the whole request has been written."""
        self.is_unanswered = True
        """No byte of an answer has come."""
        self.is_answered = False
        """`head` is there."""
        self.is_complete = False

    @property
    def has_died(self) -> bool:
        """The connection was gone before a byte of an answer: another one may do."""
        error = self.error
        return (
            error is not None
            and self.is_unanswered
            and error.kind is ProxyError.CONNECTION_TERMINATED
        )

    # The connection's side

    def add(self, piece: bytes) -> None:
        self._chunks.append(piece)
        self._buffered += len(piece)

    def must_pause(self) -> bool:
        """True once, when the consumer has fallen behind."""
        if self._is_paused or self._buffered < HIGH_WATER_BYTES:
            return False
        self._is_paused = True
        return True

    def complete(self) -> None:
        self.is_complete = True
        self.wake()

    def fail(self, error: UpstreamError) -> None:
        """No more will come; what has come may still be read."""
        self.error = error
        self.wake()

    def wake(self) -> None:
        waiter = self.waiter
        if waiter is not None:
            self.waiter = None
            if not waiter.done():
                waiter.set_result(None)

    # The consumer's side

    def content(self) -> "Exchange":
        return self

    def __aiter__(self) -> "Exchange":
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self.error is not None:
                raise self.error
            if self.is_complete:
                raise StopAsyncIteration
            await self._more()
        piece = self._chunks.popleft()
        self._buffered -= len(piece)
        if self._is_paused and self._buffered <= LOW_WATER_BYTES:
            self._is_paused = False
            self._source.resume_reading()
        return piece

    async def aclose(self) -> None:
        if self._chunks or not self.is_complete:
            self._chunks.clear()
            self.error = self.error or UpstreamError(
                ProxyError.HTTP_RESPONSE_INCOMPLETE, "The response was closed before its end."
            )
        self._source.abandon(self)

    async def _more(self) -> None:
        self.waiter = asyncio.get_running_loop().create_future()
        try:
            await self.waiter
        except asyncio.CancelledError:
            await self.aclose()
            raise
