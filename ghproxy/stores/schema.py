"""Whether a database file is one we may hand to diskcache, which trusts what it finds.

diskcache runs every `sqlite_*` row of a database's Settings as a PRAGMA and sets an attribute for
each of the others; so only names that we know may be there. A new file is marked as ours first.
"""

import contextlib
import sqlite3
from collections.abc import Container
from pathlib import Path
from typing import Final

from ghproxy.stores.budget import PAGE_BYTES
from ghproxy.stores.directory import APPLICATION_ID, SCHEMA_VERSION
from ghproxy.stores.faults import StrangeSchemaError

HEAD_USE_INDEX: Final = (
    "CREATE INDEX IF NOT EXISTS Cache_head_use ON Cache (access_time) WHERE size = 1"
)
_NAMES: Final = frozenset(
    {
        "Cache",
        "Cache_expire_time",
        "Cache_head_use",
        "Cache_key_raw",
        "Cache_tag_rowid",
        "Settings",
        "Settings_count_delete",
        "Settings_count_insert",
        "Settings_size_delete",
        "Settings_size_insert",
        "Settings_size_update",
        "sqlite_autoindex_Settings_1",
    }
)
_COLUMNS: Final = (
    "rowid key raw store_time expire_time access_time access_count tag size mode filename value"
)
_LOCK_SECONDS: Final = 1.0


def prepare(database: Path, settings: Container[str]) -> None:
    """Mark an empty file as ours, or check one that is marked.

    Raises sqlite3.Error or StrangeSchemaError where it cannot be used.
    """
    connection = sqlite3.connect(database, timeout=_LOCK_SECONDS, isolation_level=None)
    with contextlib.closing(connection):
        ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
        if pages == 0:
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # Fails within a second where another program keeps the database locked.
        connection.execute("BEGIN IMMEDIATE")
        if pages == 0:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
        _check(connection, settings)


def _check(connection: sqlite3.Connection, settings: Container[str]) -> None:
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not names <= _NAMES:
        raise StrangeSchemaError("it has tables that are not ours")
    columns = " ".join(column[1] for column in connection.execute("PRAGMA table_info(Cache)"))
    if columns not in {"", _COLUMNS}:
        raise StrangeSchemaError("it has columns that are not ours")
    if "Settings" in names:
        for (name,) in connection.execute("SELECT key FROM Settings").fetchall():
            if name not in settings:
                raise StrangeSchemaError("it has settings that are not ours")
