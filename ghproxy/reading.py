"""Content read whole up to a limit, and looked at before it is kept.

Large content is examined off the event loop; nothing here decides what is done with it.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from ghproxy.core import content_coding
from ghproxy.core.fields import first
from ghproxy.core.stored import content_digest
from ghproxy.origin import OriginResponse

_INLINE_BYTES: Final = 1_048_576


class Unread(msgspec.Struct, frozen=True):
    begun: list[bytes]
    rest: AsyncIterator[bytes]


async def read_content(response: OriginResponse, limit_bytes: int) -> bytes | Unread:
    """The whole content, or what has been read of one that is larger than the limit."""
    chunks = response.content()
    stated = first(response.head.fields, b"content-length")
    if stated is not None and stated.isdigit() and int(stated) > limit_bytes:
        return Unread([], chunks)
    begun: list[bytes] = []
    size = 0
    async for chunk in chunks:
        begun.append(chunk)
        size += len(chunk)
        if size > limit_bytes:
            return Unread(begun, chunks)
    return begun[0] if len(begun) == 1 else b"".join(begun)


async def examine(content: bytes, *, is_gzip: bool) -> bytes | None:
    """The digest of content that is what it says it is, else None; off the loop where large."""
    if len(content) > _INLINE_BYTES:
        return await asyncio.to_thread(_digest_if_intact, content, is_gzip)
    is_intact = content_coding.is_intact(content, _INLINE_BYTES) if is_gzip else True
    if is_intact is None:  # little that uncompresses to much
        return await asyncio.to_thread(_digest_if_intact, content, is_gzip)
    return content_digest(content) if is_intact else None


def _digest_if_intact(content: bytes, is_gzip: bool) -> bytes | None:  # noqa: FBT001 - to_thread
    if is_gzip and not content_coding.is_intact(content):
        return None
    return content_digest(content)
