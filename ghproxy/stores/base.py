"""What the gateway needs of a store.

A store never raises on this path: what cannot be read is absent, what cannot be written is counted
and dropped. It never returns bytes whose digest, key or version does not hold.
"""

from typing import Final, Protocol

import msgspec

from ghproxy.core.stored import CacheKey, StoredHead, StoredResponse

HEAD_ROOM_BYTES: Final = 32 * 1024
"""Left for the head beside the largest content; more than the fields of GitHub's answers take."""


class StoreUnavailable(Exception):  # noqa: N818  # a state of the store, not a fault of a call
    """A store cannot be opened at all; `reason` is one sentence for whoever configured it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StoreSnapshot(msgspec.Struct, frozen=True):
    """A picture of a store; counts are since the start, bytes are real (on the file system).

    `entries` counts heads; `errors` what failed (reads, writes, damaged frames); `dropped` saves
    that were not written. A store in layers describes its slowest and shows each in `layers`.
    """

    kind: str
    entries: int
    bytes_used: int
    bytes_limit: int
    evictions: int = 0
    errors: int = 0
    dropped: int = 0
    layers: tuple["StoreSnapshot", ...] = ()


class Store(Protocol):
    """Heads by key, content by digest, within a bound of bytes; approximately LRU."""

    async def load(self, key: CacheKey) -> StoredResponse | None:
        """The stored response, or None. A head whose content is gone is None."""

    async def save(self, key: CacheKey, stored: StoredResponse) -> None:
        """Keep head and content; a later `load` sees it at once, the disk may see it later.

        The head names the content by its digest and length; nobody checks it again. What cannot
        be kept leaves the key absent: an older response never comes back.
        """

    async def freshen(self, key: CacheKey, head: StoredHead) -> None:
        """Replace the head of a key whose content stays.

        Nothing happens if the key is gone, names other content by now, or has this very head.
        """

    def snapshot(self) -> StoreSnapshot: ...

    async def aclose(self) -> None:
        """Write what is pending and let go; idempotent."""
