"""What the gateway needs of a store.

A store never raises on this path: what cannot be read is absent, what cannot be written is counted
and dropped. It never returns bytes whose digest, key or version does not hold.
"""

from typing import Protocol

import msgspec

from ghproxy.core.stored import CacheKey, StoredHead, StoredResponse


class StoreSnapshot(msgspec.Struct, frozen=True):
    """A picture of a store; counts are since the start, bytes are real (on the file system)."""

    kind: str
    entries: int
    bytes_used: int
    bytes_limit: int
    evictions: int = 0
    errors: int = 0


class Store(Protocol):
    """Heads by key, content by digest, within a bound of bytes; approximately LRU."""

    async def load(self, key: CacheKey) -> StoredResponse | None:
        """The stored response, or None. A head whose content is gone is None."""

    async def save(self, key: CacheKey, stored: StoredResponse) -> None:
        """Keep head and content; a later `load` sees it at once, the disk may see it later."""

    async def freshen(self, key: CacheKey, head: StoredHead) -> None:
        """Replace the head of a key whose content stays; nothing happens if the key is gone."""

    def snapshot(self) -> StoreSnapshot: ...

    async def aclose(self) -> None:
        """Write what is pending and let go; idempotent."""
