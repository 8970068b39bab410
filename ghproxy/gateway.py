"""The order of the steps of a request; nobody else knows it.

May the cache be asked? If not, send and relay. If so, one flight per key asks the origin under the
cache's own condition, and every client gets the answer that its own request deserves.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import assert_never

import msgspec

from ghproxy.coalescer import Coalescer, Flight, Landing, Sharing
from ghproxy.core import answering, caching, content_coding
from ghproxy.core.answering import Answer, CacheReport
from ghproxy.core.cache_key import cache_key
from ghproxy.core.caching import Fetch, FetchAlone, Forward, ForwardReason, LookUp
from ghproxy.core.credential import Credential
from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.core.forwarding import forwarded_fields
from ghproxy.core.message import Fields, RequestHead
from ghproxy.core.outcome import CacheMode
from ghproxy.origin import Origin, OriginRequest, OriginResponse
from ghproxy.retrieval import Retrieval, Unshared
from ghproxy.retrieved import (
    Asked,
    Confirmed,
    Failed,
    Fetched,
    Refused,
    Retrieved,
    Stale,
    Streamed,
)
from ghproxy.stores.base import Store

# Refusals that may be due to fields which only the leader sent: one follower asks again.
_OF_ONE_REQUEST = frozenset({400, 408, 413, 414, 431})


class Exchange(msgspec.Struct, frozen=True):
    """One client's request: its head, who asks, and its content (whole, or a stream)."""

    request: RequestHead
    credential: Credential
    user_agent: str
    content: bytes | AsyncIterator[bytes] = b""
    content_bytes: int | None = None


class Reply(msgspec.Struct, frozen=True):
    """What to write: whole `content`, or `chunks` where it is set; close it in any case."""

    status: int
    fields: Fields
    mode: CacheMode
    content: bytes = b""
    chunks: AsyncGenerator[bytes, None] | None = None
    response: OriginResponse | None = None

    async def aclose(self) -> None:
        """Let go of the origin's response; idempotent."""
        if self.chunks is not None:
            await self.chunks.aclose()
        if self.response is not None:
            await self.response.aclose()


class Gateway:
    """Answers exchanges from the origin and from what is stored."""

    def __init__(
        self,
        identity: bytes,
        store: Store,
        origin: Origin,
        retrieval: Retrieval,
        coalescer: Coalescer[Retrieved],
    ) -> None:
        self._identity = identity
        self._store = store
        self._origin = origin
        self._retrieval = retrieval
        self._coalescer = coalescer

    async def handle(self, exchange: Exchange) -> Reply:
        """Answer one exchange. Raises UpstreamError where the origin gives no usable answer."""
        match caching.before_lookup(exchange.request):
            case Forward(reason):
                return await self._forward(exchange, reason)
            case LookUp():
                return await self._consult(exchange)

    async def _consult(self, exchange: Exchange) -> Reply:
        key = cache_key(self._identity, exchange.request, exchange.credential)
        asked = Asked(key, exchange.request, exchange.credential, exchange.user_agent)
        match await self._decide(asked):
            case Forward(reason):
                return await self._forward(exchange, reason)
            case FetchAlone():
                return self._reply(exchange, await self._retrieval.retrieve_alone(asked))
            case Fetch():
                return await self._share(exchange, asked)

    async def _decide(self, asked: Asked) -> Forward | Fetch | FetchAlone:
        if not caching.is_lookup_decisive(asked.request):
            return Fetch()  # the flight looks by itself
        stored = await self._store.load(asked.key)
        return caching.on_request(asked.request, stored.head if stored else None)

    async def _share(self, exchange: Exchange, asked: Asked) -> Reply:
        async def perform(flight: Flight[Retrieved]) -> Landing[Retrieved]:
            retrieved = await self._retrieval.retrieve(asked, flight)
            return Landing(retrieved, _sharing(retrieved))

        arrival = await self._coalescer.join(asked.key, perform)
        if arrival.result is not None:
            return self._reply(exchange, arrival.result, is_follower=not arrival.is_leader)
        alone = await self._retrieval.retrieve(asked, Unshared())
        return self._reply(exchange, alone)

    async def _forward(self, exchange: Exchange, reason: ForwardReason) -> Reply:
        request = exchange.request
        outgoing = OriginRequest(
            request.method,
            request.target,
            forwarded_fields(request.fields),
            exchange.credential.budget,
            exchange.user_agent,
            exchange.content,
            exchange.content_bytes,
        )
        admission = await self._origin.admit()
        try:
            response = await admission.send(outgoing)
        finally:
            if caching.may_write(request, exchange.content):
                self._coalescer.note_write()
        try:
            caching.refuse_unasked(request, response.head.status)
        except UpstreamError:
            await response.aclose()
            raise
        report = answering.forwarded_report(
            reason, response.head.status, is_free=not exchange.credential.is_anonymous
        )
        fields = answering.relayed_fields(response.head.fields, report)
        chunks = _relay(response, [], response.content(), None)
        return Reply(response.head.status, fields, report.mode, chunks=chunks, response=response)

    def _reply(
        self, exchange: Exchange, retrieved: Retrieved, *, is_follower: bool = False
    ) -> Reply:
        request = exchange.request
        report = _report(exchange, retrieved)
        if is_follower and not isinstance(retrieved, Stale):
            report = answering.collapsed_report(report)
        try:
            match retrieved:
                case Confirmed(stored, newest):
                    answer = answering.answer_from_stored(request, stored, newest.fields, report)
                case Stale(stored):
                    answer = answering.answer_from_stored(request, stored, (), report)
                case Fetched(response, content) | Refused(response, content):
                    if is_follower:
                        response = answering.without_cookies(response)
                    answer = answering.answer_from_fetched(request, response, content, report)
                case Streamed():
                    return _streamed(request, retrieved, report)
                case Failed(error):
                    raise error
                case _:
                    assert_never(retrieved)
        except ValueError as error:
            raise _damaged(error) from error
        return _from_answer(answer, report)


def _sharing(retrieved: Retrieved) -> Sharing:
    match retrieved:
        case Streamed():
            return Sharing.ONE
        case Failed():
            return Sharing.TRANSIENT
        case Refused(response) if response.status >= 500 or response.status in _OF_ONE_REQUEST:
            return Sharing.TRANSIENT
        case _:
            return Sharing.EVERYBODY


def _report(exchange: Exchange, retrieved: Retrieved) -> CacheReport:
    is_free = not exchange.credential.is_anonymous
    match retrieved:
        case Confirmed():
            return answering.confirmed_report(is_free=is_free)
        case Fetched(was_conditional=was_conditional):
            return answering.STORED_CHANGE if was_conditional else answering.STORED_MISS
        case Stale(_, age_seconds, cause):
            return answering.stale_report(age_seconds, cause)
        case Refused(response) if response.status == 304:
            return answering.forwarded_report(ForwardReason.URI_MISS, 304, is_free=is_free)
        case Refused(response, _, was_conditional):
            return answering.relayed_report(response.status, was_conditional=was_conditional)
        case Streamed(response, _, _, was_conditional):
            return answering.relayed_report(response.head.status, was_conditional=was_conditional)
        case Failed(error):
            raise error
        case _:
            assert_never(retrieved)


def _from_answer(answer: Answer, report: CacheReport) -> Reply:
    chunks = None if answer.chunks is None else _pieces(answer.chunks)
    return Reply(answer.status, answer.fields, report.mode, answer.content, chunks)


def _streamed(request: RequestHead, streamed: Streamed, report: CacheReport) -> Reply:
    response = streamed.response
    decoder = answering.decoder_for(request, response.head)
    fields = answering.relayed_fields(response.head.fields, report)
    if decoder is not None:
        fields = answering.identity_fields(fields)
    chunks = _relay(response, streamed.begun, streamed.rest, decoder)
    return Reply(response.head.status, fields, report.mode, chunks=chunks, response=response)


async def _pieces(chunks: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    try:
        for chunk in chunks:
            yield chunk
    except ValueError as error:
        raise _damaged(error) from error


async def _relay(
    response: OriginResponse,
    begun: list[bytes],
    rest: AsyncIterator[bytes],
    decoder: content_coding.Gunzip | None,
) -> AsyncGenerator[bytes, None]:
    """The content as it arrives; the connection is given back at the end."""
    try:
        async with aclosing(_joined(begun, rest)) as received:
            async for data in received:
                if decoder is None:
                    yield data
                    continue
                for chunk in decoder.feed(data):
                    yield chunk
        if decoder is not None:
            decoder.finish()
    except ValueError as error:
        raise _damaged(error) from error
    finally:
        await response.aclose()


async def _joined(begun: list[bytes], rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    for chunk in begun:
        yield chunk
    async for chunk in rest:
        yield chunk


def _damaged(error: ValueError) -> UpstreamError:
    return UpstreamError(ProxyError.HTTP_PROTOCOL_ERROR, f"The origin's content is wrong: {error}.")
