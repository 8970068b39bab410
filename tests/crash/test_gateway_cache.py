"""The gateway dies, or its cache does, under load: every answer stays right, none is a 5xx.

GitHub (the simulator), asked directly, says what is right.
"""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import Ghproxy, simulator
from tests.support.stack import aside, ask, eventually, mode, play

REPOSITORY = "/repos/acme/anvil"
TARGETS = [
    *(f"{REPOSITORY}/issues?per_page={count}" for count in range(1, 31)),
    *(f"{REPOSITORY}/labels?per_page={count}" for count in range(1, 11)),
    "/user",
    "/orgs/acme/repos?per_page=100",
]
CLIENTS = 8


@pytest.fixture(scope="module")
def github():
    with simulator() as program:
        yield program


class World:
    """What GitHub says of every target, and clients that compare."""

    def __init__(self, github):
        self.github = github
        self.host = github.url.rpartition("/")[2]
        self.port = int(self.host.rpartition(":")[2])
        self.token = b"Authorization: Bearer " + github.token().encode()
        self.truth: dict[str, bytes] = {}
        self.answers = 0
        self.modes: dict[str, int] = {}

    async def learn(self):
        for target in TARGETS:
            reply = await ask(self.port, target, self.token, host=self.host)
            assert reply.status == 200
            self.truth[target] = reply.content

    async def check(self, gateway, target):
        reply = await ask(gateway.port, target, self.token)
        assert reply.status == 200, reply
        assert reply.content == self.truth[target], f"wrong content for {target}"
        self.answers += 1
        self.modes[mode(reply)] = self.modes.get(mode(reply), 0) + 1

    async def check_all(self, gateway):
        self.modes.clear()
        for target in TARGETS:
            await self.check(gateway, target)

    async def check_new_ones(self, gateway, word):
        """Targets that were never asked for: each of them is written to the cache."""
        for number in range(60):
            target = f"{REPOSITORY}/issues?per_page={number % 30 + 1}"
            reply = await ask(gateway.port, f"{target}&new={word}{number}", self.token)
            assert (reply.status, reply.content) == (200, self.truth[target])

    @contextlib.asynccontextmanager
    async def load(self, gateway, *, may_be_cut=False):
        """Clients that go round the targets; a wrong answer to one of them fails the test."""
        is_over = asyncio.Event()

        async def client(number):
            turn = number * 7
            while not is_over.is_set():
                try:
                    await self.check(gateway, TARGETS[turn % len(TARGETS)])
                except (ConnectionError, asyncio.IncompleteReadError):
                    if not may_be_cut:
                        raise
                    return
                turn += 1

        clients = [asyncio.create_task(client(number)) for number in range(CLIENTS)]
        try:
            yield
            is_over.set()
            await asyncio.gather(*clients)
        finally:
            for task in clients:
                task.cancel()
            await asyncio.gather(*clients, return_exceptions=True)

    async def more_answers(self, count):
        """Wait until so many more were right."""
        enough = self.answers + count
        await eventually(lambda: self.answers >= enough, "the clients stand still")


@contextlib.contextmanager
def gateway_caching_in(directory, github, *options):
    gateway = Ghproxy(
        github.url, "--cache-dir", directory, "--cache-sizeGB=0.1", "--memory-sizeMB=1", *options
    )
    try:
        yield gateway
    finally:
        gateway.stop()
    assert "Traceback" not in gateway.said, gateway.said


def warnings(gateway):
    return [line for line in gateway.said.splitlines() if " WARNING " in line or " ERROR " in line]


@pytest.mark.parametrize("answers", [1, 40, 150, 400])
def test_killed_under_load_it_comes_back_with_right_answers(github, tmp_path, answers):
    async def scene():
        world = World(github)
        await world.learn()
        with gateway_caching_in(tmp_path / "c", github) as gateway:
            async with world.load(gateway, may_be_cut=True):
                await world.more_answers(answers)
                gateway.process.kill()
        assert gateway.process.returncode == -signal.SIGKILL
        await _change_an_issue(world)
        await world.learn()
        with gateway_caching_in(tmp_path / "c", github) as gateway:
            await world.check_all(gateway)
            first = dict(world.modes)
            await world.check_all(gateway)
            assert world.modes == {"REVALIDATED": len(TARGETS)}
        assert gateway.process.returncode == 0
        assert warnings(gateway) == []
        if answers >= 150:
            assert first.get("REVALIDATED", 0) > 0, "the kill took the whole cache"
            assert first.get("CHANGED", 0) > 0

    play(scene())


async def _change_an_issue(world):
    """Some of what was stored is out of date now."""
    number = 0
    for line in world.truth[f"{REPOSITORY}/issues?per_page=1"].split(b","):
        if line.startswith(b'"number":'):
            number = int(line.partition(b":")[2])
            break
    title = os.urandom(8).hex().encode()
    reply = await ask(
        world.port,
        f"{REPOSITORY}/issues/{number}",
        world.token,
        method="PATCH",
        content=b'{"title": "%s"}' % title,
    )
    assert reply.status == 200


def test_killed_again_and_again_it_never_gives_a_wrong_answer(github, tmp_path):
    async def scene():
        world = World(github)
        for turn in range(5):
            await world.learn()
            with gateway_caching_in(tmp_path / "c", github) as gateway:
                async with world.load(gateway, may_be_cut=True):
                    await world.more_answers(30 + 25 * turn)
                    gateway.process.kill()
            await _change_an_issue(world)
        await world.learn()
        with gateway_caching_in(tmp_path / "c", github) as gateway:
            await world.check_all(gateway)
        assert gateway.process.returncode == 0

    play(scene())


def forbid_writing(directory, gateway):
    """Every write to a file fails from now on, whoever runs the test (root may write anywhere)."""
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def take_away(directory, gateway):
    shutil.rmtree(directory)


def take_away_the_files(directory, gateway):
    for file in directory.iterdir():
        file.unlink()


def put_a_file_in_its_place(directory, gateway):
    shutil.rmtree(directory)
    directory.write_text("in the way")


def put_garbage_in_its_place(directory, gateway):
    garbage = directory / "garbage"
    garbage.write_bytes(os.urandom(500_000))
    garbage.replace(directory / "cache.db")


def write_garbage_over_it(directory, gateway):
    for file in directory.glob("cache.db*"):
        if not file.name.endswith("-shm"):  # shared with whoever uses the database: not content
            with file.open("r+b") as content:
                content.write(os.urandom(file.stat().st_size))


def cut_it_to_nothing(directory, gateway):
    os.truncate(directory / "cache.db", 0)


HARMS = {
    forbid_writing: (1, 1),
    take_away: (0, 1),
    take_away_the_files: (0, 1),
    put_a_file_in_its_place: (1, 1),
    put_garbage_in_its_place: (1, 1),
    write_garbage_over_it: (1, 2),  # that it cannot be read, and then where it was put
    cut_it_to_nothing: (0, 2),
}
"""At least and at most so many warnings; what can be made again at once needs none."""


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: str(harm.__name__))
def test_harm_to_the_cache_while_it_runs_is_told_once_and_harms_no_client(github, tmp_path, harm):
    directory = tmp_path / "c"

    async def scene():
        world = World(github)
        await world.learn()
        with gateway_caching_in(directory, github) as gateway:
            await world.check_all(gateway)
            async with world.load(gateway):
                await world.more_answers(50)
                await aside(harm, directory, gateway)
                await world.check_new_ones(gateway, "during")
                await world.more_answers(100)
            await world.check_new_ones(gateway, "after")
            await world.check_all(gateway)
            samples = await aside(gateway.metrics)
            assert samples["concurrent_outbound_requests"] == 0
        assert gateway.process.returncode == 0
        told = warnings(gateway)
        least, most = HARMS[harm]
        assert least <= len(told) <= most, gateway.said
        assert all("cache: " in line for line in told)

    play(scene())


@pytest.fixture
def small_disk(tmp_path):
    """A file system of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    is_mounted = (
        shutil.which("mount")
        and not subprocess.run(command, capture_output=True, check=False).returncode
    )
    if not is_mounted:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_told_once_and_harms_no_client(github, small_disk):
    ballast: Path = small_disk / "ballast"

    async def scene():
        world = World(github)
        await world.learn()
        with gateway_caching_in(small_disk / "c", github) as gateway:
            await aside(ballast.write_bytes, bytes(2_400_000))
            async with world.load(gateway):
                await world.more_answers(200)
            await world.check_new_ones(gateway, "full")
            await aside(ballast.unlink)
            await world.check_all(gateway)
            await world.check_all(gateway)
            assert set(world.modes) == {"REVALIDATED"}
        assert gateway.process.returncode == 0
        assert len(warnings(gateway)) == 1, gateway.said

    play(scene())
