"""Primary rate limits as GitHub states them (`X-RateLimit-*`), per credential and resource."""

import msgspec

from ghproxy.core.message import Fields


class RateLimit(msgspec.Struct, frozen=True):
    """One reading of one resource; `reset_at` is seconds since the epoch."""

    resource: str
    limit: int
    remaining: int
    reset_at: int


_NAMES = {
    b"x-ratelimit-limit": 0,
    b"x-ratelimit-remaining": 1,
    b"x-ratelimit-reset": 2,
}


def rate_limit_from_fields(fields: Fields) -> RateLimit | None:
    """The reading a response carries; None where it carries none or one that makes no sense.

    App JWT answers and uploads carry none. A resource that is not named is `core`.
    """
    numbers: list[int | None] = [None, None, None]
    resource = "core"
    for name, value in fields:
        index = _NAMES.get(name)
        if index is not None:
            numbers[index] = _number(value)
        elif name == b"x-ratelimit-resource":
            resource = _word(value)
    limit, remaining, reset_at = numbers
    if limit is None or remaining is None or reset_at is None:
        return None
    return RateLimit(resource, limit, remaining, reset_at)


def _number(value: bytes) -> int | None:
    return int(value) if value.isdigit() and len(value) <= 12 else None


def _word(value: bytes) -> str:
    text = value.decode("latin-1")
    is_word = 0 < len(text) <= 40 and text.replace("_", "").isalnum() and text.isascii()
    return text if is_word else "other"
