"""The cache as questions (RFC 9111): may it be consulted, what to ask, what to do with the answer.

Everything stored is validated with its entity tag before it is reused, whatever Cache-Control
says. If-Modified-Since is never used: GitHub answers 304 to it for what did change.
Heads only: content never enters.
"""

import enum
from typing import Final

import msgspec

from ghproxy.core.cache_key import is_covered
from ghproxy.core.entity_tag import opaque_tag
from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.core.fields import first, has, members, values
from ghproxy.core.message import Fields, RequestHead, ResponseHead
from ghproxy.core.stored import StoredHead, is_worth_writing
from ghproxy.core.stored_fields import freshened, kept_fields


class ForwardReason(enum.StrEnum):
    """Why a request goes on without the cache, in the words of RFC 9211 2.2."""

    METHOD = "method"
    REQUEST = "request"
    BYPASS = "bypass"
    URI_MISS = "uri-miss"


class Forward(msgspec.Struct, frozen=True):
    """Send without asking the cache, relay as a stream."""

    reason: ForwardReason


class LookUp(msgspec.Struct, frozen=True):
    """The cache may be asked."""


class Fetch(msgspec.Struct, frozen=True):
    """Ask the origin, together with whoever asks the same; the condition is the cache's own."""


class FetchAlone(msgspec.Struct, frozen=True):
    """Ask the origin under the client's own condition, so outside any flight."""


class Policy(msgspec.Struct, frozen=True):
    """What the operator decided. `stale_if_error_seconds` is 0 for never."""

    stale_if_error_seconds: float = 0.0


_BYPASSED: Final = frozenset({b"/rate_limit", b"/graphql", b"/api/v3/rate_limit", b"/api/graphql"})
_GRAPHQL: Final = frozenset({b"/graphql", b"/api/graphql"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_UNCACHED: Final = frozenset(
    {
        b"cookie",
        b"if-match",
        b"if-range",
        b"if-unmodified-since",
        b"range",
        b"transfer-encoding",
        b"x-github-otp",
    }
)


def before_lookup(request: RequestHead) -> Forward | LookUp:
    """Whether the cache has a say in this request at all.

    A request without a user agent is refused by GitHub, so it may not lead others: it goes alone.
    """
    if request.method not in {"GET", "HEAD"}:
        return Forward(ForwardReason.METHOD)
    if request.target.partition(b"?")[0].rstrip(b"/") in _BYPASSED:
        return Forward(ForwardReason.BYPASS)
    user_agent = b""
    for name, value in request.fields:
        if name == b"user-agent":
            user_agent = value
        elif _is_uncached(name, value):
            return Forward(ForwardReason.REQUEST)
    return LookUp() if user_agent else Forward(ForwardReason.REQUEST)


def _is_uncached(name: bytes, value: bytes) -> bool:
    if name == b"content-length":
        return value.strip(b"0") != b""
    if name == b"cache-control":
        return b"no-store" in members([value])
    return name in _UNCACHED


def may_write(request: RequestHead, content: object) -> bool:
    """Whether this request may have changed something at the origin.

    GraphQL asks by POST; without the word there is no mutation in it. Escaped, it would deceive
    only whoever wrote it so: what follows is that a read may join one from just before.
    """
    if request.method in _SAFE:
        return False
    if request.target.partition(b"?")[0].rstrip(b"/") in _GRAPHQL and isinstance(content, bytes):
        return b"mutation" in content
    return True


def is_lookup_decisive(request: RequestHead) -> bool:
    """Whether what to do depends on what is stored: a HEAD, or a client with a copy of its own."""
    return request.method == "HEAD" or has(request.fields, b"if-none-match")


def on_request(request: RequestHead, stored: StoredHead | None) -> Forward | Fetch | FetchAlone:
    """What to do with a request the cache may serve.

    On a cold key HEAD has nothing to store, and a client's own entity tag may still earn it a free
    304 from the origin.
    """
    if stored is not None or not is_lookup_decisive(request):
        return Fetch()
    return Forward(ForwardReason.URI_MISS) if request.method == "HEAD" else FetchAlone()


class Store(msgspec.Struct, frozen=True):
    """Keep the response once its content is whole; relay it from there."""

    entity_tag: bytes
    fields: bytes
    own_fields: bytes


class Freshen(msgspec.Struct, frozen=True):
    """The stored response is current; `head`, validated now, replaces its head.

    `is_worth_writing` is False where only the time of validation is new.
    """

    head: StoredHead
    is_worth_writing: bool


class Relay(msgspec.Struct, frozen=True):
    """Pass on without keeping. `refused` is a stored head that only a validation may revive."""

    refused: StoredHead | None = None


class Refetch(msgspec.Struct, frozen=True):
    """The 304 confirms something else than what was asked: ask again, unconditionally."""


class ReuseStale(msgspec.Struct, frozen=True):
    """Give what is stored, as the operator allows while GitHub fails."""


class GiveUp(msgspec.Struct, frozen=True):
    """Say what failed."""


_REFUSALS: Final = frozenset({401, 404, 410})


def on_response(
    stored: StoredHead | None, response: ResponseHead, policy: Policy, now: float
) -> Store | Freshen | Relay | Refetch | ReuseStale:
    """What to do with the answer to a GET without Range; `stored` is what its condition named.

    Raises UpstreamError for answers that no such request can have.
    """
    status = response.status
    if status == 304 and stored is not None:
        return _on_confirmation(stored, response.fields, now)
    if status in _ASKED_BY:
        raise _unasked(status)
    if status == 200:
        return _on_content(response.fields)
    if stored is not None:
        if status >= 500 and may_reuse_stale(stored, policy, now):
            return ReuseStale()
        if status in _REFUSALS and stored.is_reusable:
            return Relay(refused=msgspec.structs.replace(stored, is_reusable=False))
    return Relay()


def refuse_unasked(request: RequestHead, status: int) -> None:
    """Raise UpstreamError for a 206 or 304 to a forwarded request that asked for no such thing.

    Writes may be answered with 304: GitHub says so to a star that is there already.
    """
    if status not in _ASKED_BY or (status == 304 and request.method not in {"GET", "HEAD"}):
        return
    if not any(has(request.fields, name) for name in _ASKED_BY[status]):
        raise _unasked(status)


def on_failure(stored: StoredHead | None, policy: Policy, now: float) -> ReuseStale | GiveUp:
    """What to do when no answer came. A stored response is never evicted for it."""
    if stored is not None and may_reuse_stale(stored, policy, now):
        return ReuseStale()
    return GiveUp()


def may_reuse_stale(stored: StoredHead, policy: Policy, now: float) -> bool:
    """Whether stale-if-error allows it and the origin has not refused this credential since.

    A response validated in the future (the clock went back) has no known age: it does not serve.
    """
    age_seconds = now - stored.validated_at
    return stored.is_reusable and 0 <= age_seconds < policy.stale_if_error_seconds


_ASKED_BY: Final = {
    206: (b"range",),
    304: (b"if-none-match", b"if-modified-since"),
}


def _unasked(status: int) -> UpstreamError:
    words = " or ".join(name.decode() for name in _ASKED_BY[status])
    detail = f"The origin answered {status} to a request without {words}."
    return UpstreamError(ProxyError.HTTP_PROTOCOL_ERROR, detail)


def _on_confirmation(stored: StoredHead, fields: Fields, now: float) -> Freshen | Refetch:
    entity_tag = first(fields, b"etag")
    if entity_tag is not None and opaque_tag(entity_tag) != opaque_tag(stored.entity_tag):
        return Refetch()
    shared, own = freshened(stored, fields)
    head = msgspec.structs.replace(
        stored,
        fields=stored.fields if shared is None else shared,
        own_fields=stored.own_fields if own is None else own,
        validated_at=now,
        is_reusable=True,
    )
    return Freshen(head, is_worth_writing(stored, head))


def _on_content(fields: Fields) -> Store | Relay:
    entity_tags = values(fields, b"etag")
    if len(entity_tags) != 1 or opaque_tag(entity_tags[0]) is None:
        return Relay()
    if not (has(fields, b"content-length") or has(fields, b"transfer-encoding")):
        return Relay()  # it ends with the connection: nobody can tell whether it was cut
    if b"no-store" in members(values(fields, b"cache-control")):
        return Relay()
    if not all(is_covered(name) for name in members(values(fields, b"vary"))):
        return Relay()
    if not {b"gzip", b"identity"}.issuperset(members(values(fields, b"content-encoding"))):
        return Relay()
    shared, own = kept_fields(fields)
    return Store(entity_tags[0], shared, own)
