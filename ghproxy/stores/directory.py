"""The disk store's place on the file system: whose `cache.db` it is, who may read it, its size.

What is ours but unusable is set aside, once, and counts towards the bound, so that disk use stays
what was configured. What is not ours is moved, never deleted, and not counted: it was there before.
"""

import contextlib
import enum
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ghproxy.stores.base import StoreUnavailable
from ghproxy.stores.budget import MIN_LIMIT_BYTES, PAGE_BYTES
from ghproxy.stores.codec import FRAME_TRACES
from ghproxy.stores.faults import StoreError

DATABASE: Final = "cache.db"
"""The name diskcache gives its one file; SQLite adds `-wal` and `-shm` beside it."""
APPLICATION_ID: Final = 0x67687078
"""Says in the file's header that a database is ours ("ghpx")."""
SCHEMA_VERSION: Final = 1

_LOGS: Final = ("-wal", "-journal")
"""What SQLite may keep beside a database that is part of it."""
_SET_ASIDE: Final = f"{DATABASE}.set-aside"
_FOREIGN: Final = f"{DATABASE}.foreign"
_MAGIC: Final = b"SQLite format 3\x00"  # https://sqlite.org/fileformat2.html#the_database_header
_FORMATS: Final = tuple(
    PAGE_BYTES.to_bytes(2, "big") + versions + b"\x00\x40\x20\x20"
    for versions in (b"\x01\x01", b"\x02\x02")
)
"""Bytes 16 to 23 of what we write, before and after the change to a write-ahead log."""
_TRACES: Final = (*FRAME_TRACES, b"CREATE INDEX Cache_head_use ON Cache (")
"""How frames begin, and an index that only we have: they tell our file without its header."""
_TRACED_BYTES: Final = 2**20
_MAX_FOREIGN: Final = 9


class Standing(enum.StrEnum):
    """What the header of `cache.db` says."""

    ABSENT = "absent"
    OURS = "ours"
    OUTDATED = "of another version"
    DAMAGED = "damaged"
    FOREIGN = "not a cache of ghproxy"


Identity = tuple[int, int]
"""Device and inode: says whether a path still leads to the same file."""


class StoreDirectory:
    """One directory; every method may raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / DATABASE
        self._wal = path / f"{DATABASE}-wal"

    def prepare(self) -> None:
        """Make the directory, for its owner only.

        One that was there keeps its mode, unless it is empty and ours alone. The database's own
        mode protects the content.
        """
        if not self.path.is_dir():
            _make(self.path)
        elif self._is_untouched():
            self.path.chmod(0o700)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from opening or setting aside at the same time."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def standing(self) -> Standing:
        """Whose database it is; raises StoreUnavailable where it is not a file.

        Only to be asked before this process has it open: closing a file drops its POSIX locks.
        """
        try:
            status = self.database.lstat()
        except FileNotFoundError:
            return Standing.ABSENT
        if not stat.S_ISREG(status.st_mode):
            raise StoreUnavailable(f"{self.database} is not a regular file")
        if status.st_size == 0:
            return Standing.ABSENT
        with self.database.open("rb") as file:
            beginning = file.read(_TRACED_BYTES)
        return _standing(beginning)

    def identity(self) -> Identity | None:
        """Which file `cache.db` is at present."""
        try:
            status = self.database.lstat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def create(self) -> None:
        """An empty database file that only its owner can read, whatever the umask."""
        flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW
        os.close(os.open(self.database, flags, 0o600))
        self.restrict()

    def restrict(self) -> None:
        """Mode 0600; SQLite gives its other files the mode of the database."""
        with contextlib.suppress(PermissionError):
            self.database.chmod(0o600)

    def set_aside(self, standing: Standing, limit_bytes: int) -> str:
        """Move the database out of the way; the answer says where it went.

        A foreign one gets a name that nothing else has; StoreError where there are too many.
        Of ours the latest is kept, or none if it would leave too little of the bound.
        """
        if standing is Standing.FOREIGN:
            return self._rename(self._foreign_name())
        self.forget_set_aside()
        ours = _bytes(self.database) + self.wal_bytes()
        if ours > min(limit_bytes // 2, limit_bytes - MIN_LIMIT_BYTES):
            self.delete()
            return "deleted"
        return self._rename(_SET_ASIDE)

    def delete(self) -> None:
        """Delete the database, which must be ours."""
        self._unlink(*_with_logs(""), "-shm")

    def forget_set_aside(self) -> None:
        """Delete what was set aside of ours."""
        self._unlink(*_with_logs(".set-aside"))

    def bytes_used(self) -> int:
        """Everything the store has here, as the file system counts it."""
        try:
            return sum(_bytes(file) for file in self.path.iterdir() if _is_ours(file.name))
        except (FileNotFoundError, NotADirectoryError):
            return 0

    def bytes_set_aside(self) -> int:
        return sum(_bytes(self.path / name) for name in _with_logs(_SET_ASIDE))

    def has_no_room(self) -> bool:
        """Whether the file system has no byte or no file left to give."""
        room = os.statvfs(self.path)
        return room.f_bavail == 0 or (room.f_files > 0 and room.f_favail == 0)

    def wal_bytes(self) -> int:
        return _bytes(self._wal)

    def _is_untouched(self) -> bool:
        status = self.path.stat()
        is_shared = status.st_mode & stat.S_ISVTX or status.st_uid != os.geteuid()
        return not is_shared and not any(self.path.iterdir())

    def _foreign_name(self) -> str:
        for number in range(1, _MAX_FOREIGN + 1):
            name = _FOREIGN if number == 1 else f"{_FOREIGN}-{number}"
            if not any(os.path.lexists(self.path / each) for each in _with_logs(name)):
                return name
        reason = f"{self.database} is {Standing.FOREIGN}, and so are {_MAX_FOREIGN} beside it"
        raise StoreError(f"{reason}; move them away")

    def _rename(self, name: str) -> str:
        self.database.replace(self.path / name)
        for log in _LOGS:
            with contextlib.suppress(FileNotFoundError):
                (self.path / f"{DATABASE}{log}").replace(self.path / f"{name}{log}")
        self._unlink("-shm")
        return f"kept as {name}"

    def _unlink(self, *suffixes: str) -> None:
        for suffix in suffixes:
            (self.path / f"{DATABASE}{suffix}").unlink(missing_ok=True)


def _make(path: Path) -> None:
    """A directory, and those above it that are missing, with mode 0700 whatever the umask."""
    if not path.parent.is_dir():
        _make(path.parent)
    with contextlib.suppress(FileExistsError):  # another process was faster
        path.mkdir(mode=0o700)
        path.chmod(0o700)


def _standing(beginning: bytes) -> Standing:
    is_marked = beginning[68:72] == APPLICATION_ID.to_bytes(4, "big")
    if beginning.startswith(_MAGIC) and is_marked:
        if beginning[60:64] != SCHEMA_VERSION.to_bytes(4, "big"):
            return Standing.OUTDATED
        return Standing.OURS if beginning[16:24] in _FORMATS else Standing.DAMAGED
    is_blank = len(beginning) < _TRACED_BYTES and not any(beginning)
    is_ours = is_blank or any(trace in beginning for trace in _TRACES)
    return Standing.DAMAGED if is_ours else Standing.FOREIGN


def _with_logs(name: str) -> tuple[str, ...]:
    return (name, *(name + log for log in _LOGS))


def _is_ours(name: str) -> bool:
    return name.startswith(DATABASE) and not name.startswith(_FOREIGN)


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
