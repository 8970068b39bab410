"""Stored responses to order, the three kinds of store, and a disk store opened and closed."""

import contextlib
import hashlib
from pathlib import Path

from ghproxy.core.stored import CacheKey, StoredHead, StoredResponse, content_digest
from ghproxy.stores.disk import DiskStore
from ghproxy.stores.memory import MemoryStore
from ghproxy.stores.tiered import TieredStore
from tests.support.clock import FakeClock

MEBIBYTE = 2**20
KINDS = ("memory", "disk", "tiered")


def key(resource="repos/acme/anvil", partition="alice"):
    return CacheKey(
        hashlib.sha256(resource.encode()).digest(), hashlib.sha256(partition.encode()).digest()
    )


def response(content=b"{}", entity_tag=b'"1"', fields=b"content-type\napplication/json", at=0.0):
    head = StoredHead(
        status=200,
        fields=fields,
        own_fields=b"x-oauth-scopes\nrepo",
        entity_tag=entity_tag,
        content_digest=content_digest(content),
        content_bytes=len(content),
        stored_at=at,
        validated_at=at,
    )
    return StoredResponse(head, content)


def noise(seed, length):
    """Bytes that neither compress nor repeat, the same for the same seed."""
    return hashlib.shake_128(str(seed).encode()).digest(length)


@contextlib.asynccontextmanager
async def opened(kind, directory: Path, *, limit_bytes=8 * MEBIBYTE, clock=None):
    store = open_store(kind, directory, limit_bytes=limit_bytes, clock=clock)
    try:
        yield store
    finally:
        await store.aclose()


def open_store(kind, directory, *, limit_bytes=8 * MEBIBYTE, clock=None):
    clock = clock or FakeClock()
    match kind:
        case "memory":
            return MemoryStore(limit_bytes)
        case "disk":
            return DiskStore(directory, limit_bytes, clock)
        case "tiered":
            disk = DiskStore(directory, limit_bytes, clock)
            return TieredStore(MemoryStore(limit_bytes // 4), disk)


async def settle(store):
    """Wait until everything saved is where it will stay."""
    if isinstance(store, TieredStore):
        store = store._back
    if isinstance(store, DiskStore):
        await store.flush()


def directory_bytes(directory: Path):
    """What the file system says, all files, at this moment."""
    total = 0
    for file in directory.iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += file.lstat().st_size
    return total
