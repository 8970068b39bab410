"""What the stores say of the longest content they keep is true: it is kept, and little more is."""

import asyncio

import pytest

from ghproxy.stores import budget, memory
from ghproxy.stores.base import HEAD_ROOM_BYTES
from ghproxy.stores.memory import MemoryStore
from ghproxy.stores.pending import Save
from tests.support.stores import MEBIBYTE, key, noise, opened, response

LARGE_HEAD = bytes(HEAD_ROOM_BYTES - 1_000)
DISK_LIMITS = [budget.MIN_LIMIT_BYTES, 10_000_000, 50 * MEBIBYTE, 1_000_000_000]


def longest(limit, store):
    return response(noise(limit, store.largest_content_bytes(limit)), fields=LARGE_HEAD)


@pytest.mark.parametrize("limit", DISK_LIMITS)
def test_a_disk_store_keeps_its_longest_content_over_a_restart(tmp_path, limit):
    large = longest(limit, budget)

    async def write_and_read():
        async with opened("disk", tmp_path, limit_bytes=limit) as store:
            for number in range(20):
                await store.save(key(str(number)), response(noise(number, 100_000)))
            await store.flush()
            await store.save(key(), large)
            await store.flush()
            assert (store.snapshot().dropped, store.snapshot().errors) == (0, 0)
        async with opened("disk", tmp_path, limit_bytes=limit) as store:
            return await store.load(key())

    assert asyncio.run(write_and_read()) == large


@pytest.mark.parametrize("limit", [*range(budget.MIN_LIMIT_BYTES, 9_000_000, 99_991), *DISK_LIMITS])
def test_what_a_disk_store_says_it_keeps_is_neither_too_much_nor_timid(limit):
    size = budget.largest_content_bytes(limit)
    bare = response(bytes(size + HEAD_ROOM_BYTES + 3 * budget.PAGE_BYTES), fields=b"")
    full = response(bytes(size), fields=LARGE_HEAD)
    shares = budget.budget(limit)
    assert shares.may_keep(Save(full.head, full.content))
    assert not shares.may_keep(Save(bare.head, bare.content))


def test_a_memory_store_keeps_its_longest_content():
    large = longest(1_000_000, memory)
    larger = response(large.content + bytes(HEAD_ROOM_BYTES), fields=b"")

    async def save_and_load(stored):
        store = MemoryStore(1_000_000)
        await store.save(key(), stored)
        return await store.load(key())

    assert asyncio.run(save_and_load(large)) == large
    assert asyncio.run(save_and_load(larger)) is None
