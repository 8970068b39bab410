"""The process dies at any moment: afterwards the store has originals or nothing, and works."""

import asyncio
import json
import subprocess
import sys

import pytest

from tests.support.stores import MEBIBYTE, directory_bytes, key, open_store
from tests.support.stores_child import original

LIMIT = 16 * MEBIBYTE


def child(directory, *, count, size, first=0):
    command = [sys.executable, "-m", "tests.support.stores_child"]
    numbers = [directory, LIMIT, count, size, "--first", first]
    return subprocess.Popen(
        [*command, *map(str, numbers)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def kill_after(process, lines):
    """Kill it once it has said so many lines; the last number that it knew on the disk."""
    written = -1
    for _ in range(lines):
        written = json.loads(process.stdout.readline()).get("written", written)
    process.kill()
    process.communicate()
    return written


def check(directory, numbers, size):
    """How many come back, and each that does is the original; then write once more."""

    async def play():
        store = open_store("disk", directory, limit_bytes=LIMIT)
        try:
            found = set()
            for number in numbers:
                loaded = await store.load(key(str(number)))
                assert loaded in (None, original(number, size))
                if loaded:
                    found.add(number)
            await store.save(key("after"), original(1, 5_000))
            await store.flush()
            assert await store.load(key("after")) == original(1, 5_000)
            assert store.snapshot().errors == 0
        finally:
            await store.aclose()
        return found

    return asyncio.run(play())


@pytest.mark.parametrize("lines", [1, 2, 5, 9, 14, 20])
def test_small_responses_written_before_the_kill_are_kept(tmp_path, lines):
    written = kill_after(child(tmp_path / "c", count=10**6, size=3_000), lines)

    found = check(tmp_path / "c", range(written + 400), 3_000)

    assert set(range(written + 1)) <= found


@pytest.mark.parametrize("lines", [2, 3, 4, 6])
def test_killed_while_it_evicts_to_write_large_responses(tmp_path, lines):
    written = kill_after(child(tmp_path / "c", count=10**6, size=1_500_000), lines)

    found = check(tmp_path / "c", range(written + 40), 1_500_000)

    assert found, "nothing was kept at all"
    assert directory_bytes(tmp_path / "c") <= LIMIT


def test_killed_again_and_again(tmp_path):
    for turn in range(6):
        process = child(tmp_path / "c", count=10**6, size=20_000, first=turn * 1_000)
        kill_after(process, 1 + turn)
        assert directory_bytes(tmp_path / "c") <= LIMIT

    check(tmp_path / "c", range(6_000), 20_000)


def test_two_processes_share_one_directory(tmp_path):
    """Neither harms the other, both are served, and the bound holds for the two together."""
    first = child(tmp_path / "c", count=400, size=30_000)
    second = child(tmp_path / "c", count=400, size=30_000, first=10_000)
    worst = 0
    ends = []
    for process in (first, second):
        said = []
        for line in process.stdout:
            said.append(line)
            worst = max(worst, directory_bytes(tmp_path / "c"))
        ends.append(json.loads(said[-1]))
        process.communicate()

    assert [end["wrong"] for end in ends] == [0, 0]
    assert [end["errors"] for end in ends] == [0, 0]
    assert [end["found"] for end in ends] == [400, 400]
    assert worst <= LIMIT
    found = check(tmp_path / "c", [*range(400), *range(10_000, 10_400)], 30_000)
    assert found & set(range(400))
    assert found & set(range(10_000, 10_400))
