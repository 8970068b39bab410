"""The store in memory: its order, its bytes, and that both stay exact."""

import asyncio
import gc
import tracemalloc

import msgspec
import pytest

from ghproxy.stores.memory import MemoryStore
from tests.support.stores import MEBIBYTE, key, noise, response


def loaded(store, name):
    return asyncio.run(store.load(key(name)))


def save(store, name, stored):
    asyncio.run(store.save(key(name), stored))


def test_the_least_recently_used_goes_first_exactly():
    store = MemoryStore(3 * 11_000)
    for name in "abc":
        save(store, name, response(noise(name, 10_000)))
    loaded(store, "a")
    asyncio.run(store.freshen(key("b"), response(noise("b", 10_000), entity_tag=b'"2"').head))
    save(store, "d", response(noise("d", 10_000)))

    assert [name for name in "abcd" if loaded(store, name)] == ["a", "b", "d"]


def test_saving_again_counts_as_a_use():
    store = MemoryStore(3 * 11_000)
    for name in "abca":
        save(store, name, response(noise(name, 10_000)))
    save(store, "d", response(noise("d", 10_000)))

    assert [name for name in "abcd" if loaded(store, name)] == ["a", "c", "d"]


def test_a_head_that_grows_makes_room_for_itself():
    store = MemoryStore(30_000)
    for name in "ab":
        save(store, name, response(noise(name, 10_000)))
    grown = response(
        noise("b", 10_000), fields=b"x-large\n" + noise("field", 12_000).hex().encode()
    )
    asyncio.run(store.freshen(key("b"), grown.head))

    assert store.snapshot().bytes_used <= 30_000
    assert loaded(store, "b") is None or loaded(store, "b").head == grown.head


def test_evicting_one_of_two_heads_leaves_the_content_to_the_other():
    store = MemoryStore(2 * 11_000)
    for name in ("first", "second"):
        save(store, name, response(noise("shared", 10_000)))
    save(store, "third", response(noise("third", 10_000)))
    save(store, "second", response(noise("shared", 10_000)))

    assert loaded(store, "second").content == noise("shared", 10_000)


def test_bytes_return_to_zero_when_everything_is_replaced_by_nothing():
    store = MemoryStore(MEBIBYTE)
    for number in range(50):
        save(store, str(number), response(noise(number % 7, 1_000)))
    for number in range(50):
        save(store, str(number), response(bytes(2 * MEBIBYTE)))

    assert store.snapshot().entries == 0
    assert store.snapshot().bytes_used == 0


def test_a_bound_of_nothing_keeps_nothing():
    store = MemoryStore(0)
    save(store, "a", response())

    assert loaded(store, "a") is None


@pytest.mark.parametrize("content_bytes", [0, 50, 6_000])
@pytest.mark.parametrize("field_bytes", [300, 1_400])
@pytest.mark.parametrize("is_shared", [False, True])
def test_bytes_used_are_what_the_interpreter_allocates(content_bytes, field_bytes, is_shared):
    """At least that, and not a fifth more: the bound is one of memory, not of content."""
    store = MemoryStore(2**40)
    pattern = response().head

    async def fill():
        for number in range(3_000):
            stored = response(
                noise(0 if is_shared else number, content_bytes),
                fields=b"x-noise\n" + bytes([65 + number % 26]) * field_bytes,
            )
            head = msgspec.structs.replace(stored.head, own_fields=pattern.own_fields)
            await store.save(key(str(number)), msgspec.structs.replace(stored, head=head))

    gc.collect()
    tracemalloc.start()
    asyncio.run(fill())
    gc.collect()
    allocated, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    used = store.snapshot().bytes_used
    assert allocated <= used <= allocated * 1.2
