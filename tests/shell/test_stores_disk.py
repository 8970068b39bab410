"""The disk store's own promises: files, modes, bound, uses, threads, strangers."""

import asyncio
import os
import shutil
import sqlite3
import stat
import threading
from pathlib import Path

import diskcache
import msgspec
import pytest

from ghproxy.config.options import BY_NAME
from ghproxy.stores import disk
from ghproxy.stores.base import StoreUnavailable
from ghproxy.stores.database import _BytesDisk
from ghproxy.stores.disk import DiskStore
from ghproxy.stores.spell import SPELL_SECONDS, Spell
from tests.support.clock import FakeClock
from tests.support.stores import (
    MEBIBYTE,
    directory_bytes,
    key,
    noise,
    open_store,
    opened,
    response,
)


def run(directory, play, **options):
    async def main():
        async with opened("disk", directory, **options) as store:
            return await play(store)

    return asyncio.run(main())


async def fill(store, count, size=2_000, first=0):
    for number in range(first, first + count):
        await store.save(key(str(number)), response(noise(number, size)))
    await store.flush()


def rows(directory, statement, *values):
    """What another connection sees."""
    connection = sqlite3.connect(directory / "cache.db")
    try:
        with connection:
            return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


# Files


def test_restarting_keeps_everything_that_was_written(tmp_path):
    run(tmp_path / "c", lambda store: fill(store, 200))

    async def reread(store):
        for number in range(200):
            assert await store.load(key(str(number))) == response(noise(number, 2_000))
        assert store.snapshot().entries == 200

    run(tmp_path / "c", reread)


def test_closing_writes_what_is_pending(tmp_path):
    async def save(store):
        for number in range(200):
            await store.save(key(str(number)), response(noise(number, 2_000)))

    run(tmp_path / "c", save)

    async def reread(store):
        assert [n for n in range(200) if await store.load(key(str(n))) is None] == []

    run(tmp_path / "c", reread)


def test_everything_is_in_one_file_whatever_its_size(tmp_path):
    async def play(store):
        await fill(store, 20)
        await store.save(key("large"), response(noise("large", 5 * MEBIBYTE)))
        await store.flush()
        assert {file.name for file in (tmp_path / "c").iterdir()} <= {
            "cache.db",
            "cache.db-wal",
            "cache.db-shm",
        }

    run(tmp_path / "c", play, limit_bytes=32 * MEBIBYTE)
    assert [file.name for file in (tmp_path / "c").iterdir()] == ["cache.db"]


def modes(directory):
    files = {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}
    return stat.S_IMODE(directory.stat().st_mode), files


@pytest.fixture(params=[0, 0o077, 0o777], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_only_the_owner_can_read_whatever_the_umask(tmp_path):
    async def play(store):
        await fill(store, 20)
        assert modes(tmp_path / "new" / "er" / "c") == (0o700, {0o600})

    run(tmp_path / "new" / "er" / "c", play)
    for made in ("new", "new/er"):
        assert stat.S_IMODE((tmp_path / made).stat().st_mode) == 0o700
    (tmp_path / "new" / "er" / "c" / "cache.db").chmod(0o644)
    run(tmp_path / "new" / "er" / "c", play)


def test_an_empty_directory_of_our_own_becomes_private(tmp_path):
    place = tmp_path / "empty"
    place.mkdir()
    place.chmod(0o755)
    run(place, lambda store: fill(store, 1))
    assert modes(place) == (0o700, {0o600})


def no_change(_place):
    """As it is."""


def with_notes(place):
    (place / "notes").write_text("somebody's")


def with_a_cache(place):
    run(place, lambda store: fill(store, 1))
    place.chmod(0o755)


def of_another_owner(place):
    try:
        os.chown(place, 12_345, 12_345)
    except PermissionError:
        pytest.skip("needs the right to give a directory away")


@pytest.mark.parametrize(
    ("change", "mode"),
    [
        (no_change, 0o1777),
        (no_change, 0o1755),
        (with_notes, 0o755),
        (with_a_cache, 0o755),
        (of_another_owner, 0o777),
    ],
)
def test_a_directory_that_is_not_ours_alone_keeps_its_mode(tmp_path, change, mode):
    place = tmp_path / "shared"
    place.mkdir()
    place.chmod(mode)
    change(place)

    run(place, lambda store: fill(store, 20))
    assert stat.S_IMODE(place.stat().st_mode) == mode
    assert stat.S_IMODE((place / "cache.db").stat().st_mode) == 0o600


def test_keys_on_disk_are_digests_and_nothing_else(tmp_path):
    run(
        tmp_path / "c",
        lambda store: store.save(key("repos/acme/secret", "Bearer t0ken"), response()),
    )

    content = (tmp_path / "c" / "cache.db").read_bytes()
    assert b"repos/acme" not in content
    assert b"t0ken" not in content


# The bound


def worst_bytes_while(directory, work):
    """The most the directory held at any moment while something worked."""
    worst = 0
    is_over = threading.Event()

    def watch():
        nonlocal worst
        while not is_over.is_set():
            worst = max(worst, directory_bytes(directory))
            is_over.wait(0.0005)

    directory.mkdir()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        is_over.set()
        watcher.join()
    return worst


@pytest.mark.parametrize(
    ("limit", "sizes", "count"),
    [
        (4 * MEBIBYTE, (200, 3_000, 60_000), 600),
        (50 * MEBIBYTE, (16 * MEBIBYTE,), 8),
        (50 * MEBIBYTE, (16 * MEBIBYTE, 6_000, 6_000, 6_000, 300_000), 60),
    ],
)
def test_the_directory_never_outgrows_the_bound(tmp_path, limit, sizes, count):
    directory = tmp_path / "c"

    async def play(store):
        for number in range(count):
            saved = response(noise(number, sizes[number % len(sizes)]))
            await store.save(key(str(number)), saved)
            if saved.head.content_bytes > MEBIBYTE or number % 25 == 0:
                await store.flush()
                assert await store.load(key(str(number))) == saved
        await store.flush()
        snapshot = store.snapshot()
        assert snapshot.bytes_used == directory_bytes(directory)
        assert snapshot.evictions > 0
        assert snapshot.errors == snapshot.dropped == 0

    worst = worst_bytes_while(directory, lambda: run(directory, play, limit_bytes=limit))
    assert limit // 2 < worst <= limit


def test_most_of_the_bound_is_used(tmp_path):
    """Never over it is easy to say of a store that keeps nothing."""

    async def play(store):
        await fill(store, 400, size=100_000)
        assert store.snapshot().entries * 100_000 > 0.55 * 32 * MEBIBYTE

    run(tmp_path / "c", play, limit_bytes=32 * MEBIBYTE)


def test_a_bound_that_was_lowered_is_reached_by_giving_up_the_coldest(tmp_path):
    run(tmp_path / "c", lambda store: fill(store, 200, size=60_000), limit_bytes=32 * MEBIBYTE)
    assert directory_bytes(tmp_path / "c") > 10 * MEBIBYTE

    async def play(store):
        await store.flush()
        await fill(store, 5, size=60_000, first=1_000)
        assert directory_bytes(tmp_path / "c") <= 6 * MEBIBYTE
        kept = [n for n in range(200) if await store.load(key(str(n)))]
        assert kept
        assert store.snapshot().errors == 0

    run(tmp_path / "c", play, limit_bytes=6 * MEBIBYTE)


def test_a_bound_too_small_for_a_database_is_refused(tmp_path):
    with pytest.raises(StoreUnavailable, match="not enough"):
        open_store("disk", tmp_path / "c", limit_bytes=MEBIBYTE)


# Uses


def test_a_use_is_recorded_at_most_once_an_hour(tmp_path):
    clock = FakeClock()
    statement = "SELECT access_time FROM Cache WHERE size = 1"

    async def play(store):
        await fill(store, 1)
        times = []
        for _ in range(5):
            clock.advance(1_500)
            await store.load(key("0"))
            store.touch(key("0"))
            await store.flush()
            times.append(rows(tmp_path / "c", statement)[0][0] - 1_000_000)
        assert times == [0, 0, 0, 6_000, 6_000]  # the first was too soon after the save

    run(tmp_path / "c", play, clock=clock)


def test_reading_writes_nothing(tmp_path):
    async def play(store):
        await fill(store, 50)
        for _ in range(2):  # the first time round the uses are too recent to be worth a write
            for number in range(50):
                await store.load(key(str(number)))
        await store.flush()
        (before,) = rows(tmp_path / "c", "PRAGMA data_version")
        written = (tmp_path / "c" / "cache.db-wal").stat().st_mtime_ns
        for number in range(50):
            await store.load(key(str(number)))
        assert (tmp_path / "c" / "cache.db-wal").stat().st_mtime_ns == written
        assert rows(tmp_path / "c", "PRAGMA data_version") == [before]

    run(tmp_path / "c", play)


def test_freshening_that_changes_nothing_writes_nothing(tmp_path):
    async def play(store):
        await fill(store, 1)
        await store.freshen(key("0"), response(noise(0, 2_000)).head)
        assert store._pending.find(key("0")) is None

    run(tmp_path / "c", play)


def test_freshening_rewrites_no_content(tmp_path):
    statement = "SELECT store_time FROM Cache WHERE size = 0"
    large = response(noise("large", MEBIBYTE))

    async def play(store):
        await store.save(key(), large)
        await store.flush()
        before = rows(tmp_path / "c", statement)
        await store.freshen(key(), msgspec.structs.replace(large.head, validated_at=7.0))
        await store.save(key(), large)
        await store.flush()
        assert rows(tmp_path / "c", statement) == before

    run(tmp_path / "c", play)


# Threads


def test_the_event_loop_never_writes(tmp_path):
    """All that diskcache is told to write, it is told in the one thread that the store owns."""

    async def play(store):
        await fill(store, 100, size=20_000)
        writers = {name for name in store.seen if name != "MainThread"}
        assert "MainThread" not in store.seen
        assert writers == {"ghproxy-cache-writer"}

    async def main():
        store = open_store("disk", tmp_path / "c", limit_bytes=4 * MEBIBYTE)
        store.seen = set()
        cache = store._database._cache
        transact = cache.transact

        def watched():
            store.seen.add(threading.current_thread().name)
            return transact()

        cache.transact = watched
        try:
            await play(store)
        finally:
            await store.aclose()

    asyncio.run(main())


def test_large_content_is_read_in_a_thread_and_small_is_not(tmp_path):
    async def play(store):
        for name, size in (("small", disk.INLINE_BYTES), ("large", disk.INLINE_BYTES + 1)):
            await store.save(key(name), response(noise(name, size)))
        await store.flush()
        reader_threads = lambda: [  # noqa: E731  # asked twice
            thread for thread in threading.enumerate() if "cache-reader" in thread.name
        ]
        assert await store.load(key("small"))
        assert reader_threads() == []
        assert await store.load(key("large"))
        assert len(reader_threads()) == 1

    run(tmp_path / "c", play)


def test_threads_end_with_the_store(tmp_path):
    before = threading.active_count()
    run(tmp_path / "c", lambda store: fill(store, 5))
    assert [t.name for t in threading.enumerate() if "ghproxy-cache" in t.name] == []
    assert threading.active_count() <= before + 1  # asyncio's own, if it made one


def test_a_full_queue_drops_and_counts_and_tells_once_and_serves_on(tmp_path, caplog):
    caplog.set_level("INFO")
    clock = FakeClock()

    async def main():
        store = DiskStore(tmp_path / "c", 32 * MEBIBYTE, clock, pending_bytes=100_000)
        try:
            for number in range(200):
                await store.save(key(str(number)), response(noise(number, 50_000)))
            await store.flush()
            loaded = [await store.load(key(str(number))) for number in range(200)]
            kept = sum(stored is not None for stored in loaded)
            assert store.snapshot().dropped == 200 - kept > 0
            for number, stored in enumerate(loaded):
                assert stored in (None, response(noise(number, 50_000)))
            dropped = store.snapshot().dropped
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            clock.advance(SPELL_SECONDS)
            await fill(store, 1)
            assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
            assert f"after {dropped} failed" in caplog.text
        finally:
            await store.aclose()

    asyncio.run(main())


# Strangers


def test_what_another_put_there_as_a_pickle_is_absent_and_never_unpickled(tmp_path):
    """CVE-2025-69872: diskcache unpickles whatever has its mode for pickles."""
    bomb = b"cos\nsystem\n(S'touch " + str(tmp_path / "exploded").encode() + b"'\ntR."

    async def play(store):
        await fill(store, 3)
        rows(tmp_path / "c", "UPDATE Cache SET mode = 4, value = ? WHERE size = 1", bomb)
        assert await store.load(key("0")) is None
        rows(tmp_path / "c", "UPDATE Cache SET mode = 2, value = NULL, filename = '../../x'")
        assert await store.load(key("1")) is None
        await fill(store, 3)
        assert await store.load(key("0")) == response(noise(0, 2_000))

    (tmp_path / "x").write_text("not ours")
    run(tmp_path / "c", play)
    assert not (tmp_path / "exploded").exists()
    assert (tmp_path / "x").exists()


def test_a_row_that_names_a_file_does_not_get_it_deleted(tmp_path):
    (tmp_path / "precious").write_text("not ours")

    async def play(store):
        await fill(store, 1)
        rows(tmp_path / "c", "UPDATE Cache SET filename = '../precious'")
        await store.save(key("0"), response(b"replaced"))
        await store.flush()

    run(tmp_path / "c", play)
    assert (tmp_path / "precious").read_text() == "not ours"


def test_only_bytes_can_be_written():
    place = _BytesDisk("/nowhere")
    assert place.fetch(diskcache.core.MODE_RAW, None, "text", False) == b""
    assert place.fetch(diskcache.core.MODE_PICKLE, None, b"x", False) == b""
    assert place.fetch(diskcache.core.MODE_RAW, None, b"x", False) == b"x"


def garbage(directory):
    (directory / "cache.db").write_bytes(noise("garbage", 50_000))


def another_program(directory):
    connection = sqlite3.connect(directory / "cache.db")
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.execute("INSERT INTO bookmarks VALUES ('https://example.org')")
    connection.commit()
    connection.close()


def another_diskcache(directory):
    with diskcache.Cache(str(directory)) as cache:
        cache["key"] = {"a": "pickle"}


def zeros(directory):
    """What a crash may leave of a file that was just made."""
    (directory / "cache.db").write_bytes(bytes(8192))


def later_version(directory):
    run(directory, lambda store: fill(store, 3))
    rows(directory, "PRAGMA user_version = 2")


def strange_table(directory):
    run(directory, lambda store: fill(store, 3))
    rows(directory, "CREATE TABLE extra (x)")


def strange_setting(directory):
    run(directory, lambda store: fill(store, 3))
    rows(directory, "INSERT INTO Settings VALUES ('get', 1)")


def strange_column(directory):
    run(directory, lambda store: fill(store, 3))
    rows(directory, "ALTER TABLE Cache RENAME COLUMN access_time TO used")


@pytest.mark.parametrize(
    ("intruder", "name"),
    [
        (garbage, "cache.db.foreign"),
        (another_program, "cache.db.foreign"),
        (another_diskcache, "cache.db.foreign"),
        (zeros, "cache.db.set-aside"),
        (later_version, "cache.db.set-aside"),
        (strange_table, "cache.db.set-aside"),
        (strange_setting, "cache.db.set-aside"),
        (strange_column, "cache.db.set-aside"),
    ],
)
def test_what_is_not_our_database_is_set_aside_whole_with_one_warning(
    tmp_path, caplog, intruder, name
):
    directory = tmp_path / "c"
    directory.mkdir()
    intruder(directory)
    content = (directory / "cache.db").read_bytes()
    caplog.clear()

    async def play(store):
        assert store.snapshot().entries == 0
        await fill(store, 20)
        assert await store.load(key("7")) == response(noise(7, 2_000))

    run(directory, play)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert name in caplog.text
    assert (directory / name).read_bytes() == content
    caplog.clear()
    run(directory, lambda store: fill(store, 1))
    assert caplog.records == []


@pytest.mark.parametrize("length", [0, 1, 50, 99, 5_000])
def test_a_database_cut_short_is_a_cold_start(tmp_path, length):
    directory = tmp_path / "c"
    run(directory, lambda store: fill(store, 20))
    os.truncate(directory / "cache.db", length)

    async def play(store):
        for number in range(20):
            await store.load(key(str(number)))
        await fill(store, 20)
        await fill(store, 20)
        assert await store.load(key("7")) == response(noise(7, 2_000))

    run(directory, play)


def outdated(directory, *, in_log, count=50):
    """A database of another version, its bytes in the file or in the log beside it."""

    async def play(store):
        await fill(store, count, size=60_000)
        if in_log:
            shutil.copytree(directory, directory.with_name("crashed"))

    run(directory, play, limit_bytes=64 * MEBIBYTE)
    if in_log:
        shutil.rmtree(directory)
        directory.with_name("crashed").rename(directory)
    with (directory / "cache.db").open("r+b") as file:
        file.seek(60)
        file.write(b"\x00\x00\x00\x07")


@pytest.mark.parametrize("in_log", [False, True])
def test_what_is_set_aside_of_ours_counts_towards_the_bound(tmp_path, in_log):
    directory = tmp_path / "c"
    outdated(directory, in_log=in_log)
    assert directory_bytes(directory) > 3_000_000

    async def play(store):
        assert (directory / "cache.db.set-aside").exists()
        assert (directory / "cache.db.set-aside-wal").exists() is in_log
        await fill(store, 300, size=60_000)
        assert store.snapshot().bytes_used == directory_bytes(directory) <= 12 * MEBIBYTE

    run(directory, play, limit_bytes=12 * MEBIBYTE)


@pytest.mark.parametrize("in_log", [False, True])
@pytest.mark.parametrize(("count", "limit"), [(50, 6 * MEBIBYTE), (115, 12 * MEBIBYTE)])
def test_what_would_take_half_the_bound_is_deleted_if_it_was_ours(
    tmp_path, count, limit, in_log, caplog
):
    directory = tmp_path / "c"
    outdated(directory, in_log=in_log, count=count)

    run(directory, lambda store: fill(store, 1), limit_bytes=limit)
    assert [file.name for file in directory.iterdir()] == ["cache.db"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "deleted, starting cold" in caplog.text


def test_what_was_set_aside_goes_where_a_lowered_bound_has_no_room_for_it(tmp_path):
    directory = tmp_path / "c"
    outdated(directory, in_log=False)
    run(directory, lambda store: fill(store, 1), limit_bytes=12 * MEBIBYTE)
    assert (directory / "cache.db.set-aside").exists()

    run(directory, lambda store: fill(store, 1), limit_bytes=5_000_000)
    assert [file.name for file in directory.iterdir()] == ["cache.db"]


def test_the_least_bound_that_can_be_configured_is_enough_even_beside_damage(tmp_path):
    option = BY_NAME["cache-sizeGB"]
    limit = round(float(option.kind.parse("0.005")) * 10**9)
    with pytest.raises(ValueError, match="too small"):
        option.kind.parse("0.0049")
    directory = tmp_path / "c"
    run(directory, lambda store: fill(store, 25, size=60_000), limit_bytes=limit)
    file = directory / "cache.db"
    file.write_bytes(bytes(4096) + file.read_bytes()[4096:])
    assert file.stat().st_size > 1_500_000

    async def play(store):
        assert store.snapshot().entries == 0
        await fill(store, 100, size=60_000)
        assert await store.load(key("99"))
        assert directory_bytes(directory) <= limit

    run(directory, play, limit_bytes=limit)


def test_strangers_are_kept_whatever_their_size_and_number_and_count_not(tmp_path):
    directory = tmp_path / "c"
    directory.mkdir()
    strangers = [noise("foreign", 5 * MEBIBYTE), b"another", b"x" * 9_000]
    names = ["cache.db.foreign", "cache.db.foreign-2", "cache.db.foreign-3"]

    async def play(store):
        await fill(store, 100, size=60_000)
        assert await store.load(key("99"))
        ours = [file for file in directory.iterdir() if "foreign" not in file.name]
        assert store.snapshot().bytes_used == sum(file.stat().st_size for file in ours)
        assert store.snapshot().bytes_used > 4 * MEBIBYTE

    for stranger in strangers:
        (directory / "cache.db").write_bytes(stranger)
        run(directory, play, limit_bytes=8 * MEBIBYTE)
    assert [(directory / name).read_bytes() for name in names] == strangers


def test_a_strangers_logs_go_with_it_and_onto_nothing(tmp_path):
    directory = tmp_path / "c"
    directory.mkdir()
    (directory / "cache.db.foreign-wal").write_bytes(b"of one that was moved away")
    another_program(directory)
    (directory / "cache.db-journal").write_bytes(b"half a transaction")
    (directory / "cache.db-wal").write_bytes(b"a log")

    run(directory, lambda store: fill(store, 1))
    assert (directory / "cache.db.foreign-2-journal").read_bytes() == b"half a transaction"
    assert (directory / "cache.db.foreign-2-wal").read_bytes() == b"a log"
    assert (directory / "cache.db.foreign-wal").read_bytes() == b"of one that was moved away"


def test_too_many_strangers_cost_the_cache_until_they_are_moved_away(tmp_path, caplog):
    directory = tmp_path / "c"
    directory.mkdir()
    garbage(directory)
    for number in range(9):
        (directory / f"cache.db.foreign{f'-{number + 1}' if number else ''}").write_bytes(b"x")

    async def play(store):
        await fill(store, 3)
        assert await store.load(key("0")) is None
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "move them away" in caplog.text
        (directory / "cache.db.foreign-4").unlink()
        await fill(store, 3)
        assert await store.load(key("0"))

    run(directory, play)
    assert (directory / "cache.db.foreign-4").read_bytes() == noise("garbage", 50_000)


def test_what_is_not_a_file_is_left_alone(tmp_path):
    (tmp_path / "c" / "cache.db").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="regular file"):
        open_store("disk", tmp_path / "c")

    (tmp_path / "target").write_text("somebody's")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "cache.db").symlink_to(tmp_path / "target")
    with pytest.raises(StoreUnavailable, match="regular file"):
        open_store("disk", tmp_path / "d")
    assert (tmp_path / "target").read_text() == "somebody's"


def test_a_database_locked_by_another_program_is_unavailable_at_the_start(tmp_path):
    directory = tmp_path / "c"
    run(directory, lambda store: fill(store, 1))
    other = sqlite3.connect(directory / "cache.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreUnavailable, match="locked"):
            open_store("disk", directory)
    finally:
        other.close()


def test_a_lock_that_lasts_costs_writes_and_no_reads(tmp_path, caplog):
    async def play(store):
        await fill(store, 5)
        other = sqlite3.connect(tmp_path / "c" / "cache.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            await fill(store, 5, first=100)
            assert await store.load(key("3")) == response(noise(3, 2_000))
            assert await store.load(key("103")) is None
            assert store.snapshot().errors == 1
            assert len(caplog.records) == 1
        finally:
            other.close()
        await fill(store, 5, first=200)
        assert await store.load(key("203"))

    run(tmp_path / "c", play)


@pytest.mark.parametrize(
    ("directory", "reason"),
    [
        ("/proc/ghproxy", "/proc/ghproxy: No such file or directory"),
        ("/proc", "/proc/cache.db: No such file or directory"),
    ],
)
def test_a_directory_that_cannot_be_written_is_unavailable_for_a_readable_reason(directory, reason):
    with pytest.raises(StoreUnavailable) as raised:
        open_store("disk", Path(directory))
    assert raised.value.reason == reason


def test_a_spell_of_failures_is_told_once_and_its_end_too(caplog):
    clock = FakeClock()
    spell = Spell("writes", clock)
    caplog.set_level("INFO")
    for _ in range(5):
        spell.failed("no room")
        spell.worked()
    clock.advance(SPELL_SECONDS)
    spell.worked()
    spell.worked()
    spell.failed("no room")

    assert spell.errors == 6
    assert "after 5 failed" in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]
