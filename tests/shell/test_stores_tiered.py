"""Memory in front of a slower store: what reaches the back, and what may come from it."""

import asyncio

import msgspec
import pytest

from ghproxy.stores.memory import MemoryStore
from ghproxy.stores.tiered import TieredStore
from tests.support.stores import MEBIBYTE, key, response


class SlowStore:
    """A back that says what it was asked and answers loads when the gate is open."""

    def __init__(self):
        self.asked = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Event()
        self._store = MemoryStore(MEBIBYTE)

    async def load(self, key):
        self.asked.append("load")
        stored = await self._store.load(key)
        self.waiting.set()
        await self.gate.wait()
        return stored

    async def save(self, key, stored):
        self.asked.append("save")
        await self._store.save(key, stored)

    async def freshen(self, key, head):
        self.asked.append("freshen")
        await self._store.freshen(key, head)

    def touch(self, key):
        self.asked.append("touch")

    def snapshot(self):
        return self._store.snapshot()

    async def aclose(self):
        self.asked.append("aclose")


def run(play, front_bytes=MEBIBYTE):
    async def main():
        front, back = MemoryStore(front_bytes), SlowStore()
        return await play(TieredStore(front, back), front, back)

    return asyncio.run(main())


def test_a_load_fills_the_front_and_the_next_only_tells_the_back():
    async def play(store, front, back):
        await back.save(key(), response(b"x"))
        back.asked.clear()
        assert await store.load(key()) == response(b"x")
        assert await front.load(key()) == response(b"x")
        assert await store.load(key()) == response(b"x")
        assert back.asked == ["load", "touch"]

    run(play)


def test_saving_and_freshening_reach_both():
    fresher = msgspec.structs.replace(response(b"x").head, validated_at=9.0, own_fields=b"a\nb")

    async def play(store, front, back):
        await store.save(key(), response(b"x"))
        await store.freshen(key(), fresher)
        for layer in (front, back):
            assert (await layer.load(key())).head == fresher
        assert back.asked == ["save", "freshen", "load"]

    run(play)


@pytest.mark.parametrize(("validated_at", "reaches_back"), [(3599.0, False), (3600.0, True)])
def test_a_new_time_of_validation_reaches_the_back_once_an_hour(validated_at, reaches_back):
    fresher = msgspec.structs.replace(response(b"x").head, validated_at=validated_at)

    async def play(store, front, back):
        await store.save(key(), response(b"x"))
        await store.freshen(key(), fresher)
        assert (await store.load(key())).head == fresher
        assert ("freshen" in back.asked) is reaches_back

    run(play)


def test_freshening_what_the_front_does_not_hold_reaches_the_back():
    fresher = msgspec.structs.replace(response(b"x").head, validated_at=9.0)

    async def play(store, front, back):
        await back.save(key(), response(b"x"))
        await store.freshen(key(), fresher)
        assert (await store.load(key())).head == fresher

    run(play)


def test_freshening_that_changes_nothing_does_not_reach_the_back():
    async def play(store, front, back):
        await store.save(key(), response(b"x"))
        back.asked.clear()
        await store.freshen(key(), response(b"x").head)
        assert back.asked == []

    run(play)


def test_what_is_saved_during_a_load_is_not_overwritten_by_it():
    """Nor after the front has already let go of it again."""
    for front_bytes in (MEBIBYTE, 4_000):

        async def play(store, front, back):
            await back.save(key(), response(b"older"))
            back.gate.clear()
            load = asyncio.create_task(store.load(key()))
            await back.waiting.wait()
            await store.save(key(), response(b"newer"))
            for number in range(10):
                await store.save(key(str(number)), response(b"more"))
            back.gate.set()
            await load
            assert (await store.load(key())).content == b"newer"

        run(play, front_bytes)


def test_a_newer_load_fills_the_front_though_an_older_one_may_not():
    async def play(store, front, back):
        await back.save(key(), response(b"older"))
        back.gate.clear()
        first = asyncio.create_task(store.load(key()))
        await back.waiting.wait()
        await store.save(key(), response(b"newer"))
        await front.save(key(), response(bytes(2 * MEBIBYTE)))  # the front loses it
        back.waiting.clear()
        second = asyncio.create_task(store.load(key()))
        await back.waiting.wait()
        back.gate.set()
        assert (await first).content == b"older"
        assert (await second).content == b"newer"
        assert (await front.load(key())).content == b"newer"

    run(play)


def test_a_cancelled_load_leaves_nothing_behind():
    async def play(store, front, back):
        back.gate.clear()
        load = asyncio.create_task(store.load(key()))
        await back.waiting.wait()
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        assert load.cancelled()
        assert store._filling == {}

    run(play)


def test_the_snapshot_is_the_backs_and_shows_both():
    async def play(store, front, back):
        await store.save(key("both"), response(b"x"))
        await back.save(key("back"), response(b"x"))
        snapshot = store.snapshot()
        assert snapshot.kind == "memory+memory"
        assert snapshot.entries == 2
        assert snapshot.layers == (front.snapshot(), back.snapshot())

    run(play)
