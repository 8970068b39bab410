"""The disk store's place on the file system: whose `cache.db` it is, who may read it, its size.

What is ours but unusable is set aside, once; what is not ours is never deleted. Set-aside files
count towards the bound, so that disk use stays what was configured.
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

DATABASE: Final = "cache.db"
"""The name diskcache gives its one file; SQLite adds `-wal` and `-shm` beside it."""
APPLICATION_ID: Final = 0x67687078
"""Says in the file's header that a database is ours ("ghpx")."""
SCHEMA_VERSION: Final = 1

_SET_ASIDE: Final = f"{DATABASE}.set-aside"
_FOREIGN: Final = f"{DATABASE}.foreign"
_HEADER_BYTES: Final = 100  # https://sqlite.org/fileformat2.html#the_database_header
_MAGIC: Final = b"SQLite format 3\x00"


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
    """One directory; every method may raise OSError, `prepare` StoreUnavailable."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / DATABASE
        self._wal = path / f"{DATABASE}-wal"

    def prepare(self) -> None:
        """Make the directory, for its owner only.

        One that holds other files is somebody's: it keeps its mode, and the database's own mode
        protects the content.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if all(file.name.startswith(DATABASE) for file in self.path.iterdir()):
                with contextlib.suppress(PermissionError):  # a volume that belongs to another
                    self.path.chmod(0o700)
        except OSError as error:
            raise unavailable(self.path, error) from error

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
            header = file.read(_HEADER_BYTES)
        if not header.startswith(_MAGIC) or header[68:72] != APPLICATION_ID.to_bytes(4, "big"):
            return Standing.FOREIGN
        is_current = header[60:64] == SCHEMA_VERSION.to_bytes(4, "big")
        return Standing.OURS if is_current else Standing.OUTDATED

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

        What would leave less than half the bound is deleted if it was ours; if it was not, there
        is no room for us here (StoreUnavailable). A foreign database is never overwritten either.
        """
        self._unlink(".set-aside", ".set-aside-wal")
        is_large = _bytes(self.database) + self.bytes_set_aside() > limit_bytes // 2
        if standing is Standing.FOREIGN:
            if is_large or (self.path / _FOREIGN).exists():
                raise StoreUnavailable(f"{self.database} is {standing}; move it away")
            return self._rename(_FOREIGN)
        if is_large:
            self._unlink("", "-wal", "-shm", "-journal")
            return "deleted"
        return self._rename(_SET_ASIDE)

    def bytes_used(self) -> int:
        """Everything the store has here, as the file system counts it."""
        with os.scandir(self.path) as entries:
            return sum(_bytes(Path(e.path)) for e in entries if e.name.startswith(DATABASE))

    def bytes_set_aside(self) -> int:
        names = (_SET_ASIDE, f"{_SET_ASIDE}-wal", _FOREIGN, f"{_FOREIGN}-wal")
        return sum(_bytes(self.path / name) for name in names)

    def wal_bytes(self) -> int:
        return _bytes(self._wal)

    def _rename(self, name: str) -> str:
        self.database.replace(self.path / name)
        with contextlib.suppress(FileNotFoundError):
            self._wal.replace(self.path / f"{name}-wal")
        self._unlink("-shm", "-journal")
        return f"kept as {name}"

    def _unlink(self, *suffixes: str) -> None:
        for suffix in suffixes:
            (self.path / f"{DATABASE}{suffix}").unlink(missing_ok=True)


def unavailable(path: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"{path}: {error.strerror or error}")


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
