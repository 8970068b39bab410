"""Memory in front of a slower store: the front answers what is hot, the back keeps everything.

Writes go to both at once. Filling the front from the back never overwrites what was saved while
the back was being read.
"""

from typing import Protocol

from ghproxy.core.stored import CacheKey, StoredHead, StoredResponse, is_worth_writing
from ghproxy.stores.base import Store, StoreSnapshot
from ghproxy.stores.memory import MemoryStore


class BackStore(Store, Protocol):
    """A store that wants to hear of uses it does not see, lest it evict what is hot."""

    def touch(self, key: CacheKey) -> None:
        """Note a use; cheap, and rarely written down."""


class TieredStore:
    """Store over a memory front and a back; its snapshot is the back's, with both as layers."""

    def __init__(self, front: MemoryStore, back: BackStore) -> None:
        self._front = front
        self._back = back
        self._filling: dict[CacheKey, object] = {}

    async def load(self, key: CacheKey) -> StoredResponse | None:
        stored = await self._front.load(key)
        if stored is not None:
            self._back.touch(key)
            return stored
        return await self._load_from_back(key)

    async def save(self, key: CacheKey, stored: StoredResponse) -> None:
        self._filling.pop(key, None)
        await self._front.save(key, stored)
        await self._back.save(key, stored)

    async def freshen(self, key: CacheKey, head: StoredHead) -> None:
        stored = await self._front.load(key)
        if stored is not None and stored.head == head:
            return
        self._filling.pop(key, None)
        await self._front.freshen(key, head)
        if stored is None or is_worth_writing(stored.head, head):
            await self._back.freshen(key, head)

    def snapshot(self) -> StoreSnapshot:
        front, back = self._front.snapshot(), self._back.snapshot()
        return StoreSnapshot(
            kind=f"{front.kind}+{back.kind}",
            entries=back.entries,
            bytes_used=back.bytes_used,
            bytes_limit=back.bytes_limit,
            evictions=back.evictions,
            errors=back.errors,
            dropped=back.dropped,
            layers=(front, back),
        )

    async def aclose(self) -> None:
        await self._front.aclose()
        await self._back.aclose()

    async def _load_from_back(self, key: CacheKey) -> StoredResponse | None:
        filling = self._filling[key] = object()
        try:
            stored = await self._back.load(key)
            if stored is not None and self._filling.get(key) is filling:
                await self._front.save(key, stored)
        finally:
            if self._filling.get(key) is filling:
                del self._filling[key]
        return stored
