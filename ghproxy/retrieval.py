"""One question to the origin on behalf of the cache: load, ask, keep; what a flight carries out.

Content is buffered only where the answer is to be stored (up to a limit) or is a small refusal;
everything else is handed on as a stream that one client may have. Nothing that was cut short,
damaged or contradictory is ever kept.
"""

import asyncio
from typing import Protocol

import msgspec

from ghproxy.clock import Clock
from ghproxy.core import caching, content_coding
from ghproxy.core.caching import Freshen, GiveUp, Policy, Refetch, Relay, ReuseStale, Store
from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.core.fields import values
from ghproxy.core.forwarding import storable_request_fields
from ghproxy.core.stored import StoredHead, StoredResponse
from ghproxy.origin import Origin, OriginRequest, OriginResponse
from ghproxy.reading import Unread, examine, read_content
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
from ghproxy.stores import base

_REFUSAL_BYTES = 262_144


class Progress(Protocol):
    """Who waits for a retrieval is told when the request goes out and when it is answered."""

    def depart(self) -> None:
        """A slot was there: the request goes out now."""

    def close_boarding(self) -> None:
        """The origin has answered."""


class Unshared:
    """The progress of a retrieval that nobody else waits for."""

    def depart(self) -> None: ...

    def close_boarding(self) -> None: ...


class RetrievalSettings(msgspec.Struct, frozen=True):
    """`max_stored_bytes`: content beyond it is relayed, never stored. `user_agent`: our own.

    `answer_timeout_seconds` is how long a stored response that may stand in for a failing origin
    waits for the origin's word; it has to end before the client's own patience does.
    """

    max_stored_bytes: int
    policy: Policy
    user_agent: bytes
    answer_timeout_seconds: float


class Retrieval:
    """Asks the origin for what the store has, had, or lacks."""

    def __init__(
        self, settings: RetrievalSettings, origin: Origin, store: base.Store, clock: Clock
    ) -> None:
        self._settings = settings
        self._origin = origin
        self._store = store
        self._clock = clock

    async def retrieve(self, asked: Asked, progress: Progress) -> Retrieved:
        """Ask under the cache's own condition."""
        try:
            async with asyncio.timeout(await self._limit_seconds(asked)):
                return await self._ask(asked, progress)
        except UpstreamError as error:
            return await self._without_answer(asked, error)
        except TimeoutError:
            too_slow = UpstreamError(ProxyError.HTTP_RESPONSE_TIMEOUT, "The origin is too slow.")
            return await self._without_answer(asked, too_slow)

    async def retrieve_alone(self, asked: Asked) -> Retrieved:
        """Ask under the client's own condition; its 304 comes back as Refused."""
        conditions = values(asked.request.fields, b"if-none-match")
        try:
            admission = await self._origin.admit()
            response = await admission.send(self._request(asked, b", ".join(conditions)))
            if response.head.status == 304:
                await response.aclose()
                return Refused(response.head, b"", was_conditional=True)
            return await self._act(asked, None, response)
        except UpstreamError as error:
            return Failed(error)

    async def _limit_seconds(self, asked: Asked) -> float | None:
        """How long to wait for an answer where a stored one may stand in for it, else for ever."""
        if not self._settings.policy.stale_if_error_seconds:
            return None
        stored = await self._store.load(asked.key)
        head = stored.head if stored else None
        match caching.on_failure(head, self._settings.policy, self._clock.now()):
            case ReuseStale():
                return self._settings.answer_timeout_seconds
            case _:
                return None

    async def _ask(self, asked: Asked, progress: Progress) -> Retrieved:
        stored, response = await self._send(asked, progress)
        try:
            return await self._act(asked, stored, response)
        except _OtherConfirmedError:
            admission = await self._origin.admit()
            return await self._act(asked, None, await admission.send(self._request(asked, None)))

    async def _send(
        self, asked: Asked, progress: Progress
    ) -> tuple[StoredResponse | None, OriginResponse]:
        """Send as soon as there is a slot; what is stored is looked up then, not before."""
        admission = await self._origin.admit()
        try:
            progress.depart()
            stored = await self._store.load(asked.key)
            request = self._request(asked, stored.head.entity_tag if stored else None)
            response = await admission.send(request)
        except BaseException:
            admission.release()
            raise
        progress.close_boarding()
        return stored, response

    def _request(self, asked: Asked, entity_tag: bytes | None) -> OriginRequest:
        fields = storable_request_fields(
            asked.request.fields, self._settings.user_agent, entity_tag
        )
        return OriginRequest(
            "GET", asked.request.target, fields, asked.credential.budget, asked.user_agent
        )

    async def _act(
        self, asked: Asked, stored: StoredResponse | None, response: OriginResponse
    ) -> Retrieved:
        """Carry out what the core decides about an answer; the response is closed or handed on."""
        is_handed_over = False
        try:
            retrieved = await self._decided(asked, stored, response)
            is_handed_over = isinstance(retrieved, Streamed)
            return retrieved
        finally:
            if not is_handed_over:
                await response.aclose()

    async def _decided(
        self, asked: Asked, stored: StoredResponse | None, response: OriginResponse
    ) -> Retrieved:
        policy, now = self._settings.policy, self._clock.now()
        head = stored.head if stored else None
        match caching.on_response(head, response.head, policy, now):
            case Freshen(freshened, is_worth_writing):
                assert stored is not None
                if is_worth_writing or policy.stale_if_error_seconds:
                    await self._store.freshen(asked.key, freshened)
                return Confirmed(StoredResponse(freshened, stored.content), response.head)
            case Store() as store:
                return await self._keep(asked, store, response, was_conditional=head is not None)
            case Relay(refused):
                if refused is not None:
                    await self._store.freshen(asked.key, refused)
                return await self._relay(response, was_conditional=head is not None)
            case ReuseStale():
                assert stored is not None
                return self._stale(stored, f"status-{response.head.status}")
            case Refetch():
                raise _OtherConfirmedError

    async def _keep(
        self, asked: Asked, store: Store, response: OriginResponse, *, was_conditional: bool
    ) -> Retrieved:
        read = await read_content(response, self._settings.max_stored_bytes)
        if isinstance(read, Unread):
            return Streamed(response, read.begun, read.rest, was_conditional)
        digest = await examine(read, is_gzip=content_coding.is_gzip(response.head.fields))
        if digest is None:
            raise UpstreamError(
                ProxyError.HTTP_PROTOCOL_ERROR, "The origin's gzip content is damaged."
            )
        now = self._clock.now()
        head = StoredHead(
            response.head.status,
            store.fields,
            store.own_fields,
            store.entity_tag,
            digest,
            len(read),
            stored_at=now,
            validated_at=now,
        )
        await self._store.save(asked.key, StoredResponse(head, read))
        return Fetched(response.head, read, was_conditional)

    async def _relay(self, response: OriginResponse, *, was_conditional: bool) -> Retrieved:
        if 200 <= response.head.status < 300 and response.head.status != 204:
            return Streamed(response, [], response.content(), was_conditional)
        read = await read_content(response, _REFUSAL_BYTES)
        if isinstance(read, Unread):
            return Streamed(response, read.begun, read.rest, was_conditional)
        return Refused(response.head, read, was_conditional)

    async def _without_answer(self, asked: Asked, error: UpstreamError) -> Retrieved:
        stored = await self._store.load(asked.key)
        head = stored.head if stored else None
        match caching.on_failure(head, self._settings.policy, self._clock.now()):
            case ReuseStale():
                assert stored is not None
                return self._stale(stored, error.kind.value)
            case GiveUp():
                return Failed(error)

    def _stale(self, stored: StoredResponse, cause: str) -> Stale:
        return Stale(stored, self._clock.now() - stored.head.validated_at, cause)


class _OtherConfirmedError(Exception):
    """A 304 whose entity tag is not the one that was asked about."""
