"""The answer to one client from one response: every client for itself.

The client's own condition, HEAD, the content coding it accepts, and the fields that say what the
cache did. The origin's fields are relayed untouched, duplicates and order included; what the cache
adds comes last. Nothing here reads content except to take gzip off.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from ghproxy.core import content_coding
from ghproxy.core.caching import ForwardReason
from ghproxy.core.entity_tag import is_current, strong_form
from ghproxy.core.fields import end_to_end, first, unpack, values
from ghproxy.core.message import Fields, RequestHead, ResponseHead
from ghproxy.core.outcome import CacheMode
from ghproxy.core.stored import StoredResponse
from ghproxy.core.stored_fields import momentary_fields

_CACHE: Final = b"ghproxy"
_NOT_IN_304: Final = frozenset(
    {
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"github-authentication-token-expiration",
        b"link",
        b"x-accepted-github-permissions",
        b"x-accepted-oauth-scopes",
        b"x-github-media-type",
        b"x-oauth-client-id",
        b"x-oauth-scopes",
    }
)
_REPLACED: Final = frozenset({b"x-cache-mode", b"x-from-cache"})
_CONTENTLESS: Final = frozenset({204, 304})
_INLINE_BYTES: Final = 1_048_576


class CacheReport(msgspec.Struct, frozen=True):
    """What the cache did, for X-Cache-Mode, Cache-Status (RFC 9211) and X-From-Cache."""

    mode: CacheMode
    status: bytes
    is_from_cache: bool = False


def forwarded_report(reason: ForwardReason, status: int, *, is_free: bool) -> CacheReport:
    """For a request that went on alone and left nothing behind; `status` is the origin's.

    On a cold key a 304 to the client's own condition is as good as one to ours, and `is_free` for
    those whom GitHub does not charge for it.
    """
    detail = b"fwd=" + reason.value.encode()
    if reason is not ForwardReason.URI_MISS:
        return CacheReport(CacheMode.SKIP, detail)
    if status == 304:
        mode = CacheMode.REVALIDATED if is_free else CacheMode.CHANGED
        return CacheReport(mode, detail + b"; fwd-status=304")
    return CacheReport(CacheMode.NO_STORE, detail)


STORED_MISS: Final = CacheReport(CacheMode.MISS, b"fwd=uri-miss; stored")
STORED_CHANGE: Final = CacheReport(CacheMode.CHANGED, b"fwd=stale; fwd-status=200; stored")


def collapsed_report(leader: CacheReport) -> CacheReport:
    """For a follower: the origin was asked once, for somebody else, so this one cost nothing."""
    status = leader.status.removesuffix(b"; stored") + b"; collapsed"
    return CacheReport(CacheMode.COALESCED, status, leader.is_from_cache)


def confirmed_report(*, is_free: bool) -> CacheReport:
    """For a 304 to the cache's own condition. GitHub charges anonymous clients for theirs."""
    mode = CacheMode.REVALIDATED if is_free else CacheMode.CHANGED
    return CacheReport(mode, b"hit; fwd=stale; fwd-status=304", is_from_cache=True)


def relayed_report(status: int, *, was_conditional: bool) -> CacheReport:
    """For an answer that the cache asked for and does not keep."""
    reason = b"fwd=stale; fwd-status=%d" % status if was_conditional else b"fwd=miss"
    return CacheReport(CacheMode.NO_STORE, reason)


def stale_report(age_seconds: float, cause: str) -> CacheReport:
    """For a stored response given because the origin failed; `cause` is a token (RFC 9209)."""
    status = b"hit; ttl=-%d; detail=%s" % (max(0, age_seconds), cause.encode("ascii"))
    return CacheReport(CacheMode.STALE, status, is_from_cache=True)


class Answer(msgspec.Struct, frozen=True):
    """Status, fields and whole content for one client; `chunks` replaces content that is large."""

    status: int
    fields: Fields
    content: bytes = b""
    chunks: Iterator[bytes] | None = None


def answer_from_stored(
    request: RequestHead, stored: StoredResponse, newest: Fields, report: CacheReport
) -> Answer:
    """Answer from a stored response; `newest` are the fields of the answer that confirmed it."""
    head = stored.head
    fields = unpack(head.fields) + unpack(head.own_fields) + momentary_fields(newest)
    return _answer(request, ResponseHead(head.status, fields), stored.content, report)


def answer_from_fetched(
    request: RequestHead, response: ResponseHead, content: bytes, report: CacheReport
) -> Answer:
    """Answer from a response that has just arrived, whole."""
    return _answer(request, response, content, report)


def without_cookies(response: ResponseHead) -> ResponseHead:
    """The head for another client than the one that asked: a cookie is one client's."""
    kept = tuple(line for line in response.fields if line[0] != b"set-cookie")
    return ResponseHead(response.status, kept)


def relayed_fields(fields: Fields, report: CacheReport) -> Fields:
    """Fields of an answer that is relayed as it came."""
    return _reported(end_to_end(fields), report)


def decoder_for(request: RequestHead, response: ResponseHead) -> content_coding.Gunzip | None:
    """What takes gzip off a stream that this client cannot read; None where it is to be relayed."""
    if not content_coding.is_gzip(response.fields) or content_coding.accepts_gzip(request.fields):
        return None
    return content_coding.Gunzip()


def identity_fields(fields: Fields) -> Fields:
    """Fields of the identity form, as GitHub sends it: a strong entity tag, no Content-Encoding."""
    dropped = (b"content-encoding", b"content-length")
    return _strong(tuple(line for line in fields if line[0] not in dropped))


def _answer(
    request: RequestHead, response: ResponseHead, content: bytes, report: CacheReport
) -> Answer:
    fields = end_to_end(response.fields)
    entity_tag = first(fields, b"etag")
    conditions = values(request.fields, b"if-none-match")
    if conditions and response.status == 200 and entity_tag and is_current(conditions, entity_tag):
        kept = tuple(line for line in fields if line[0] not in _NOT_IN_304)
        return Answer(304, _reported(_strong(kept), report))
    if response.status in _CONTENTLESS:
        return Answer(response.status, _reported(fields, report))
    if decoder_for(request, response) is not None:
        reported = _reported(identity_fields(fields), report)
        return _without_content(request, _decoded(response.status, reported, content))
    answer = Answer(response.status, _sized(_reported(fields, report), len(content)), content)
    return _without_content(request, answer)


def _decoded(status: int, fields: Fields, content: bytes) -> Answer:
    """The uncompressed answer, whole and with its length unless it is large.

    Raises ValueError where the content is damaged within the part looked at here.
    """
    chunks = content_coding.gunzip(content)
    begun: list[bytes] = []
    size = 0
    for chunk in chunks:
        begun.append(chunk)
        size += len(chunk)
        if size > _INLINE_BYTES:
            return Answer(status, fields, chunks=_chain(begun, chunks))
    return Answer(status, _sized(fields, size), b"".join(begun))


def _chain(begun: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from begun
    yield from rest


def _without_content(request: RequestHead, answer: Answer) -> Answer:
    return Answer(answer.status, answer.fields) if request.method == "HEAD" else answer


def _strong(fields: Fields) -> Fields:
    return tuple(
        (name, strong_form(value)) if name == b"etag" else (name, value) for name, value in fields
    )


def _sized(fields: Fields, content_bytes: int) -> Fields:
    """Exactly one Content-Length, where the origin's stood or at the end."""
    size = (b"content-length", b"%d" % content_bytes)
    stated = [line for line in fields if line[0] == b"content-length"]
    if stated == [size]:
        return fields
    return (*(line for line in fields if line[0] != b"content-length"), size)


def _reported(fields: Fields, report: CacheReport) -> Fields:
    added = [
        (b"x-cache-mode", report.mode.value.encode()),
        (b"cache-status", _CACHE + b"; " + report.status),
    ]
    if report.is_from_cache:
        added.append((b"x-from-cache", b"1"))
    added.append((b"via", b"1.1 " + _CACHE))
    kept = tuple(line for line in fields if line[0] not in _REPLACED)
    return (*kept, *added)
