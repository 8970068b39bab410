"""What the chosen cache can keep, so that nothing larger is gathered in memory to no end.

The stores say how long the content is that fits into them; nothing here opens one.
"""

from typing import Final

import msgspec

from ghproxy.config.choices import Choice
from ghproxy.config.option import CacheStore
from ghproxy.stores import budget, memory

MEGABYTE: Final = 1_000_000
GIGABYTE: Final = 1_000_000_000
CAPACITY_OPTIONS: Final = ("cache-store", "cache-dir", "cache-sizeGB", "memory-sizeMB")


class Capacity(msgspec.Struct, frozen=True):
    """Where the cache is, and the bounds of both stores."""

    store: CacheStore
    disk_limit_bytes: int
    memory_limit_bytes: int

    @property
    def largest_content_bytes(self) -> int:
        """The longest content that the store keeps."""
        match self.store:
            case CacheStore.DISK:
                return budget.largest_content_bytes(self.disk_limit_bytes)
            case CacheStore.MEMORY:
                return memory.largest_content_bytes(self.memory_limit_bytes)


def capacity(store: Choice, directory: Choice, disk: Choice, front: Choice) -> Capacity:
    """From the choices of CAPACITY_OPTIONS; without a directory it is memory."""
    return Capacity(
        store=CacheStore(str(store.value)) if directory.value else CacheStore.MEMORY,
        disk_limit_bytes=in_bytes(disk, GIGABYTE),
        memory_limit_bytes=in_bytes(front, MEGABYTE),
    )


def in_bytes(size: Choice, unit: int) -> int:
    """A size in whole bytes."""
    return round(float(size.value) * unit)
