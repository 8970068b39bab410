"""Heads and contents as rows of one SQLite file; the only module that knows diskcache.

Opening sets aside what is not a cache of ours; SQLite itself keeps the file within its share of
the bound (`max_page_count`). A head's row is tagged with the digest of its content. Any thread may
read, one writes. Foreign errors leave as StoreError, and nothing is ever unpickled.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import diskcache

from ghproxy.core.stored import CacheKey, StoredHead
from ghproxy.stores import schema
from ghproxy.stores.base import StoreUnavailable
from ghproxy.stores.budget import MIN_LIMIT_BYTES, budget
from ghproxy.stores.codec import content_from_frame, head_from_frame
from ghproxy.stores.directory import Identity, Standing, StoreDirectory
from ghproxy.stores.faults import (
    FOREIGN_ERRORS,
    DamagedFrameError,
    StoreError,
    fault_from,
    translated,
)

_SETTINGS: Final = {
    "eviction_policy": "none",
    "cull_limit": 0,
    "tag_index": 1,
    "disk_min_file_size": 2**62,
    "disk_pickle_protocol": 0,
    "sqlite_auto_vacuum": 2,  # incremental: pages are given back only when the bound was lowered
    "sqlite_cache_size": -2_000,  # KiB a connection; the operating system caches the file
    "sqlite_journal_mode": "wal",
    "sqlite_journal_size_limit": 4 * 2**20,
    "sqlite_mmap_size": 0,  # a file cut short under a map would kill the process
    "sqlite_secure_delete": 0,
    "sqlite_synchronous": 1,
    "sqlite_temp_store": 2,  # memory
}
_PAGE_LIMIT: Final = "sqlite_max_page_count"
_KNOWN_SETTINGS: Final = frozenset(
    {*diskcache.DEFAULT_SETTINGS, *diskcache.core.METADATA, *_SETTINGS, _PAGE_LIMIT}
)
_PATIENCE_SECONDS: Final = 2.0
_CHECKPOINT: Final = "PRAGMA wal_checkpoint(TRUNCATE)"


class _BytesDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache has no types
    """Rows hold bytes, under keys that are bytes; no other mode and no file is read or touched.

    Prevents CVE-2025-69872 (diskcache unpickles what it finds) and, with it, that a foreign row's
    `filename` is opened or removed. The size column, which diskcache sums up, counts heads.
    """

    def put(self, key: bytes) -> tuple[bytes, bool]:
        return key, True

    def get(self, key: Any, raw: Any) -> bytes:
        return key if raw and type(key) is bytes else b""

    def store(self, value: bytes, read: Any, key: bytes) -> tuple[int, int, None, bytes]:
        return int(key.startswith(b"h")), diskcache.core.MODE_RAW, None, value

    def fetch(self, mode: int, filename: Any, value: Any, read: Any) -> bytes:
        # What is not ours is no frame, so that it is found damaged and deleted.
        return value if mode == diskcache.core.MODE_RAW and type(value) is bytes else b""

    def remove(self, file_path: Any) -> None:
        """We keep no files, so none can be ours to remove."""


class Database:
    """One opened database. Raises StoreError; opening it, StoreUnavailable too.

    StoreError means even there that it may work any time: only the disk is full.
    `damaged` is the identity of a file that proved unusable: if it is still there, it goes.
    """

    def __init__(self, path: Path, limit_bytes: int, damaged: Identity | None = None) -> None:
        self.notice = ""
        """One sentence if a database that was there had to go."""
        self.directory = StoreDirectory(path)
        self._cache: Any = None
        try:
            self.directory.prepare()
            with self.directory.lock():
                self._settle(limit_bytes, damaged)
                self._connect_or_begin_anew(limit_bytes)
                self.identity = self.directory.identity()
        except OSError as error:
            raise _cannot_open(path, fault_from(error), self.notice) from error

    def head(self, key: CacheKey) -> StoredHead | None:
        """The head of that key; raises DamagedFrameError."""
        frame = self._read(head_row(key))
        if frame is None:
            return None
        head = head_from_frame(key, frame)
        if head is None:
            raise DamagedFrameError
        return head

    def content(self, digest: bytes) -> bytes | None:
        """The content of that digest; raises DamagedFrameError."""
        frame = self._read(content_row(digest))
        if frame is None:
            return None
        content = content_from_frame(digest, frame)
        if content is None:
            raise DamagedFrameError
        return content

    def entries(self) -> int:
        """Heads, as diskcache's own triggers count them."""
        with translated():
            return int(self._cache.reset("size"))

    def waive_patience(self) -> None:
        """Have this thread not wait for locks: on the event loop, what is locked is absent."""
        with contextlib.suppress(*FOREIGN_ERRORS):
            self.sql("PRAGMA busy_timeout = 0")

    def close(self) -> None:
        """Close this thread's connection; another is opened when needed."""
        if self._cache is not None:
            with contextlib.suppress(*FOREIGN_ERRORS):
                self._cache.close()

    # For the writing thread; wrapped in `translated` by the caller

    def check_place(self) -> None:
        """StoreError if another file, or none, is where ours was; SQLite would write on blindly."""
        try:
            identity = self.directory.identity()
        except OSError as error:  # the directory cannot be entered any more, or is a file now
            raise StoreError(f"the database was moved: {error.strerror}", is_moved=True) from error
        if identity != self.identity:
            raise StoreError("the database was moved or deleted", is_moved=True)

    def has(self, row: bytes) -> bool:
        return row in self._cache

    def put(self, row: bytes, frame: bytes, tag: bytes | None = None) -> None:
        self._cache.set(row, frame, tag=tag)

    def delete(self, row: bytes) -> None:
        self._cache.delete(row)

    def sql(self, statement: str, *values: object) -> sqlite3.Cursor:
        """On this thread's connection; diskcache has no public way to select by use or by tag."""
        cursor: sqlite3.Cursor = self._cache._sql(statement, values)  # noqa: SLF001  # as said
        return cursor

    def number(self, statement: str) -> int:
        """The one value that a statement selects."""
        ((number,),) = self.sql(statement).fetchall()
        return int(number)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; here and nowhere else is it written."""
        try:
            with self._cache.transact():
                yield
        except diskcache.Timeout as error:
            raise fault_from(error) from error

    def give_back(self, pages: int) -> None:
        """Make the file smaller by so many free pages."""
        # execute would take one step of it, which is one page.
        self.sql("SELECT 1").connection.executescript(f"PRAGMA incremental_vacuum({pages})")

    def checkpoint(self) -> None:
        """Move the log into the file and cut it to nothing; busy readers may prevent that."""
        self.sql(_CHECKPOINT).fetchall()

    # Opening

    def _settle(self, limit_bytes: int, damaged: Identity | None) -> None:
        """Set aside what is there if it is of no use, and see what room that leaves us."""
        is_damaged = damaged is not None and self.directory.identity() == damaged
        standing = Standing.DAMAGED if is_damaged else self.directory.standing()
        self._is_new = standing is not Standing.OURS
        self._is_begun = not self._is_new or self.directory.bytes_set_aside() > 0
        if standing not in {Standing.ABSENT, Standing.OURS}:
            self._set_aside(standing, limit_bytes)
        if limit_bytes - self.directory.bytes_set_aside() < MIN_LIMIT_BYTES:
            self.directory.forget_set_aside()
        if limit_bytes < MIN_LIMIT_BYTES:
            raise StoreUnavailable(f"{self.directory.path}: {limit_bytes} bytes are not enough")
        self.budget = budget(limit_bytes - self.directory.bytes_set_aside())

    def _set_aside(self, standing: Standing, limit_bytes: int) -> None:
        fate = self.directory.set_aside(standing, limit_bytes)
        self.notice = f"{self.directory.database} was {standing}: {fate}, starting cold"

    def _connect_or_begin_anew(self, limit_bytes: int) -> None:
        fault = self._fault_on_connecting()
        if fault is None:
            return
        may_make_room = fault.is_full and self._is_begun
        if fault.is_full and self._is_new:
            self.directory.delete()  # half made, it would look foreign
        if self.notice or not (fault.is_damage or may_make_room):
            raise _cannot_open(self.directory.database, fault, self.notice)
        if fault.is_full:
            self._make_room()
        else:
            self._set_aside(Standing.DAMAGED, limit_bytes)
        self._settle(limit_bytes, None)
        self._connect_or_begin_anew(limit_bytes)

    def _fault_on_connecting(self) -> StoreError | None:
        """None once connected; else nothing holds the file open, and deleting it frees its room."""
        try:
            self._connect()
        except FOREIGN_ERRORS as error:
            self.close()
            fault = fault_from(error)
            # What it could not open was to be made: of a lack of files SQLite says no more.
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CANTOPEN:
                return StoreError(str(fault), is_full=self.directory.has_no_room())
            return fault
        return None

    def _make_room(self) -> None:
        """Delete all that is ours, lest it be us who fill the disk, at every start anew."""
        self.directory.delete()
        self.directory.forget_set_aside()
        self.notice = f"{self.directory.database} was deleted: no room on the disk, starting cold"

    def _connect(self) -> None:
        self.directory.create()
        schema.prepare(self.directory.database, _KNOWN_SETTINGS)
        settings = {**_SETTINGS, _PAGE_LIMIT: self.budget.pages}
        path = str(self.directory.path)
        patience = _PATIENCE_SECONDS
        # In two steps: where the second fails, the connection it made can still be closed.
        self._cache = diskcache.Cache.__new__(diskcache.Cache)
        self._cache.__init__(path, timeout=patience, disk=_BytesDisk, **settings)
        self.sql(schema.HEAD_USE_INDEX)
        self.checkpoint()

    def _read(self, row: bytes) -> bytes | None:
        try:
            frame: bytes | None = self._cache.get(row)
        except FOREIGN_ERRORS as error:
            raise fault_from(error) from error
        return frame


def head_row(key: CacheKey) -> bytes:
    # Resource before partition: the heads of one resource are a range of the key index.
    return b"h" + key.resource + key.partition


def content_row(digest: bytes) -> bytes:
    return b"c" + digest


def _cannot_open(path: Path, fault: StoreError, notice: str) -> StoreUnavailable | StoreError:
    reason = "; ".join(filter(None, (notice, f"{path}: {fault}")))
    return StoreError(reason) if fault.is_full else StoreUnavailable(reason)
