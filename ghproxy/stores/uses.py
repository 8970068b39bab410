"""Which uses are worth writing down: of each key at most one an hour.

Recording every use would turn every read into a write. Keys are held as hashes alone.
"""

from typing import Final

from ghproxy.core.stored import CacheKey

USE_SECONDS: Final = 3600.0
"""A use is written down at most once in this time."""
_MAX_USES: Final = 200_000


class RecentUses:
    """The keys whose use was noted lately; forgotten all at once."""

    def __init__(self) -> None:
        self._marks: set[int] = set()
        self._until = 0.0

    def is_worth_noting(self, key: CacheKey, now: float) -> bool:
        """Whether this use is the first for long; that makes it noted."""
        if now >= self._until or len(self._marks) >= _MAX_USES:
            self._marks.clear()
            self._until = now + USE_SECONDS
        mark = hash(key)  # 8 bytes for 64; a collision costs one unrecorded use
        is_first = mark not in self._marks
        self._marks.add(mark)
        return is_first
