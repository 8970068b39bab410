"""Which fields of a response are kept, for whom, and how a 304 changes them (RFC 9111 3.1, 3.2).

Three kinds: fields of the representation, which any credential would be sent; fields that speak of
the credential, which stay in its partition; fields of one moment (time, limits, request ids),
which are never stored and always come from the newest answer.
"""

from typing import Final

from ghproxy.core.fields import end_to_end, pack, unpack
from ghproxy.core.message import Fields
from ghproxy.core.stored import StoredHead

_OWN: Final = frozenset(
    {
        b"github-authentication-token-expiration",
        b"x-accepted-github-permissions",
        b"x-accepted-oauth-scopes",
        b"x-oauth-client-id",
        b"x-oauth-scopes",
    }
)
_MOMENTARY: Final = frozenset(
    {
        b"age",
        b"alt-svc",
        b"date",
        b"retry-after",
        b"server",
        b"server-timing",
        b"set-cookie",
        b"x-cache",
        b"x-cache-mode",
        b"x-from-cache",
        b"x-github-edge-region",
        b"x-github-edge-resource",
        b"x-github-request-id",
        b"x-github-sso",
        b"x-request-id",
        b"x-runtime-rack",
        b"x-served-by",
        b"x-timer",
    }
)
_MOMENTARY_PREFIX: Final = b"x-ratelimit-"
# A 304 describes no content; nginx-like front ends send `Content-Length: 0` with it all the same.
# The stored entity tag names the stored coding (weak for gzip), a 304 always the strong form.
_NOT_FROM_304: Final = frozenset(
    {
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-location",
        b"content-range",
        b"content-type",
        b"etag",
    }
)


def is_momentary(name: bytes) -> bool:
    """Whether a field belongs to one answer and is never replayed from another."""
    return name in _MOMENTARY or name.startswith(_MOMENTARY_PREFIX)


def momentary_fields(fields: Fields) -> Fields:
    """The lines that only the newest answer may give, without cookies, which are one client's."""
    return tuple(line for line in fields if is_momentary(line[0]) and line[0] != b"set-cookie")


def kept_fields(fields: Fields) -> tuple[bytes, bytes]:
    """Packed: the representation's lines, and those of this credential only."""
    lasting = [line for line in end_to_end(fields) if not is_momentary(line[0])]
    return (
        pack(tuple(line for line in lasting if line[0] not in _OWN)),
        pack(tuple(line for line in lasting if line[0] in _OWN)),
    )


def freshened(stored: StoredHead, fields: Fields) -> tuple[bytes | None, bytes | None]:
    """Both packed blocks after a 304 with these fields; None for one that does not change.

    A field that the 304 repeats replaces every stored line of its name; one that it lacks (Link,
    scopes, media type, at GitHub) stays.
    """
    news = [
        line
        for line in end_to_end(fields)
        if not is_momentary(line[0]) and line[0] not in _NOT_FROM_304
    ]
    return (
        _merged(stored.fields, [line for line in news if line[0] not in _OWN]),
        _merged(stored.own_fields, [line for line in news if line[0] in _OWN]),
    )


def _merged(block: bytes, news: list[tuple[bytes, bytes]]) -> bytes | None:
    if not news:
        return None
    known = unpack(block)
    names = {name for name, _ in news}
    if [line for line in known if line[0] in names] == news:
        return None
    return _replaced(known, news, names, block)


def _replaced(
    known: Fields, news: list[tuple[bytes, bytes]], names: set[bytes], block: bytes
) -> bytes | None:
    """Each name's new lines stand where its first old line stood; new names go to the end."""
    merged: list[tuple[bytes, bytes]] = []
    placed: set[bytes] = set()
    for name, value in known:
        if name not in names:
            merged.append((name, value))
        elif name not in placed:
            placed.add(name)
            merged += [line for line in news if line[0] == name]
    merged += [line for line in news if line[0] not in placed]
    packed = pack(tuple(merged))
    return None if packed == block else packed
