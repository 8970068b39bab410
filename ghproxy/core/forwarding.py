"""The request as it travels on: what is taken off, and what little takes its place.

Nothing is added that the client did not send, with two exceptions for requests whose answer may be
stored or shared: they ask for gzip (each client gets the coding it accepts, see `answering`), and
they carry our own user agent where GitHub would pretty-print for the client's. Via is not sent to
the origin: front ends like GitHub's stop compressing when they see it.
"""

from typing import Final

from ghproxy.core.fields import HOP_BY_HOP, members, values
from ghproxy.core.message import Fields

_OURS: Final = frozenset(
    {
        b"content-length",
        b"expect",
        b"forwarded",
        b"host",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
    }
)
_OUR_PREFIXES: Final = (b"x-forwarded-", b"x-prow-")
_PER_CLIENT: Final = frozenset({b"accept-encoding", b"if-modified-since", b"if-none-match"})
_PRETTY_PRINTED: Final = (b"curl", b"wget", b"safari", b"firefox")


def forwarded_fields(fields: Fields) -> Fields:
    """End-to-end fields of a request, without those that speak to us or would mislead GitHub.

    Names with an underscore end here, as at most front ends: behind them `_` reads as `-`.
    """
    dropped = (HOP_BY_HOP | _OURS).union(members(values(fields, b"connection")))
    return tuple(
        line
        for line in fields
        if line[0] not in dropped and b"_" not in line[0] and not line[0].startswith(_OUR_PREFIXES)
    )


def storable_request_fields(
    fields: Fields, user_agent: bytes, entity_tag: bytes | None = None
) -> Fields:
    """Fields of a request whose answer may be stored: its own condition, coding and agent.

    The client's conditions are not the cache's: they are answered from what comes back.
    """
    kept = [
        (name, user_agent) if name == b"user-agent" and _is_pretty_printed(value) else (name, value)
        for name, value in forwarded_fields(fields)
        if name not in _PER_CLIENT
    ]
    kept.append((b"accept-encoding", b"gzip"))
    if entity_tag is not None:
        kept.append((b"if-none-match", entity_tag))
    return tuple(kept)


def _is_pretty_printed(user_agent: bytes) -> bool:
    lowered = user_agent.lower()
    return any(mark in lowered for mark in _PRETTY_PRINTED)
