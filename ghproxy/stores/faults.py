"""What goes wrong with a database, told in our words: foreign errors become StoreError here.

Says of each whether its bytes make no sense, whether the disk is full, or neither; codes are
SQLite's (https://sqlite.org/rescode.html).
"""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from typing import Final


class StoreError(Exception):
    """The database did not do what it was asked.

    `is_damage`: its bytes make no sense, only a new one will do. `is_moved`: the file was renamed
    or deleted under us, or never was. Else it may work again any time; `is_full`: once there is
    room on the disk.
    """

    def __init__(
        self,
        reason: str,
        *,
        is_damage: bool = False,
        is_moved: bool = False,
        is_full: bool = False,
    ) -> None:
        super().__init__(reason)
        self.is_damage = is_damage
        self.is_moved = is_moved
        self.is_full = is_full


class DamagedFrameError(Exception):
    """A row is there, and is not what was written."""


class StrangeSchemaError(Exception):
    """It bears our mark, and holds what we never put there."""


FOREIGN_ERRORS: Final = (
    sqlite3.Error,
    OSError,
    ValueError,
    TypeError,
    MemoryError,
    StrangeSchemaError,
)
_NO_ROOM: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_SHMSIZE,
    }
)
_NO_ROOM_OF_SYSTEM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DAMAGE: Final = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,  # a table is missing: our statements themselves are right
        sqlite3.SQLITE_CONSTRAINT,  # likewise: an index that contradicts its table
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_TOOBIG,
    }
)
# Without a code of SQLite's: text that is no UTF-8, rows that diskcache cannot take apart.
_NONSENSE: Final = (sqlite3.OperationalError, ValueError, StrangeSchemaError)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raises StoreError for whatever the database, diskcache or the file system raise."""
    try:
        yield
    except FOREIGN_ERRORS as error:
        raise fault_from(error) from error


def fault_from(error: BaseException) -> StoreError:
    """That error in our words."""
    # diskcache's Timeout, and a rollback that fails after SQLite's own, hide the reason.
    while isinstance(error.__context__, sqlite3.Error):
        error = error.__context__
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return StoreError(reason, is_full=error.errno in _NO_ROOM_OF_SYSTEM)
    if code is None:
        reason = str(error) or type(error).__name__
        return StoreError(reason, is_damage=isinstance(error, _NONSENSE))
    return StoreError(str(error), is_damage=code & 0xFF in _DAMAGE, is_full=code in _NO_ROOM)
