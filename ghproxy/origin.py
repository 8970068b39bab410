"""GitHub as the gateway sees it: admit, send, say what was sent and which limits came back."""

from collections.abc import AsyncIterator, Callable

import msgspec

from ghproxy.clock import Clock
from ghproxy.core.message import Fields, ResponseHead
from ghproxy.core.outcome import Sent
from ghproxy.core.rate_limit import rate_limit_from_fields
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
    """A response under way; it holds its slot until it is closed."""

    def __init__(self, response: UpstreamResponse, release: Callable[[], None]) -> None:
        self._response = response
        self._release = release
        self._is_open = True

    @property
    def head(self) -> ResponseHead:
        return self._response.head

    def content(self) -> AsyncIterator[bytes]:
        """Chunks as the origin sent them; raises UpstreamError."""
        return self._response.content()

    async def aclose(self) -> None:
        """Give connection and slot back; idempotent."""
        if self._is_open:
            self._is_open = False
            self._release()
            await self._response.aclose()


class Origin:
    """Sends through one upstream, a bounded number at a time."""

    def __init__(
        self,
        upstream: Upstream,
        throttle: Throttle,
        base_path: bytes,
        clock: Clock,
        observe: Callable[[Sent], None],
    ) -> None:
        self._upstream = upstream
        self._throttle = throttle
        self._base_path = base_path
        self._clock = clock
        self._observe = observe

    async def send(self, request: OriginRequest) -> OriginResponse:
        """Wait for a slot, send, and return once the head is there. Raises UpstreamError."""
        await self._throttle.admit()
        is_handed_over = False
        try:
            response = await self._observed(request)
            is_handed_over = True
            return OriginResponse(response, self._throttle.release)
        finally:
            if not is_handed_over:
                self._throttle.release()

    async def _observed(self, request: OriginRequest) -> UpstreamResponse:
        started_at = self._clock.monotonic()
        outgoing = UpstreamRequest(
            request.method,
            self._base_path + request.target,
            request.fields,
            request.content,
            request.content_bytes,
        )
        head: ResponseHead | None = None
        try:
            response = await self._upstream.send(outgoing)
            head = response.head
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
                )
            )
        return response
