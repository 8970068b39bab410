"""What a question to the origin brought, for everybody who waits for it; closed alternatives."""

from collections.abc import AsyncIterator

import msgspec

from ghproxy.core.credential import Credential
from ghproxy.core.errors import UpstreamError
from ghproxy.core.message import RequestHead, ResponseHead
from ghproxy.core.stored import CacheKey, StoredResponse
from ghproxy.origin import OriginResponse


class Asked(msgspec.Struct, frozen=True):
    """A request the cache may serve, where it is kept, and on whose account it goes."""

    key: CacheKey
    request: RequestHead
    credential: Credential
    user_agent: str


class Confirmed(msgspec.Struct, frozen=True):
    """The stored response is current; `newest` is the head of the 304 that said so."""

    stored: StoredResponse
    newest: ResponseHead


class Fetched(msgspec.Struct, frozen=True):
    """New content, whole and stored; `was_conditional` where an older one was known."""

    response: ResponseHead
    content: bytes
    was_conditional: bool


class Refused(msgspec.Struct, frozen=True):
    """A small answer, whole, that is not stored; `was_conditional` as above."""

    response: ResponseHead
    content: bytes
    was_conditional: bool


class Streamed(msgspec.Struct, frozen=True):
    """An answer that goes to one client as it arrives; `begun` was read from it already."""

    response: OriginResponse
    begun: list[bytes]
    rest: AsyncIterator[bytes]
    was_conditional: bool


class Stale(msgspec.Struct, frozen=True):
    """A stored response that could not be confirmed, allowed while the origin fails."""

    stored: StoredResponse
    age_seconds: float
    cause: str


class Failed(msgspec.Struct, frozen=True):
    """No usable answer."""

    error: UpstreamError


Retrieved = Confirmed | Fetched | Refused | Streamed | Stale | Failed


async def dispose(retrieved: Retrieved) -> None:
    """Close what nobody will read."""
    if isinstance(retrieved, Streamed):
        await retrieved.response.aclose()
