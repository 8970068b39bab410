"""Writing to the database within its bound; the one thread that writes is the only caller.

No transaction starts that the write-ahead log has no room for, and none that the file has no room
for: the least recently used heads go first, and content with the last head that names it.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar, assert_never

from ghproxy.core.stored import CacheKey, StoredHead
from ghproxy.stores.budget import FRAME_BYTES, TRANSACTION_PAGES, growth_of, pages_of
from ghproxy.stores.codec import frame_from_content, frame_from_head
from ghproxy.stores.database import Database, content_row, head_row
from ghproxy.stores.faults import StoreError, translated
from ghproxy.stores.pending import Batch, Change, Freshen, Remove, Save
from ghproxy.stores.uses import USE_SECONDS

_TAG: Final = "SELECT tag FROM Cache WHERE key = ? AND raw = 1"
_COLDEST: Final = "SELECT key, tag FROM Cache WHERE size = 1 ORDER BY access_time LIMIT ?"
_USE: Final = "UPDATE Cache SET access_time = ? WHERE key = ? AND raw = 1 AND access_time <= ?"
_STAMP: Final = "UPDATE Cache SET access_time = ? WHERE key = ? AND raw = 1"
_IS_NAMED: Final = "SELECT 1 FROM Cache WHERE tag = ? LIMIT 1"
_VACUUM_PAGES: Final = 128
_ATTEMPTS: Final = 20
_PAUSE_SECONDS: Final = 0.05
_Item = TypeVar("_Item")


class DatabaseWriter:
    """Writes batches; raises StoreError."""

    def __init__(self, database: Database, evictions: int = 0) -> None:
        self.evictions = evictions
        """Since the start, those of earlier databases included."""
        self._database = database
        self._budget = database.budget
        self._pause = threading.Event()

    def apply(self, batch: Batch, now: float) -> None:
        """Write a batch, in transactions that the write-ahead log has room for.

        On StoreError some of it may be on the disk; `close` before the next try, since diskcache
        may have been left inside a transaction.
        """
        with translated():
            for uses in _chunks(list(batch.uses.items()), self._budget.group_rows):
                self._record(uses)
            for digest in batch.damaged:
                with self._transaction(pages_of(Remove())):
                    self._database.delete(content_row(digest))
            for group, pages in self._groups(batch.changes):
                growth = sum(growth_of(change) for _, change in group)
                with self._transaction(pages, growth):
                    for key, change in group:
                        self._perform(key, change, now)

    def shrink(self) -> None:
        """Come back under a bound that was lowered since the file was written."""
        with translated():
            pages = self._database.number("PRAGMA page_count")
            while pages > self._budget.pages:
                self._make_room(1)
                self._make_log_room(3 * _VACUUM_PAGES)
                self._database.give_back(_VACUUM_PAGES)
                self._database.checkpoint()
                before, pages = pages, self._database.number("PRAGMA page_count")
                if pages >= before:
                    raise StoreError("the database cannot be made smaller")
            self._database.sql(f"PRAGMA max_page_count = {self._budget.pages}")

    def _perform(self, key: CacheKey, change: Change, now: float) -> None:
        row = head_row(key)
        tags = [tag for (tag,) in self._database.sql(_TAG, row)]
        match change:
            case Save():
                self._put_content(change.head.content_digest, change.content)
                self._put_head(key, change.head, now)
            case Freshen() if tags == [change.head.content_digest]:
                self._put_head(key, change.head, now)
            case Freshen():
                return
            case Remove():
                self._database.delete(row)
            case _:
                assert_never(change)
        self._delete_unnamed(tags)

    def _put_head(self, key: CacheKey, head: StoredHead, now: float) -> None:
        row = head_row(key)
        self._database.put(row, frame_from_head(key, head), head.content_digest)
        self._database.sql(_STAMP, now, row)

    def _put_content(self, digest: bytes, content: bytes) -> None:
        row = content_row(digest)
        if not self._database.has(row):
            self._database.put(row, frame_from_content(digest, content))

    def _delete_unnamed(self, digests: Iterable[bytes]) -> None:
        for digest in digests:
            if not self._database.sql(_IS_NAMED, digest).fetchall():
                self._database.delete(content_row(digest))

    def _record(self, uses: Sequence[tuple[CacheKey, float]]) -> None:
        with self._transaction(pages_of(Remove()) * len(uses)):
            for key, at in uses:
                self._database.sql(_USE, at, head_row(key), at - USE_SECONDS)

    def _groups(
        self, changes: Mapping[CacheKey, Change]
    ) -> Iterator[tuple[list[tuple[CacheKey, Change]], int]]:
        """Changes that share a transaction, and the pages it may write."""
        group: list[tuple[CacheKey, Change]] = []
        pages = TRANSACTION_PAGES
        for key, change in changes.items():
            cost = pages_of(change)
            is_full = pages + cost > self._budget.transaction_pages
            if group and (is_full or len(group) == self._budget.group_rows):
                yield group, pages
                group, pages = [], TRANSACTION_PAGES
            group.append((key, change))
            pages += cost
        if group:
            yield group, pages

    def _make_room(self, growth: int) -> None:
        if growth and self._free_pages() < growth + TRANSACTION_PAGES:
            wanted = growth + self._budget.reserve_pages
            while self._free_pages() < wanted and self._evict(wanted):
                pass

    def _free_pages(self) -> int:
        pages = self._database.number("PRAGMA page_count")
        return self._budget.pages - pages + self._database.number("PRAGMA freelist_count")

    def _evict(self, wanted: int) -> bool:
        """Remove some of the least recently used; False if there is nothing left to remove."""
        rows = self._budget.group_rows
        with self._transaction(pages_of(Remove()) * rows):
            coldest = self._database.sql(_COLDEST, rows).fetchall()
            for row, digest in coldest:
                self._database.delete(row)
                self._delete_unnamed([digest])
                self.evictions += 1
                if self._free_pages() >= wanted:
                    break
        return bool(coldest)

    @contextlib.contextmanager
    def _transaction(self, pages: int, growth: int = 0) -> Iterator[None]:
        """Room in the log for so many pages, and in the file for so many new ones."""
        for _ in range(_ATTEMPTS):
            self._make_log_room(pages)
            self._make_room(growth)
            with self._database.transaction():
                # Asked again, now that no other process can write.
                has_room = growth == 0 or self._free_pages() >= growth
                if has_room and self._log_room() >= pages:
                    yield
                    return
            # Another process is emptying the log; SQLite does not wait for that.
            self._pause.wait(_PAUSE_SECONDS)
        raise StoreError("no room in the database, or in its log")

    def _make_log_room(self, pages: int) -> None:
        if self._log_room() < pages:
            self._database.checkpoint()

    def _log_room(self) -> int:
        return (self._budget.wal_bytes - self._database.directory.wal_bytes()) // FRAME_BYTES


def _chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
