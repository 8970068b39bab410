"""What every store promises, said once and held against each kind."""

import asyncio

import msgspec
import pytest

from tests.support.clock import FakeClock
from tests.support.stores import KINDS, MEBIBYTE, key, noise, opened, response, settle

pytestmark = pytest.mark.parametrize("kind", KINDS)


def run(kind, directory, play, **options):
    """Play against an open store of that kind, and close it."""

    async def main():
        async with opened(kind, directory, **options) as store:
            return await play(store)

    return asyncio.run(main())


def test_what_was_never_saved_is_absent(kind, tmp_path):
    async def play(store):
        assert await store.load(key()) is None

    run(kind, tmp_path / "c", play)


def test_what_was_saved_is_loaded_at_once_and_later(kind, tmp_path):
    saved = response(b'{"id": 1}')

    async def play(store):
        await store.save(key(), saved)
        assert await store.load(key()) == saved
        await settle(store)
        assert await store.load(key()) == saved

    run(kind, tmp_path / "c", play)


def test_a_key_is_its_resource_and_its_partition(kind, tmp_path):
    async def play(store):
        await store.save(key("a", "alice"), response(b"for alice"))
        await settle(store)
        assert await store.load(key("a", "bob")) is None
        assert await store.load(key("b", "alice")) is None
        assert await store.load(key("alice", "a")) is None

    run(kind, tmp_path / "c", play)


def test_the_second_save_of_a_key_replaces_the_first(kind, tmp_path):
    async def play(store):
        await store.save(key(), response(b"first"))
        await settle(store)
        await store.save(key(), response(b"second"))
        assert (await store.load(key())).content == b"second"
        await settle(store)
        assert (await store.load(key())).content == b"second"
        assert store.snapshot().entries == 1

    run(kind, tmp_path / "c", play)


def test_freshening_replaces_the_head_and_keeps_the_content(kind, tmp_path):
    saved = response(b"kept", entity_tag=b'"1"')
    fresher = msgspec.structs.replace(saved.head, validated_at=5.0, entity_tag=b'"2"')

    async def play(store):
        await store.save(key(), saved)
        await settle(store)
        await store.freshen(key(), fresher)
        assert await store.load(key()) == msgspec.structs.replace(saved, head=fresher)
        await settle(store)
        assert await store.load(key()) == msgspec.structs.replace(saved, head=fresher)

    run(kind, tmp_path / "c", play)


def test_freshening_right_after_saving_needs_no_pause(kind, tmp_path):
    saved = response(b"kept")
    fresher = msgspec.structs.replace(saved.head, validated_at=5.0)

    async def play(store):
        await store.save(key(), saved)
        await store.freshen(key(), fresher)
        await settle(store)
        assert await store.load(key()) == msgspec.structs.replace(saved, head=fresher)

    run(kind, tmp_path / "c", play)


def test_freshening_a_key_that_is_gone_does_nothing(kind, tmp_path):
    async def play(store):
        await store.save(key("here"), response(b"same content"))
        await settle(store)
        await store.freshen(key("gone"), response(b"same content").head)
        await settle(store)
        assert await store.load(key("gone")) is None
        assert store.snapshot().entries == 1

    run(kind, tmp_path / "c", play)


def test_freshening_with_the_head_of_other_content_does_nothing(kind, tmp_path):
    """A 304 for the old content may arrive after a 200 has brought the new."""
    newer = response(b"newer", entity_tag=b'"2"')

    async def play(store):
        await store.save(key(), newer)
        await settle(store)
        await store.save(key("shared"), response(b"older"))
        await settle(store)
        await store.freshen(key(), response(b"older", entity_tag=b'"1"').head)
        assert await store.load(key()) == newer
        await settle(store)
        assert await store.load(key()) == newer

    run(kind, tmp_path / "c", play)


def test_content_shared_by_heads_is_kept_once(kind, tmp_path):
    content = noise("shared", MEBIBYTE // 2)

    async def play(store):
        await store.save(key("list", "first"), response(content))
        await settle(store)
        before = store.snapshot().bytes_used
        for number in range(20):
            await store.save(key("list", str(number)), response(content))
        await settle(store)
        assert store.snapshot().entries == 21
        assert store.snapshot().bytes_used - before < MEBIBYTE // 2
        for number in range(20):
            assert (await store.load(key("list", str(number)))).content == content

    run(kind, tmp_path / "c", play)


def test_shared_content_stays_while_one_head_names_it_and_goes_with_the_last(kind, tmp_path):
    async def play(store):
        for partition in ("alice", "bob"):
            await store.save(key("list", partition), response(b"shared"))
        await settle(store)
        await store.save(key("list", "alice"), response(b"new"))
        await settle(store)
        assert (await store.load(key("list", "bob"))).content == b"shared"
        await store.save(key("list", "bob"), response(b"new"))
        await settle(store)
        assert (await store.load(key("list", "bob"))).content == b"new"
        assert (await store.load(key("list", "alice"))).content == b"new"

    run(kind, tmp_path / "c", play)


def test_content_replaced_again_and_again_takes_no_more_room(kind, tmp_path):
    async def play(store):
        used = []
        for number in range(60):
            await store.save(key(), response(noise(number, 300_000)))
            await settle(store)
            used.append(store.snapshot().bytes_used)
        assert max(used[30:]) <= max(used[:30])
        assert store.snapshot().evictions == 0

    run(kind, tmp_path / "c", play)


def test_the_bound_holds_and_the_newest_stays(kind, tmp_path):
    async def play(store):
        for number in range(300):
            saved = response(noise(number, 60_000))
            await store.save(key(str(number)), saved)
            assert await store.load(key(str(number))) == saved
            await settle(store)
            assert await store.load(key(str(number))) == saved
        snapshot = store.snapshot()
        assert snapshot.bytes_used <= snapshot.bytes_limit == 8 * MEBIBYTE
        assert snapshot.evictions >= 300 - 8 * MEBIBYTE // 60_000
        assert snapshot.entries + snapshot.evictions == 300
        assert snapshot.errors == snapshot.dropped == 0

    run(kind, tmp_path / "c", play)


def test_what_was_used_outlives_what_was_not(kind, tmp_path):
    clock = FakeClock()

    async def play(store):
        for number in range(60):
            await store.save(key(str(number)), response(noise(number, 50_000)))
        await settle(store)
        for _ in range(6):
            clock.advance(3601)
            for number in range(0, 60, 2):
                assert await store.load(key(str(number)))
            await settle(store)
        clock.advance(3601)
        for number in range(60, 145):
            await store.save(key(str(number)), response(noise(number, 50_000)))
            await settle(store)
        kept = {n for n in range(60) if await store.load(key(str(n)))}
        assert kept, "nothing was kept"
        assert kept != set(range(60)), "nothing had to go"
        assert {number % 2 for number in kept} == {0}, "something unused outlived something used"

    # On disk a third of the bound is the log's.
    limit = (8 if kind != "memory" else 5) * MEBIBYTE
    run(kind, tmp_path / "c", play, limit_bytes=limit, clock=clock)


def test_large_content_comes_back_whole(kind, tmp_path):
    large = response(noise("large", 16 * MEBIBYTE))

    async def play(store):
        await store.save(key(), large)
        assert await store.load(key()) == large
        await settle(store)
        assert await store.load(key()) == large
        assert store.snapshot().bytes_used <= 64 * MEBIBYTE

    run(kind, tmp_path / "c", play, limit_bytes=64 * MEBIBYTE)


def test_content_too_large_to_keep_leaves_the_key_absent(kind, tmp_path):
    """The older response must not come back for it."""

    async def play(store):
        await store.save(key(), response(b"older"))
        await settle(store)
        await store.save(key(), response(bytes(9 * MEBIBYTE)))
        assert await store.load(key()) is None
        await settle(store)
        assert await store.load(key()) is None
        assert store.snapshot().entries == 0

    run(kind, tmp_path / "c", play)


def test_empty_content_is_content(kind, tmp_path):
    async def play(store):
        await store.save(key(), response(b""))
        await settle(store)
        assert await store.load(key()) == response(b"")

    run(kind, tmp_path / "c", play)


def test_many_tasks_at_once_get_each_their_own(kind, tmp_path):
    async def one(store, number):
        mine = response(noise(number, 2_000 + number), entity_tag=b'"%d"' % number)
        await store.save(key(str(number)), mine)
        await asyncio.sleep(0)
        assert await store.load(key(str(number))) == mine
        fresher = msgspec.structs.replace(mine.head, validated_at=float(number))
        await store.freshen(key(str(number)), fresher)
        await asyncio.sleep(0)
        assert (await store.load(key(str(number)))).head == fresher

    async def play(store):
        await asyncio.gather(*(one(store, number) for number in range(300)))
        await settle(store)
        for number in range(300):
            assert (await store.load(key(str(number)))).head.validated_at == number
        assert store.snapshot().entries == 300

    run(kind, tmp_path / "c", play)


def test_a_snapshot_tells_the_truth(kind, tmp_path):
    async def play(store):
        empty = store.snapshot()
        assert (empty.entries, empty.evictions, empty.errors, empty.dropped) == (0, 0, 0, 0)
        for number in range(30):
            await store.save(key(str(number)), response(noise(number, 50_000)))
        await settle(store)
        full = store.snapshot()
        assert full.entries == 30
        assert full.bytes_used - empty.bytes_used > 30 * 50_000
        assert full.bytes_used <= full.bytes_limit

    run(kind, tmp_path / "c", play)


def test_a_closed_store_is_empty_and_takes_nothing(kind, tmp_path):
    async def play(store):
        await store.save(key(), response())
        await store.aclose()
        assert await store.load(key()) is None
        await store.save(key(), response())
        await store.freshen(key(), response(entity_tag=b'"2"').head)
        assert await store.load(key()) is None
        store.snapshot()
        await store.aclose()

    run(kind, tmp_path / "c", play)
