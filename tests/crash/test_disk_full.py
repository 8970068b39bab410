"""No room, no permission, no directory any more: uncached service, counted, told once."""

import asyncio
import json
import shutil
import subprocess
import sys

import pytest

from tests.support.processes import ghproxy
from tests.support.stores import MEBIBYTE, key, noise, opened, response
from tests.support.stores_child import original


def test_a_file_that_may_not_grow_costs_the_cache_and_nothing_else(tmp_path):
    """RLIMIT_FSIZE makes each write beyond a megabyte fail, as a full disk does."""
    command = [sys.executable, "-m", "tests.support.stores_child", tmp_path / "c", 64 * MEBIBYTE]
    run = subprocess.run(
        [*map(str, command), "200", "20000", "--file-limit", str(MEBIBYTE)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    end = json.loads(run.stdout.splitlines()[-1])

    assert run.returncode == 0, run.stderr
    assert end["done"]
    assert end["wrong"] == 0
    assert end["errors"] > 0
    assert end["dropped"] > 0
    assert end["found"] > 0
    assert run.stderr.count("serving uncached") <= 3, run.stderr
    assert "Traceback" not in run.stderr

    async def reread():
        async with opened("disk", tmp_path / "c", limit_bytes=64 * MEBIBYTE) as store:
            loaded = [(n, await store.load(key(str(n)))) for n in range(200)]
            assert [n for n, stored in loaded if stored not in (None, original(n, 20000))] == []
            await store.save(key("now"), response(b"there is room again"))
            await store.flush()
            assert await store.load(key("now"))

    asyncio.run(reread())


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes, and of eight files and directories, itself included."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    options = "size=2m,nr_inodes=8"
    command = [mount or "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    if not mount or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_told_once_and_recovered_from(small_disk, caplog):
    async def play():
        async with opened("disk", small_disk / "c", limit_bytes=64 * MEBIBYTE) as store:
            (small_disk / "ballast").write_bytes(bytes(MEBIBYTE + 500_000))
            for number in range(100):
                await store.save(key(str(number)), response(noise(number, 60_000)))
                await store.flush()
                loaded = await store.load(key(str(number)))
                assert loaded in (None, response(noise(number, 60_000)))
            full = store.snapshot()
            assert full.errors > 0
            assert full.dropped > 0
            assert [record.levelname for record in caplog.records].count("WARNING") == 1

            (small_disk / "ballast").unlink()
            await store.save(key("now"), response(b"room again"))
            await store.flush()
            assert await store.load(key("now")) == response(b"room again")
            assert store.snapshot().errors == full.errors

    asyncio.run(play())


def test_what_could_not_be_written_does_not_let_the_older_response_back(small_disk):
    async def play():
        async with opened("disk", small_disk / "c", limit_bytes=64 * MEBIBYTE) as store:
            await store.save(key(), response(b"older"))
            await store.flush()
            (small_disk / "ballast").write_bytes(bytes(MEBIBYTE + 700_000))
            await store.save(key(), response(noise("newer", MEBIBYTE)))
            await store.flush()
            assert await store.load(key()) is None

    asyncio.run(play())


def test_what_filled_the_disk_itself_starts_again_after_a_stop(small_disk, caplog):
    """The database and its log took all there was: a cold start, and never a failed one."""

    async def fill():
        async with opened("disk", small_disk / "c", limit_bytes=64 * MEBIBYTE) as store:
            for number in range(100):
                await store.save(key(str(number)), response(noise(number, 60_000)))
                await store.flush()
            assert store.snapshot().dropped > 0

    asyncio.run(fill())
    left = shutil.disk_usage(small_disk).free
    (small_disk / "ballast").write_bytes(bytes(left))
    caplog.clear()

    async def again():
        async with opened("disk", small_disk / "c", limit_bytes=64 * MEBIBYTE) as store:
            await store.save(key("now"), response(b"small"))
            await store.flush()
            assert await store.load(key("now")) == response(b"small")
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            assert "no room on the disk" in caplog.text

    asyncio.run(again())


def test_a_disk_too_full_to_begin_with_is_told_once_and_recovered_from(small_disk, caplog):
    (small_disk / "ballast").write_bytes(bytes(2 * MEBIBYTE - 8192))

    async def play():
        async with opened("disk", small_disk / "c", limit_bytes=64 * MEBIBYTE) as store:
            for word in ("first", "second"):
                await store.save(key(word), response(word.encode()))
                await store.flush()
                assert await store.load(key(word)) is None
            assert store.snapshot().dropped == 2
            assert store.snapshot().entries == 0
            assert [record.levelname for record in caplog.records] == ["WARNING"]

            (small_disk / "ballast").unlink()
            for word, size in (("small", 6), ("large", 300_000)):
                await store.save(key(word), response(noise(word, size)))
                await store.flush()
                assert await store.load(key(word)) == response(noise(word, size))
            assert store.snapshot().dropped == 2
            assert store.snapshot().entries == 2
            assert len(caplog.records) == 1

    asyncio.run(play())


def test_the_program_starts_and_starts_again_in_a_full_directory_it_was_told_to_use(small_disk):
    (small_disk / "ballast").write_bytes(bytes(2 * MEBIBYTE - 8192))
    options = ("--cache-dir", small_disk / "c", "--cache-sizeGB=0.1")
    for _ in range(2):
        with ghproxy("http://127.0.0.1:9", *options) as gateway:
            assert gateway.stop() == 0
        assert gateway.said.count("WARNING") == 1
        assert "full" in gateway.said


def test_a_stranger_on_a_full_disk_is_moved_and_told_of(small_disk, caplog):
    (small_disk / "c").mkdir()
    (small_disk / "c" / "cache.db").write_bytes(b"somebody's")
    (small_disk / "ballast").write_bytes(bytes(2 * MEBIBYTE - 8192))

    async def play():
        async with opened("disk", small_disk / "c"):
            assert "kept as cache.db.foreign" in caplog.records[0].message
            assert "full" in caplog.records[0].message

    asyncio.run(play())
    assert (small_disk / "c" / "cache.db.foreign").read_bytes() == b"somebody's"


@pytest.mark.parametrize("files_left", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("is_begun", [False, True])
def test_where_no_files_can_be_made_it_waits_for_them(small_disk, caplog, is_begun, files_left):
    async def keep(store, word):
        await store.save(key(word), response(word.encode()))
        await store.flush()
        return await store.load(key(word)) is not None

    async def play():
        if is_begun:
            async with opened("disk", small_disk / "c") as store:
                assert await keep(store, "begun")
        taken = 7 - files_left - 2 * is_begun
        for number in range(taken):
            (small_disk / str(number)).touch()
        async with opened("disk", small_disk / "c") as store:
            has_room = files_left + is_begun * 2 >= 4
            assert await keep(store, "full") is has_room
            assert len(caplog.records) <= 1
            for number in range(taken):
                (small_disk / str(number)).unlink()
            assert await keep(store, "room again")

    asyncio.run(play())


def test_a_store_that_never_had_room_ends_in_order_and_leaves_nothing(small_disk):
    (small_disk / "ballast").write_bytes(bytes(2 * MEBIBYTE - 8192))

    async def play():
        async with opened("disk", small_disk / "c") as store:
            assert await store.load(key()) is None

    asyncio.run(play())
    assert list((small_disk / "c").iterdir()) == []


def test_a_file_in_place_of_the_directory_is_told_once_and_recovered_from(tmp_path, caplog):
    async def play():
        async with opened("disk", tmp_path / "c") as store:
            await store.save(key("before"), response(b"before"))
            await store.flush()
            shutil.rmtree(tmp_path / "c")
            (tmp_path / "c").write_text("in the way")
            for word in ("first", "second"):
                await store.save(key(word), response(word.encode()))
                await store.flush()
            assert [record.levelname for record in caplog.records].count("WARNING") == 1
            assert store.snapshot().dropped == 2
            (tmp_path / "c").unlink()
            await store.save(key("now"), response(b"now"))
            await store.flush()
            assert await store.load(key("now")) == response(b"now")
            assert [record.levelname for record in caplog.records].count("WARNING") == 1

    asyncio.run(play())


@pytest.mark.parametrize("is_made_again", [False, True])
def test_a_directory_deleted_under_the_store_is_told_once_and_made_again(
    tmp_path, caplog, is_made_again
):
    async def play():
        async with opened("disk", tmp_path / "c") as store:
            await store.save(key("before"), response(b"before"))
            await store.flush()
            shutil.rmtree(tmp_path / "c")
            store.snapshot()
            if is_made_again:
                (tmp_path / "c").mkdir()
            for word in ("first", "second"):
                await store.save(key(word), response(word.encode()))
                await store.flush()
                assert await store.load(key(word)) == response(word.encode())
            assert (tmp_path / "c" / "cache.db").stat().st_mode & 0o777 == 0o600
            assert await store.load(key("before")) is None
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            assert "moved or deleted" in caplog.text

    asyncio.run(play())
