"""Writes on their way to the disk: bounded, merged by key, visible to reads until they are there.

The event loop puts, one writer thread takes. What does not fit is dropped, and what was dropped
makes its key outdated: the disk's older answer must not come back for it. No I/O happens here.
"""

import threading
from collections.abc import Iterable
from typing import Final

import msgspec

from ghproxy.core.stored import CacheKey, StoredHead, StoredResponse

MAX_CHANGES: Final = 10_000
MAX_OUTDATED: Final = 20_000
USES_PER_WAKE: Final = 1_000
_CHANGE_BYTES: Final = 1_000  # key, head and bookkeeping, about


class Save(msgspec.Struct, frozen=True):
    """Write head and content."""

    head: StoredHead
    content: bytes


class Freshen(msgspec.Struct, frozen=True):
    """Replace a head that is there and names the same content."""

    head: StoredHead


class Remove(msgspec.Struct, frozen=True):
    """Delete the head, and its content with the last of them."""


Change = Save | Freshen | Remove


class Batch(msgspec.Struct):
    """What the writer takes at once: a change for each key, uses, content found damaged."""

    serial: int
    changes: dict[CacheKey, Change] = {}
    uses: dict[CacheKey, float] = {}
    damaged: set[bytes] = set()
    bytes_held: int = 0
    is_inspection: bool = False

    def is_empty(self) -> bool:
        return not (self.changes or self.uses or self.damaged or self.is_inspection)


class PendingWrites:
    """The open batch, and the one being written.

    `find` takes no lock: the writer moves a batch by setting `_written` before `_open`, and
    forgets it after the commit, so a reader that looks in this order misses nothing.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.dropped = 0
        """Changes lost, whether refused here or not written there."""
        self.refused = 0
        """Those that came while there was no room for them."""
        self._limit_bytes = limit_bytes
        self._open = Batch(0)
        self._written = Batch(-1)
        self._outdated: dict[CacheKey, int] = {}
        self._is_closed = False
        self._is_urgent = False
        self._changed = threading.Condition()

    def find(self, key: CacheKey) -> Change | None:
        """The newest change of that key that the disk does not show; Remove for an outdated key."""
        change = self._open.changes.get(key)
        if change is not None:
            return change
        written = self._written
        change = written.changes.get(key)
        outdated = self._outdated.get(key)
        if outdated is None or (change is not None and outdated <= written.serial):
            return change
        return Remove()

    def save(self, key: CacheKey, stored: StoredResponse) -> None:
        self._put(key, Save(stored.head, stored.content))

    def freshen(self, key: CacheKey, head: StoredHead) -> None:
        change = self.find(key)
        self._put(key, Save(head, change.content) if isinstance(change, Save) else Freshen(head))

    def remove(self, key: CacheKey) -> None:
        self._put(key, Remove())

    def forget_content(self, digest: bytes) -> None:
        """Have content deleted that was found damaged, so that it can be saved again."""
        with self._changed:
            self._open.damaged.add(digest)
            self._wake()

    def use(self, key: CacheKey, at: float) -> None:
        """Have a use recorded, with the next change or when many have come together."""
        with self._changed:
            if len(self._open.uses) < MAX_CHANGES:
                self._open.uses[key] = at
            if len(self._open.uses) == USES_PER_WAKE:
                self._wake()

    def inspect(self) -> None:
        """Have the writer look at the database, though there may be nothing to write."""
        with self._changed:
            self._open.is_inspection = True
            self._wake()

    def take(self) -> Batch | None:
        """Wait for changes; None once closed and empty. The batch stays visible until `done`."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_urgent or self._is_closed)
            self._is_urgent = False
            if self._is_closed and self._open.is_empty():
                return None
            self._written = self._open
            self._open = Batch(self._written.serial + 1)
            return self._written

    def done(self, batch: Batch) -> None:
        """The batch is on the disk."""
        with self._changed:
            for key, change in batch.changes.items():
                is_newer = self._outdated.get(key, batch.serial + 1) > batch.serial
                if isinstance(change, Save) and not is_newer:
                    del self._outdated[key]
            self._forget()

    def failed(self, batch: Batch) -> None:
        """The batch, or some of it, is lost."""
        with self._changed:
            self._outdate(batch.changes, batch.serial)
            self.dropped += len(batch.changes)
            self._forget()

    def wait_until_written(self, timeout_seconds: float) -> bool:
        """Block until nothing is pending; for a thread that may wait."""
        with self._changed:
            self._wake()
            return self._changed.wait_for(self._is_idle, timeout_seconds)

    def close(self) -> None:
        """What is pending is still taken; then `take` answers None."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _is_idle(self) -> bool:
        return self._open.is_empty() and self._written.is_empty()

    def _put(self, key: CacheKey, change: Change) -> None:
        with self._changed:
            batch = self._open
            old = batch.changes.get(key)
            held = batch.bytes_held + _bytes(change) - _bytes(old)
            has_room = held + self._written.bytes_held <= self._limit_bytes
            if has_room and (old is not None or len(batch.changes) < MAX_CHANGES):
                batch.changes[key] = change
                batch.bytes_held = held
                self._wake()
                return
            self.dropped += 1
            self.refused += 1
            if old is not None:
                batch.changes[key] = Remove()
                batch.bytes_held += _bytes(Remove()) - _bytes(old)
            self._outdate((key,), batch.serial)

    def _outdate(self, keys: Iterable[CacheKey], serial: int) -> None:
        for key in keys:
            self._outdated[key] = serial
        while len(self._outdated) > MAX_OUTDATED:
            del self._outdated[next(iter(self._outdated))]

    def _wake(self) -> None:
        self._is_urgent = True
        self._changed.notify_all()

    def _forget(self) -> None:
        self._written = Batch(self._written.serial)
        self._changed.notify_all()


def _bytes(change: Change | None) -> int:
    match change:
        case None:
            return 0
        case Save():
            return _CHANGE_BYTES + len(change.content) + len(change.head.fields)
        case _:
            return _CHANGE_BYTES
