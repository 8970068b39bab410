"""One exchange through httpx: the request in its terms, its response checked and in ours.

Keeps the limits of time, since httpx's are per operation: httpcore's trace says how far a request
has come, and the limit moves with it.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, Final, Protocol, TypeVar

import httpx

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.core.fields import has
from ghproxy.core.message import Fields, ResponseHead
from ghproxy.upstream import failures, framing
from ghproxy.upstream.base import OriginAddress, UpstreamRequest, UpstreamSettings
from ghproxy.upstream.lane import Lane

R = TypeVar("R")

_SLICE_BYTES: Final = 64 * 1024


class Owner(Protocol):
    """Who keeps the lanes."""

    def release(self, lane: Lane) -> None: ...

    def retire(self, lane: Lane) -> None: ...


class HttpxResponse:
    """An `UpstreamResponse`; `open` first."""

    head: ResponseHead

    def __init__(
        self,
        lane: Lane,
        origin: OriginAddress,
        settings: UpstreamSettings,
        owner: Owner,
        deadline: float,
    ) -> None:
        self._lane = lane
        self._origin = origin
        self._settings = settings
        self._owner = owner
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._scope: asyncio.Timeout | None = None
        self._phase = (
            ProxyError.CONNECTION_TIMEOUT,
            f"{origin.host} could not be reached in time.",
        )
        self._response: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] | None = None
        self._is_end_unsure = False
        self._error: UpstreamError | None = None

    async def open(self, request: UpstreamRequest) -> None:
        """Send the request and wait for the head; who gets an exception retires the lane."""
        self._lane.is_connected.clear()
        await self._limited(self._ask(request), self._settings.connect_timeout_seconds)
        if self._pieces is None:
            self._owner.release(self._lane)

    def content(self) -> "HttpxResponse":
        return self

    def __aiter__(self) -> "HttpxResponse":
        return self

    async def __anext__(self) -> bytes:
        if self._error is not None:
            raise self._error
        if self._pieces is None:
            raise StopAsyncIteration
        self._phase = (
            ProxyError.CONNECTION_READ_TIMEOUT,
            f"The origin's response stalled for {self._settings.stall_timeout_seconds:g} s.",
        )
        try:
            piece = await self._limited(self._next(), self._settings.stall_timeout_seconds)
        except UpstreamError as error:
            self._error = _in_content(error)
            self._owner.retire(self._lane)
            raise self._error from error
        except BaseException:
            await self.aclose()
            raise
        if piece is not None:
            return piece
        self._pieces = None
        self._owner.release(self._lane)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        if self._pieces is not None and self._error is None:
            self._error = UpstreamError(
                ProxyError.HTTP_RESPONSE_INCOMPLETE, "The response was closed before its end."
            )
            self._owner.retire(self._lane)

    # In the lane's task

    async def _ask(self, request: UpstreamRequest) -> None:
        settings = self._settings
        origin = self._origin
        asked = httpx.Request(
            request.method,
            httpx.URL(scheme=origin.scheme, host=origin.host, port=origin.port),
            headers=[
                (b"host", origin.authority),
                *((name, value.strip(b" \t")) for name, value in request.fields),
                *framing.framing_fields(request),
            ],
            stream=_Content(request, self._lane),
            extensions={
                "trace": self._trace,
                "timeout": {
                    "connect": settings.connect_timeout_seconds,
                    "write": settings.stall_timeout_seconds,
                },
            },
        )
        asked.url = _Url(asked.url, request.target)
        response = await self._lane.transport.handle_async_request(asked)
        self._response = response
        fields = tuple((name.lower(), value) for name, value in response.headers.raw)
        if response.extensions.get("http_version") not in (b"HTTP/1.1", b"HTTP/1.0"):
            raise _broken("something that is not an HTTP/1 response")
        self._check(response.status_code, fields)
        self.head = ResponseHead(response.status_code, fields)
        pieces = aiter(response.stream)  # type: ignore[arg-type]  # httpx types it for both worlds
        has_no_content = request.method == "HEAD" or self.head.status in (204, 304)
        self._pieces = pieces
        if has_no_content or (b"content-length", b"0") in fields:
            await self._next()
            self._pieces = None
        elif framing.content_framing(fields) is framing.ContentFraming.CLOSE:
            # httpx takes a cut TLS connection for an end in order.
            self._is_end_unsure = origin.scheme == "https"

    async def _next(self) -> bytes | None:
        if self._pieces is None or self._response is None:
            return None
        async for piece in self._pieces:
            if piece:
                return piece
        if self._is_end_unsure:
            raise UpstreamError(
                ProxyError.HTTP_RESPONSE_INCOMPLETE,
                "The origin ended its response by closing, which cannot be told from a cut here.",
            )
        await self._response.aclose()
        return None

    async def _trace(self, event: str, details: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            if details["request"].method != b"CONNECT":
                self._lane.is_connected.set()
                self._move(self._deadline)
        elif event == "http11.send_request_body.complete" and self._lane.is_connected.is_set():
            limit = self._settings.first_byte_timeout_seconds
            self._phase = (
                ProxyError.CONNECTION_READ_TIMEOUT,
                f"The origin did not answer within {limit:g} s.",
            )
            self._move(self._loop.time() + limit)

    def _check(self, status: int, fields: Fields) -> None:
        """Refuse what h11 lets pass."""
        if not 200 <= status <= 599:
            raise _broken(f"the status {status} where it has no place")
        if has(fields, b"transfer-encoding") and has(fields, b"content-length"):
            raise _broken("both Transfer-Encoding and Content-Length")
        if framing.section_bytes(fields) > self._settings.max_head_bytes:
            raise UpstreamError(
                ProxyError.HTTP_RESPONSE_HEADER_SECTION_SIZE,
                f"The origin's response head exceeds {self._settings.max_head_bytes} bytes.",
            )
        try:
            framing.content_framing(fields)
        except ValueError as error:
            raise _broken(str(error)) from error

    # Limits of time

    async def _limited(self, work: Coroutine[Any, Any, R], seconds: float) -> R:
        at = min(self._loop.time() + seconds, self._deadline)
        self._scope = scope = asyncio.timeout_at(at)
        try:
            return await self._lane.run(work, self._origin.host, scope)
        except TimeoutError as error:
            if not scope.expired():
                raise  # the request's content raised it
            if self._loop.time() >= self._deadline - 0.002:
                raise failures.too_late(self._settings.total_timeout_seconds) from error
            raise UpstreamError(*self._phase) from error
        finally:
            self._scope = None

    def _move(self, at: float) -> None:
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(min(at, self._deadline))


class _Url(httpx.URL):
    """A URL whose target is left as it is.

    Not the extension "target": httpcore would take it for the target of CONNECT too.
    """

    def __init__(self, url: httpx.URL, target: bytes) -> None:
        super().__init__(url)
        self._target = target

    @property
    def raw_path(self) -> bytes:
        return self._target


class _Content(httpx.AsyncByteStream):
    """A request's content, as long as was stated and not a byte more."""

    def __init__(self, request: UpstreamRequest, lane: Lane) -> None:
        self._request = request
        self._lane = lane

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._request.content
        if isinstance(content, bytes):
            for start in range(0, len(content), _SLICE_BYTES):
                yield content[start : start + _SLICE_BYTES]
            return
        remaining = self._request.content_bytes
        while (piece := await self._lane.next_of(content)) is not None:
            if remaining is not None:
                remaining -= len(piece)
                if remaining < 0:
                    raise ValueError("the content is longer than its stated length")
            if piece:
                yield piece
        if remaining:
            raise ValueError("the content is shorter than its stated length")


def _in_content(error: UpstreamError) -> UpstreamError:
    """The same failure once the head has come."""
    if error.kind is ProxyError.CONNECTION_TERMINATED:
        detail = "The origin's response was cut short."
        return UpstreamError(ProxyError.HTTP_RESPONSE_INCOMPLETE, detail)
    return error


def _broken(what: str) -> UpstreamError:
    return UpstreamError(ProxyError.HTTP_PROTOCOL_ERROR, f"The origin sent {what}.")
