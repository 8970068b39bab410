"""The pool's bookkeeping: slots, idle connections, turns."""

import asyncio
from collections.abc import Coroutine

import pytest

from ghproxy.upstream.base import UpstreamSnapshot
from ghproxy.upstream.pool import Pool


def run(main: Coroutine[None, None, None]) -> None:
    asyncio.run(main)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_slot_is_reserved_until_it_is_freed() -> None:
    pool: Pool[str] = Pool(2, 2)
    assert [pool.reserve(), pool.reserve(), pool.reserve()] == [True, True, False]
    pool.free()
    assert pool.reserve()
    assert pool.snapshot() == UpstreamSnapshot(idle=0, in_use=2, waiting=0)


def test_the_connection_given_back_last_is_taken_first() -> None:
    pool: Pool[str] = Pool(3, 3)
    for name in ("a", "b", "c"):
        pool.reserve()
        assert pool.give(name)
    assert pool.oldest_idle() == "a"
    assert [pool.take(), pool.take(), pool.take(), pool.take()] == ["c", "b", "a", None]


def test_one_idle_connection_too_many_is_not_kept_and_its_slot_is_free() -> None:
    pool: Pool[str] = Pool(2, 1)
    pool.reserve()
    pool.reserve()
    assert pool.give("a")
    assert not pool.give("b")
    assert pool.snapshot() == UpstreamSnapshot(idle=1, in_use=0, waiting=0)
    assert pool.reserve()


def test_a_forgotten_connection_is_not_taken() -> None:
    pool: Pool[str] = Pool(1, 1)
    pool.reserve()
    pool.give("a")
    pool.forget("a")
    assert pool.take() is None
    assert pool.reserve()


def test_those_who_wait_are_served_in_turn_with_connections_or_slots() -> None:
    async def main() -> None:
        pool: Pool[str] = Pool(1, 1)
        pool.reserve()
        waiting = [asyncio.create_task(pool.wait()) for _ in range(3)]
        await turns()
        assert pool.snapshot() == UpstreamSnapshot(idle=0, in_use=1, waiting=3)
        pool.give("a")
        pool.free()
        assert await asyncio.gather(*waiting[:2]) == ["a", None]
        pool.release_waiting()
        assert await waiting[2] is None

    run(main())


@pytest.mark.parametrize("is_connection", [True, False])
def test_what_was_handed_to_one_who_is_cancelled_goes_to_the_next(*, is_connection: bool) -> None:
    async def main() -> None:
        pool: Pool[str] = Pool(1, 1)
        pool.reserve()
        first, second = (asyncio.create_task(pool.wait()) for _ in range(2))
        await turns()
        if is_connection:
            pool.give("a")
        else:
            pool.free()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await second == ("a" if is_connection else None)
        pool.free()
        assert pool.snapshot() == UpstreamSnapshot(idle=0, in_use=0, waiting=0)

    run(main())


@pytest.mark.parametrize("is_connection", [True, False])
def test_what_was_handed_to_the_last_who_is_cancelled_is_idle_or_free(
    *, is_connection: bool
) -> None:
    async def main() -> None:
        pool: Pool[str] = Pool(1, 1)
        pool.reserve()
        waiter = asyncio.create_task(pool.wait())
        await turns()
        if is_connection:
            pool.give("a")
        else:
            pool.free()
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert pool.snapshot().in_use == 0
        assert pool.take() == ("a" if is_connection else None)

    run(main())


def test_one_who_is_cancelled_is_passed_over() -> None:
    async def main() -> None:
        pool: Pool[str] = Pool(1, 1)
        pool.reserve()
        first, second = (asyncio.create_task(pool.wait()) for _ in range(2))
        await turns()
        first.cancel()
        pool.give("a")  # before the first has noticed
        assert await second == "a"
        with pytest.raises(asyncio.CancelledError):
            await first
        assert pool.snapshot() == UpstreamSnapshot(idle=0, in_use=1, waiting=0)

    run(main())
