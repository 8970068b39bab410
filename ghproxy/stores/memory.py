"""The store in memory: exact LRU over heads, content counted once, bound in real bytes.

Heads stay packed (a third of the memory of an unpacked one, and nothing for the garbage collector
to visit); content goes when no head names it any more. Nothing here awaits or checks digests.
"""

from collections import OrderedDict
from typing import Final

import msgspec

from ghproxy.core.stored import CacheKey, StoredHead, StoredResponse
from ghproxy.stores.base import HEAD_ROOM_BYTES, StoreSnapshot
from ghproxy.stores.codec import pack_head, unpack_head

HEAD_OVERHEAD_BYTES: Final = 270
"""Key, bytes object and the ordered dictionary's share, measured with tracemalloc (3.11)."""
CONTENT_OVERHEAD_BYTES: Final = 230
"""Digest, bytes object, reference count and the dictionary's share, measured likewise."""


def largest_content_bytes(limit_bytes: int) -> int:
    """The longest content that a memory store of this bound keeps, its head beside it."""
    return limit_bytes - HEAD_ROOM_BYTES - HEAD_OVERHEAD_BYTES - CONTENT_OVERHEAD_BYTES


class _Content(msgspec.Struct, gc=False):
    """Content and how many heads name it."""

    content: bytes
    heads: int


class MemoryStore:
    """Store within the process, never above `limit_bytes`; a response above it is not kept."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._bytes_used = 0
        self._evictions = 0
        # Keyed by resource before partition, so that an index of a resource's heads can be added.
        self._heads: OrderedDict[bytes, bytes] = OrderedDict()
        self._contents: dict[bytes, _Content] = {}

    async def load(self, key: CacheKey) -> StoredResponse | None:
        name = key.resource + key.partition
        packed = self._heads.get(name)
        if packed is None:
            return None
        self._heads.move_to_end(name)
        head = unpack_head(packed)
        return StoredResponse(head, self._contents[head.content_digest].content)

    async def save(self, key: CacheKey, stored: StoredResponse) -> None:
        name = key.resource + key.partition
        if name in self._heads:
            self._remove(name)
        packed = pack_head(stored.head)
        if _head_bytes(packed) + _content_bytes(stored.content) > self._limit_bytes:
            return
        self._add(name, packed, stored)
        self._evict()

    async def freshen(self, key: CacheKey, head: StoredHead) -> None:
        name = key.resource + key.partition
        old = self._heads.get(name)
        if old is None or unpack_head(old).content_digest != head.content_digest:
            return
        packed = pack_head(head)
        self._heads[name] = packed
        self._heads.move_to_end(name)
        self._bytes_used += len(packed) - len(old)
        self._evict()

    def snapshot(self) -> StoreSnapshot:
        return StoreSnapshot(
            kind="memory",
            entries=len(self._heads),
            bytes_used=self._bytes_used,
            bytes_limit=self._limit_bytes,
            evictions=self._evictions,
        )

    async def aclose(self) -> None:
        """Let go of everything; a closed store stays empty."""
        self._limit_bytes = 0
        self._heads.clear()
        self._contents.clear()
        self._bytes_used = 0

    def _add(self, name: bytes, packed: bytes, stored: StoredResponse) -> None:
        self._heads[name] = packed
        self._bytes_used += _head_bytes(packed)
        kept = self._contents.get(stored.head.content_digest)
        if kept is None:
            self._contents[stored.head.content_digest] = _Content(stored.content, 1)
            self._bytes_used += _content_bytes(stored.content)
        else:
            kept.heads += 1

    def _remove(self, name: bytes) -> None:
        packed = self._heads.pop(name)
        self._bytes_used -= _head_bytes(packed)
        digest = unpack_head(packed).content_digest
        kept = self._contents[digest]
        kept.heads -= 1
        if kept.heads == 0:
            del self._contents[digest]
            self._bytes_used -= _content_bytes(kept.content)

    def _evict(self) -> None:
        while self._bytes_used > self._limit_bytes:
            self._remove(next(iter(self._heads)))
            self._evictions += 1


def _head_bytes(packed: bytes) -> int:
    return len(packed) + HEAD_OVERHEAD_BYTES


def _content_bytes(content: bytes) -> int:
    return len(content) + CONTENT_OVERHEAD_BYTES
