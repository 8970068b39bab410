"""How the disk store's bound is shared between SQLite's files, and what a change may cost.

All numbers are pages of 4096 bytes or bytes; nothing here measures or touches a file.
"""

from typing import Final

import msgspec

from ghproxy.stores.base import HEAD_ROOM_BYTES
from ghproxy.stores.pending import Change, Remove, Save

MIN_LIMIT_BYTES: Final = 4 * 2**20
PAGE_BYTES: Final = 4096
FRAME_BYTES: Final = PAGE_BYTES + 24
"""A page in the write-ahead log (https://sqlite.org/fileformat2.html#the_write_ahead_log)."""

_MAX_WAL_BYTES: Final = 64 * 2**20
_INDEX_REGION_BYTES: Final = 32_768
_FRAMES_PER_REGION: Final = 4_000
_OVERFLOW_BYTES: Final = PAGE_BYTES - 4
_ROW_PAGES: Final = 8
"""What a small row may touch: its leaf, those of five indexes, a parent, the sums in Settings."""
_CONTENT_PAGES: Final = 4
"""What any head with its content may need besides overflow pages."""
_OVERFLOWS_PER_MAP: Final = 400  # half of what a page of the free list or the map can name
TRANSACTION_PAGES: Final = 16
"""What any transaction may write besides its changes."""
_MAX_GROUP_ROWS: Final = 64


class Budget(msgspec.Struct, frozen=True):
    """Shares of the bound: the database file's pages, and the write-ahead log."""

    pages: int
    wal_bytes: int

    @property
    def transaction_pages(self) -> int:
        """What the largest transaction may write."""
        return self.wal_bytes // FRAME_BYTES - 1

    def may_keep(self, change: Change) -> bool:
        """Whether a transaction can be large enough for it."""
        return pages_of(change) <= self.transaction_pages - TRANSACTION_PAGES

    @property
    def reserve_pages(self) -> int:
        """Freed beyond need, so that not every write has to evict."""
        return 16 + self.pages // 64

    @property
    def group_rows(self) -> int:
        """Small changes that share a transaction."""
        return min(_MAX_GROUP_ROWS, self.transaction_pages // (6 * _ROW_PAGES))


def budget(limit_bytes: int) -> Budget:
    """A third, at most 64 MiB, is the log's: its largest transaction carries one content."""
    wal_bytes = min(limit_bytes // 3, _MAX_WAL_BYTES)
    regions = wal_bytes // FRAME_BYTES // _FRAMES_PER_REGION + 2
    file_bytes = limit_bytes - wal_bytes - regions * _INDEX_REGION_BYTES
    return Budget(file_bytes // PAGE_BYTES, wal_bytes)


def largest_content_bytes(limit_bytes: int) -> int:
    """The longest content that a disk store of this bound keeps, its head beside it."""
    growth = budget(limit_bytes).transaction_pages - TRANSACTION_PAGES - pages_of(Remove())
    overflow = (growth - _CONTENT_PAGES) * _OVERFLOWS_PER_MAP // (_OVERFLOWS_PER_MAP + 1)
    return overflow * _OVERFLOW_BYTES - HEAD_ROOM_BYTES


def growth_of(change: Change) -> int:
    """New pages the file may need for a change; 0 where it adds nothing of note."""
    if not isinstance(change, Save):
        return 0
    head_bytes = len(change.head.fields) + len(change.head.own_fields) + 512
    overflow = (len(change.content) + head_bytes) // _OVERFLOW_BYTES
    return overflow + overflow // _OVERFLOWS_PER_MAP + _CONTENT_PAGES


def pages_of(change: Change) -> int:
    """Pages a change may touch, so the log must have room for; what it replaces included."""
    return 4 * _ROW_PAGES + growth_of(change)
