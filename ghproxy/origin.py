"""GitHub as the gateway sees it: admit, send, say what was sent, what came back and what failed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from ghproxy.clock import Clock
from ghproxy.core.errors import UpstreamError
from ghproxy.core.message import Fields, ResponseHead
from ghproxy.core.outcome import Sent
from ghproxy.core.rate_limit import rate_limit_from_fields
from ghproxy.outages import Outages
from ghproxy.throttle import Throttle
from ghproxy.upstream.base import Upstream, UpstreamRequest, UpstreamResponse


class OriginRequest(msgspec.Struct, frozen=True):
    """One request for the origin, with the labels it is accounted under.

    `target` is the client's; the base path is ours to put before it. `content` and `content_bytes`
    are those of UpstreamRequest.
    """

    method: str
    target: bytes
    fields: Fields
    budget: str
    user_agent: str
    content: bytes | AsyncIterator[bytes] = b""
    content_bytes: int | None = None

    def __repr__(self) -> str:
        return f"OriginRequest({self.method} {self.target!r})"  # the fields hold a credential


class OriginResponse:
    """A response under way; its slot is given back with its content, or earlier on request."""

    def __init__(
        self, response: UpstreamResponse, release_slot: Callable[[], None], outages: Outages
    ) -> None:
        self._response = response
        self._outages = outages
        self.release_slot = release_slot

    @property
    def head(self) -> ResponseHead:
        return self._response.head

    def content(self) -> AsyncIterator[bytes]:
        """Chunks as the origin sent them; raises UpstreamError."""
        return _Content(self._response.content(), self._outages)

    async def aclose(self) -> None:
        """Give connection and slot back; idempotent."""
        self.release_slot()
        await self._response.aclose()


class _Content:
    """Content as it comes; that it broke off is told to the outages."""

    def __init__(self, chunks: AsyncIterator[bytes], outages: Outages) -> None:
        self._chunks = chunks
        self._outages = outages

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except UpstreamError as error:
            self._outages.failed(error)
            raise


class Admission:
    """A slot that was waited for: good for one request, or to be released."""

    def __init__(
        self,
        perform: Callable[[OriginRequest], Awaitable[UpstreamResponse]],
        release: Callable[[], None],
        outages: Outages,
    ) -> None:
        self._perform = perform
        self._release = release
        self._outages = outages
        self._is_held = True

    async def send(self, request: OriginRequest) -> OriginResponse:
        """Send, and return once the head is there. Raises UpstreamError."""
        is_answered = False
        try:
            response = await self._perform(request)
            is_answered = True
        finally:
            if not is_answered:
                self.release()
        return OriginResponse(response, self.release, self._outages)

    def release(self) -> None:
        """Give the slot back; idempotent."""
        if self._is_held:
            self._is_held = False
            self._release()


class Origin:
    """Sends through one upstream, a bounded number at a time."""

    def __init__(
        self,
        upstream: Upstream,
        throttle: Throttle,
        base_path: bytes,
        clock: Clock,
        observe: Callable[[Sent], None],
        *,
        outages: Outages,
    ) -> None:
        self._upstream = upstream
        self._throttle = throttle
        self._base_path = base_path
        self._clock = clock
        self._observe = observe
        self._outages = outages

    async def admit(self) -> Admission:
        """Wait for a slot."""
        await self._throttle.admit()
        return Admission(self._perform, self._throttle.release, self._outages)

    async def _perform(self, request: OriginRequest) -> UpstreamResponse:
        started_at = self._clock.monotonic()
        outgoing = UpstreamRequest(
            request.method,
            self._base_path + request.target,
            request.fields,
            request.content,
            request.content_bytes,
        )
        head: ResponseHead | None = None
        error = ""
        try:
            response = await self._upstream.send(outgoing)
            head = response.head
            self._outages.answered()
        except UpstreamError as failure:
            error = failure.kind.value
            self._outages.failed(failure)
            raise
        except asyncio.CancelledError:
            if request.content == b"":  # with content, the wait may be for the client
                self._outages.given_up(self._clock.monotonic() - started_at)
            raise
        finally:
            self._observe(
                Sent(
                    request.method,
                    request.target,
                    request.user_agent,
                    request.budget,
                    0 if head is None else head.status,
                    self._clock.monotonic() - started_at,
                    None if head is None else rate_limit_from_fields(head.fields),
                    error,
                )
            )
        return response
