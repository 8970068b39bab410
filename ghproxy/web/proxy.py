"""The endpoint of the main port: one plain ASGI callable, every path of it the origin's.

It reads the request as it came, hands it to the gateway and writes the answer; what happened is
recorded once, at the end. The server's protocol class refuses malformed requests before they get
here and cancels this task when its client leaves.
"""

import asyncio
import itertools
import secrets
from collections.abc import Callable, MutableMapping
from typing import Any

import msgspec

from ghproxy.clock import Clock
from ghproxy.core.credential import Credential, credential_from_fields
from ghproxy.core.errors import UpstreamError
from ghproxy.core.fields import first, without_nominated
from ghproxy.core.message import RequestHead
from ghproxy.core.outcome import CacheMode, Outcome
from ghproxy.gateway import Exchange, Gateway, Reply
from ghproxy.web import errors
from ghproxy.web.protocol import TornResponse
from ghproxy.web.request_content import (
    Receive,
    RequestContent,
    RequestContentError,
    RequestContentSettings,
)
from ghproxy.web.response_writer import ResponseWriter, Send, WritingSettings

Scope = MutableMapping[str, Any]


class ProxySettings(msgspec.Struct, frozen=True):
    """Seconds until an answer must have begun, and what is asked of clients meanwhile."""

    request_timeout_seconds: float = 30.0
    content: RequestContentSettings = RequestContentSettings()
    writing: WritingSettings = WritingSettings()


class ProxyEndpoint:
    """ASGI: scope in, the gateway's reply out."""

    def __init__(
        self,
        settings: ProxySettings,
        gateway: Gateway,
        clock: Clock,
        record: Callable[[Outcome], None],
    ) -> None:
        self._settings = settings
        self._gateway = gateway
        self._clock = clock
        self._record = record
        self._request_id_prefix = secrets.token_hex(4)
        self._request_numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        visit = _Visit(request_from_scope(scope), self._clock.monotonic())
        request_id = first(visit.request.fields, b"x-request-id") or self._next_request_id()
        writer = ResponseWriter(self._settings.writing, send, visit.request.method, request_id)
        try:
            await self._answer(visit, receive, writer)
        except UpstreamError as error:
            await _fail(visit, writer, errors.bad_gateway(error), error.detail)
        except RequestContentError as error:
            await _fail(visit, writer, _content_timed_out(), str(error))
        except TimeoutError:
            seconds = self._settings.request_timeout_seconds
            await _fail(visit, writer, errors.request_timed_out(seconds), "request time-out")
        finally:
            self._record(visit.outcome(self._clock.monotonic(), writer.status))

    async def _answer(self, visit: "_Visit", receive: Receive, writer: ResponseWriter) -> None:
        async with asyncio.timeout(self._settings.request_timeout_seconds) as deadline:
            reply = await self._reply(visit, receive, deadline)
            try:
                visit.mode = reply.mode
                begun = await writer.begin(reply)
            except BaseException:
                await reply.aclose()
                raise
        try:
            await writer.write(reply, begun)
        finally:
            await reply.aclose()

    async def _reply(self, visit: "_Visit", receive: Receive, deadline: asyncio.Timeout) -> Reply:
        """The gateway's reply; while we wait for the client's content, its own time runs."""
        exchange = Exchange(visit.request, visit.credential, visit.user_agent)
        if _has_no_content(visit.request):
            return await self._gateway.handle(exchange)
        limit_seconds = self._settings.request_timeout_seconds
        loop = asyncio.get_running_loop()
        content = RequestContent(
            self._settings.content,
            receive,
            on_wait=lambda: deadline.reschedule(None),
            on_block=lambda: deadline.reschedule(loop.time() + limit_seconds),
        )
        gathered = await content.gather()
        exchange = msgspec.structs.replace(
            exchange, content=gathered, content_bytes=_length(visit.request)
        )
        try:
            return await self._gateway.handle(exchange)
        finally:
            # An answer may come before the content is through: nobody reads on then.
            if not isinstance(gathered, bytes):
                await gathered.aclose()

    def _next_request_id(self) -> bytes:
        return f"{self._request_id_prefix}-{next(self._request_numbers):x}".encode()


class _Visit:
    """What becomes of one request while it is here; `outcome` freezes it."""

    def __init__(self, request: RequestHead, started_at: float) -> None:
        self.request = request
        self.started_at = started_at
        self.credential: Credential = credential_from_fields(request.fields)
        self.user_agent = (first(request.fields, b"user-agent") or b"").decode("latin-1")
        self.mode = CacheMode.ERROR
        self.error = ""

    def outcome(self, ended_at: float, status: int) -> Outcome:
        return Outcome(
            self.request.method,
            self.request.target,
            self.user_agent,
            self.credential.budget,
            self.mode,
            status,
            ended_at - self.started_at,
            self.error,
        )


async def _fail(visit: _Visit, writer: ResponseWriter, page: errors.Answer, detail: str) -> None:
    visit.mode = CacheMode.ERROR
    visit.error = detail
    if writer.status:
        # The head is out: only a torn connection tells the client that the content is not whole.
        raise TornResponse
    await writer.write_page(page)


def request_from_scope(scope: Scope) -> RequestHead:
    """The head as it was sent; the protocol class leaves the exact target in the scope."""
    target = scope.get("ghproxy.target")
    if target is None:
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
    fields = without_nominated(tuple(scope["headers"]))
    return RequestHead(scope["method"], target, fields)


def _has_no_content(request: RequestHead) -> bool:
    for name, value in request.fields:
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")):
            return False
    return True


def _length(request: RequestHead) -> int | None:
    stated = first(request.fields, b"content-length")
    return None if stated is None else int(stated)


def _content_timed_out() -> errors.Answer:
    return errors.error_response(408, "The request content stalled", close=True)
