"""The store that survives restarts: reads from the event loop, writes by one thread it owns.

Small frames are read inline (a thread would cost more), large ones in a second thread. Every
failure is counted, logged once per spell, and means only that nothing is cached meanwhile.
"""

import asyncio
import concurrent.futures
import logging
import threading
from pathlib import Path
from typing import Final

from ghproxy.clock import Clock
from ghproxy.core.stored import CacheKey, StoredHead, StoredResponse
from ghproxy.stores.base import StoreSnapshot, StoreUnavailable
from ghproxy.stores.budget import budget
from ghproxy.stores.database import Database
from ghproxy.stores.directory import Identity, StoreDirectory
from ghproxy.stores.faults import DamagedFrameError, StoreError, translated
from ghproxy.stores.pending import Batch, Freshen, PendingWrites, Remove, Save
from ghproxy.stores.spell import Spell
from ghproxy.stores.uses import RecentUses
from ghproxy.stores.writing import DatabaseWriter

__all__ = ["DiskStore", "StoreUnavailable"]

INLINE_BYTES: Final = 128 * 1024
"""Content up to this length is read on the event loop."""
PENDING_BYTES: Final = 64 * 2**20
FLUSH_SECONDS: Final = 10.0

logger = logging.getLogger(__name__)


class DiskStore:
    """Store in one database file of `directory`; StoreUnavailable if none can ever be opened there.

    Where there is only no room it begins without one, keeps nothing, and tries again with each
    write. Belongs to one event loop. Opening takes milliseconds and blocks.
    """

    def __init__(
        self,
        directory: Path,
        limit_bytes: int,
        clock: Clock,
        *,
        pending_bytes: int = PENDING_BYTES,
    ) -> None:
        self._path = directory.absolute()
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._directory = StoreDirectory(self._path)
        self._database: Database | None = None
        self._loop_database: Database | None = None
        self._reader_database: Database | None = None
        self._database_writer: DatabaseWriter | None = None
        self._reads = Spell("reads", clock)
        self._writes = Spell("writes", clock)
        self._frames = Spell("frames", clock)
        self._queue = Spell("writes to the queue", clock)
        self._pending = PendingWrites(pending_bytes)
        self._condemned: Database | None = None
        self._uses = RecentUses()
        self._is_closed = False
        try:
            self._open(None, "")
        except StoreError as error:
            self._writes.failed(error)
        self._reader = concurrent.futures.ThreadPoolExecutor(1, "ghproxy-cache-reader")
        self._writer = threading.Thread(
            target=self._write, name="ghproxy-cache-writer", daemon=True
        )
        self._writer.start()

    async def load(self, key: CacheKey) -> StoredResponse | None:
        if self._is_closed:
            return None
        change = self._pending.find(key)
        if isinstance(change, Save):
            return StoredResponse(change.head, change.content)
        if isinstance(change, Remove):
            return None
        head = change.head if isinstance(change, Freshen) else self._stored_head(key)
        if head is None:
            return None
        content = await self._stored_content(head)
        if content is None:
            return None
        self.touch(key)
        return StoredResponse(head, content)

    async def save(self, key: CacheKey, stored: StoredResponse) -> None:
        if self._is_closed:
            return
        shares = self._database.budget if self._database else budget(self._limit_bytes)
        if shares.may_keep(Save(stored.head, stored.content)):
            self._pending.save(key, stored)
        else:
            self._pending.remove(key)
        self._tell_queue()

    async def freshen(self, key: CacheKey, head: StoredHead) -> None:
        if self._is_closed:
            return
        old = self._current_head(key)
        if old is None or old == head or old.content_digest != head.content_digest:
            return
        self._pending.freshen(key, head)
        self._tell_queue()

    def touch(self, key: CacheKey) -> None:
        """Note a use that a faster layer answered; it is written at most once an hour."""
        now = self._clock.now()
        if self._uses.is_worth_noting(key, now):
            self._pending.use(key, now)

    def snapshot(self) -> StoreSnapshot:
        entries, bytes_used = (0, 0) if self._is_closed else self._extent()
        return StoreSnapshot(
            kind="disk",
            entries=entries,
            bytes_used=bytes_used,
            bytes_limit=self._limit_bytes,
            evictions=self._evictions(),
            errors=self._reads.errors + self._writes.errors + self._frames.errors,
            dropped=self._pending.dropped,
        )

    async def flush(self) -> None:
        """Wait until everything saved so far is on the disk, or was dropped."""
        await asyncio.to_thread(self._pending.wait_until_written, FLUSH_SECONDS)

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if (database := self._on_loop()) is not None:
            database.close()
        await asyncio.to_thread(self._end)

    # On the event loop

    def _on_loop(self) -> Database | None:
        """The current database; a connection belongs to its thread, so each closes its own."""
        database = self._database
        if database is not None and self._loop_database is not database:
            if self._loop_database is not None:
                self._loop_database.close()
            self._loop_database = database
            database.waive_patience()
        return database

    def _tell_queue(self) -> None:
        if self._pending.refused == self._queue.errors:
            self._queue.worked()
        while self._pending.refused > self._queue.errors:
            self._queue.failed("they come faster than the disk takes them")

    def _extent(self) -> tuple[int, int]:
        """Entries and bytes on the file system."""
        database = self._on_loop()
        try:
            with translated():
                entries = 0 if database is None else database.entries()
                return entries, self._directory.bytes_used()
        except StoreError as fault:
            self._reads.failed(fault)
            return 0, 0

    def _evictions(self) -> int:
        return 0 if self._database_writer is None else self._database_writer.evictions

    def _current_head(self, key: CacheKey) -> StoredHead | None:
        change = self._pending.find(key)
        match change:
            case None:
                return self._stored_head(key)
            case Remove():
                return None
            case _:
                return change.head

    def _stored_head(self, key: CacheKey) -> StoredHead | None:
        database = self._on_loop()
        if database is None:
            return None
        try:
            head = database.head(key)
        except DamagedFrameError:
            self._frames.failed("a stored head was damaged")
            self._pending.remove(key)
            return None
        except StoreError as fault:
            self._fault_on_read(database, fault)
            return None
        self._reads.worked()
        return head

    async def _stored_content(self, head: StoredHead) -> bytes | None:
        database = self._on_loop()
        if database is None:
            return None
        digest = head.content_digest
        try:
            if head.content_bytes <= INLINE_BYTES:
                content = database.content(digest)
            else:
                loop = asyncio.get_running_loop()
                content = await loop.run_in_executor(
                    self._reader, self._read_large, database, digest
                )
        except DamagedFrameError:
            self._frames.failed("stored content was damaged")
            self._pending.forget_content(digest)
            return None
        except StoreError as fault:
            self._fault_on_read(database, fault)
            return None
        return content

    def _fault_on_read(self, database: Database, fault: StoreError) -> None:
        self._reads.failed(fault)
        if fault.is_damage:
            self._condemned = database
            self._pending.inspect()

    # In the reading thread

    def _read_large(self, database: Database, digest: bytes) -> bytes | None:
        if self._reader_database is not database:
            self._close_reader()
            self._reader_database = database
        return database.content(digest)

    # In the writing thread

    def _write(self) -> None:
        self._attempt(Batch(-1))
        while (batch := self._pending.take()) is not None:
            if self._attempt(batch):
                self._pending.done(batch)
            else:
                self._pending.failed(batch)
        self._close_writer()

    def _attempt(self, batch: Batch) -> bool:
        """Write a batch, with a new database if there is none, or this one is past use."""
        try:
            try:
                self._apply(batch)
            except StoreError as fault:
                if not (fault.is_damage or fault.is_moved):
                    raise
                self._replace(fault)
                self._apply(batch)
        except (StoreError, StoreUnavailable) as error:
            self._writes.failed(error)
            self._close_writer()
            return False
        self._writes.worked()
        return True

    def _apply(self, batch: Batch) -> None:
        database, writer = self._database, self._database_writer
        if database is None or writer is None:
            raise StoreError("there was no room for a database", is_moved=True)
        if database is self._condemned:
            raise StoreError("unreadable", is_damage=True)
        database.check_place()
        writer.shrink()
        writer.apply(batch, self._clock.now())

    def _replace(self, fault: StoreError) -> None:
        self._close_writer()
        old = self._database
        is_news = old is not None and fault.is_moved and not self._writes.is_on
        damaged = old.identity if old is not None and fault.is_damage else None
        self._open(damaged, f"{self._path}: {fault}, starting cold" if is_news else "")

    def _open(self, damaged: Identity | None, news: str) -> None:
        """Open a new database; if that set something aside, that is the news."""
        database = Database(self._path, self._limit_bytes, damaged)
        if database.notice or news:
            logger.warning("cache: %s", database.notice or news)
        self._database_writer = DatabaseWriter(database, self._evictions())
        self._database = database

    def _close_writer(self) -> None:
        if self._database is not None:
            self._database.close()

    # In a thread that may wait

    def _end(self) -> None:
        # The writer closes last and alone: only then does SQLite tidy up its log.
        self._reader.submit(self._close_reader)
        self._reader.shutdown()
        self._pending.close()
        self._writer.join(FLUSH_SECONDS)
        if self._writer.is_alive():
            logger.warning("cache not written to the end within %.0f s", FLUSH_SECONDS)

    def _close_reader(self) -> None:
        if self._reader_database is not None:
            self._reader_database.close()
