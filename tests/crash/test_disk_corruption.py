"""Bytes of the disk store changed, cut off or replaced behind its back: originals or nothing."""

import asyncio
import random
import shutil

import pytest

from ghproxy.stores.base import StoreUnavailable
from tests.support.stores import MEBIBYTE, key, noise, open_store, response

ENTRIES = 40


def original(number):
    return response(noise(number, 300 + 900 * (number % 13)), entity_tag=b'"%d"' % number)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """A store's directory after an orderly end, and one as a crash would leave it."""
    directory = tmp_path_factory.mktemp("healthy")

    async def fill():
        store = open_store("disk", directory / "closed")
        for number in range(ENTRIES):
            await store.save(key(str(number)), original(number))
        await store.flush()
        shutil.copytree(directory / "closed", directory / "crashed")
        await store.aclose()

    asyncio.run(fill())
    return directory


def reread(directory):
    """How many entries come back; each must be the original, after the next writes too."""

    async def play():
        store = open_store("disk", directory)
        try:
            found = 0
            for number in range(ENTRIES):
                loaded = await store.load(key(str(number)))
                assert loaded in (None, original(number))
                found += loaded is not None
            for number in range(ENTRIES):
                await store.save(key(str(number)), original(number))
            await store.flush()
            for number in range(ENTRIES):
                assert await store.load(key(str(number))) in (None, original(number))
            for number in range(ENTRIES):
                await store.save(key(str(number)), original(number))
            await store.flush()
            back = [await store.load(key(str(number))) for number in range(ENTRIES)]
            assert back == [original(number) for number in range(ENTRIES)], "it did not recover"
        finally:
            await store.aclose()
        return found

    return asyncio.run(play())


def damaged(healthy, directory, ending, file, change):
    shutil.copytree(healthy / ending, directory)
    content = bytearray((directory / file).read_bytes())
    change(content)
    (directory / file).write_bytes(content)
    return directory


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize(
    ("ending", "file"),
    [("closed", "cache.db"), ("crashed", "cache.db"), ("crashed", "cache.db-wal")],
)
def test_flipped_bytes(healthy, tmp_path, ending, file, seed):
    dice = random.Random(seed)  # noqa: S311  # dice, the same for the same seed

    def flip(content):
        for _ in range(dice.choice([1, 1, 5, 60])):
            content[dice.randrange(len(content))] ^= dice.randrange(1, 256)

    reread(damaged(healthy, tmp_path / "c", ending, file, flip))


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("ending", ["closed", "crashed"])
def test_a_damaged_header(healthy, tmp_path, ending, seed):
    dice = random.Random(seed)  # noqa: S311  # dice, the same for the same seed

    def flip(content):
        for _ in range(dice.choice([1, 1, 3])):
            content[dice.randrange(100)] ^= dice.randrange(1, 256)

    reread(damaged(healthy, tmp_path / "c", ending, "cache.db", flip))


@pytest.mark.parametrize("position", range(100))
def test_any_byte_of_the_header_may_be_lost(healthy, tmp_path, position):
    def lose(content):
        content[position] ^= 0xFF

    reread(damaged(healthy, tmp_path / "c", "closed", "cache.db", lose))


@pytest.mark.parametrize("length", [16, 100, 4096, 40_000])
def test_a_beginning_of_zeros_is_damage_of_ours_and_the_last_copy_alone_is_kept(
    healthy, tmp_path, caplog, length
):
    def zero(content):
        content[:length] = bytes(length)

    directory = damaged(healthy, tmp_path / "c", "closed", "cache.db", zero)
    for _ in range(3):
        caplog.clear()
        assert reread(directory) == 0
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        content = bytearray((directory / "cache.db").read_bytes())
        zero(content)
        (directory / "cache.db").write_bytes(content)
    names = sorted(file.name for file in directory.iterdir())
    assert names == ["cache.db", "cache.db.set-aside"]


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize(
    ("ending", "file"),
    [("closed", "cache.db"), ("crashed", "cache.db"), ("crashed", "cache.db-wal")],
)
def test_a_cut_file(healthy, tmp_path, ending, file, seed):
    dice = random.Random(seed)  # noqa: S311  # dice, the same for the same seed

    def cut(content):
        length = dice.choice([0, 1, 99, 4096, 8192, dice.randrange(len(content))])
        del content[length:]

    reread(damaged(healthy, tmp_path / "c", ending, file, cut))


@pytest.mark.parametrize("seed", range(20))
def test_pages_swapped_or_zeroed(healthy, tmp_path, seed):
    """What a lying disk does: whole pages that are someone else's, or nothing."""
    dice = random.Random(seed)  # noqa: S311  # dice, the same for the same seed

    def swap(content):
        pages = len(content) // 4096
        for _ in range(3):
            here, there = (dice.randrange(1, pages) * 4096 for _ in range(2))
            page = bytes(4096) if dice.random() < 0.3 else content[there : there + 4096]
            content[here : here + 4096] = page

    reread(damaged(healthy, tmp_path / "c", "closed", "cache.db", swap))


def test_undamaged_everything_comes_back(healthy, tmp_path):
    for ending in ("closed", "crashed"):
        shutil.copytree(healthy / ending, tmp_path / ending)
        assert reread(tmp_path / ending) == ENTRIES


def test_damage_beyond_use_costs_one_warning_and_a_cold_start(healthy, tmp_path, caplog):
    def ruin(content):
        content[100:] = bytes(len(content) - 100)

    directory = damaged(healthy, tmp_path / "c", "closed", "cache.db", ruin)

    assert reread(directory) == 0
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert "damaged" in caplog.text
    assert (directory / "cache.db.set-aside").exists()


def test_copies_of_damaged_databases_do_not_pile_up(healthy, tmp_path):
    directory = tmp_path / "c"
    directory.mkdir()
    (directory / "cache.db.set-aside-wal").write_bytes(b"of an earlier one")
    for _ in range(3):
        shutil.copytree(healthy / "closed", directory, dirs_exist_ok=True)
        content = bytearray((directory / "cache.db").read_bytes())
        content[100:] = bytes(len(content) - 100)
        (directory / "cache.db").write_bytes(content)
        reread(directory)

    assert sorted(file.name for file in directory.iterdir()) == ["cache.db", "cache.db.set-aside"]


def test_a_large_damaged_database_is_deleted_rather_than_kept(tmp_path):
    """Two thirds of the bound, set aside, would leave too little to work with."""

    async def fill():
        store = open_store("disk", tmp_path / "c")
        for number in range(100):
            await store.save(key(str(number)), response(noise(number, 60_000)))
            await store.flush()
        await store.aclose()

    asyncio.run(fill())
    file = tmp_path / "c" / "cache.db"
    assert file.stat().st_size > 4 * MEBIBYTE
    with file.open("r+b") as content:
        content.seek(100)
        content.write(bytes(5 * MEBIBYTE))

    assert reread(tmp_path / "c") == 0
    assert [entry.name for entry in (tmp_path / "c").iterdir()] == ["cache.db"]


def test_reads_alone_get_a_damaged_database_replaced(healthy, tmp_path):
    """A proxy that mostly validates may not write for a long time."""

    def ruin(content):
        """Everything but the pages that opening looks at."""
        content[12 * 4096 :] = b"\xff" * (len(content) - 12 * 4096)

    directory = damaged(healthy, tmp_path / "c", "closed", "cache.db", ruin)

    async def play():
        store = open_store("disk", directory)
        try:
            for number in range(ENTRIES):
                assert await store.load(key(str(number))) in (None, original(number))
            assert store.snapshot().errors > 0
            await store.flush()
            assert (directory / "cache.db.set-aside").exists()
            errors = store.snapshot().errors
            for number in range(ENTRIES):
                assert await store.load(key(str(number))) is None
            assert store.snapshot().errors == errors
        finally:
            await store.aclose()

    asyncio.run(play())


def test_where_nothing_can_be_opened_one_exception_says_why(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable, match="file"):
        open_store("disk", tmp_path / "file" / "c")
