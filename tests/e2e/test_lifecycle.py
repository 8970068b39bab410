"""A process from its first signal to its last: what is in flight is finished, the cache is kept."""

import asyncio
import contextlib
import signal
import sqlite3
import urllib.error
import urllib.request

import pytest

from tests.support.processes import ghproxy, simulator
from tests.support.stack import aside, connected, eventually, ghproxy_before, mode, play, request

REPOSITORY = "/repos/acme/anvil"
SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture(scope="module")
def github():
    with simulator() as program:
        yield program


@pytest.fixture
def token(github):
    yield b"Authorization: Bearer " + github.token().encode()
    github.control("DELETE", "/holds")


def probe(gateway, path):
    """Status of the health port; 0 where nobody listens any more."""
    try:
        with urllib.request.urlopen(gateway.health_url + path, timeout=5) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except (urllib.error.URLError, ConnectionError):
        return 0


async def refuses(port):
    """Whether nobody accepts connections any more."""
    try:
        async with connected(port):
            return False
    except ConnectionError:
        return True


async def ended(gateway):
    """Its exit status, once it has ended by itself."""
    return await aside(gateway.process.wait, 20)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_accepting_and_finishes_what_is_in_flight(github, token, number):
    with ghproxy_before(github) as house:

        async def scene():
            gateway = house.gateway
            assert await aside(probe, gateway, "/healthz/ready") == 200
            await aside(github.control, "POST", "/holds", {"path": REPOSITORY})
            async with house.connected() as reader, house.connected() as writer:
                async with house.connected() as idle:
                    reader.write(request(REPOSITORY, token))
                    writer.write(request(REPOSITORY, token, method="PATCH", content=b"{}"))
                    await aside(github.control, "GET", "/holds?held=2")
                    gateway.process.send_signal(number)
                    assert await idle.end() == b"", "an idle connection is closed"
                await eventually(lambda: refuses(house.port), "it goes on accepting")
                assert await aside(probe, gateway, "/healthz/ready") == 503
                assert await aside(probe, gateway, "/healthz") == 200
                assert gateway.process.poll() is None
                await aside(github.control, "DELETE", "/holds")
                for client in (reader, writer):
                    reply = await client.reply()
                    assert reply.status == 200
                    assert b"acme/anvil" in reply.content
                    assert await client.end() == b"", "and then the connection is closed"
            assert await ended(gateway) == 0
            assert await aside(probe, gateway, "/healthz") == 0

        play(scene())


def test_a_transfer_under_way_is_finished_too(github):
    with ghproxy_before(github) as house:

        async def scene():
            size = 30_000_000
            async with house.connected() as client:
                client.write(request(f"/simulator/bytes/{size}"))
                await client.reader.readexactly(100_000)
                house.gateway.process.send_signal(signal.SIGTERM)
                await eventually(lambda: refuses(house.port), "it goes on accepting")
                assert len(await client.end()) > size - 100_000
            assert await ended(house.gateway) == 0

        play(scene())


@pytest.mark.parametrize("number", SIGNALS)
def test_what_lasts_longer_than_the_request_timeout_is_cut(github, number):
    with ghproxy_before(github, "--request-timeout=1") as house:

        async def scene():
            async with house.connected() as client:
                client.write(request("/simulator/bytes/100000000"))
                await client.reader.readuntil(b"\r\n\r\n")  # and then it reads no more
                house.gateway.process.send_signal(number)
                assert await ended(house.gateway) == 0
                with pytest.raises(ConnectionError):
                    await client.reader.readexactly(100_000_000)

        play(scene())


def test_what_waits_longer_than_the_request_timeout_is_answered_in_time(github, token):
    with ghproxy_before(github, "--request-timeout=1") as house:

        async def scene():
            await aside(github.control, "POST", "/holds", {"path": REPOSITORY})
            async with house.connected() as client:
                client.write(request(REPOSITORY, token))
                await aside(github.control, "GET", "/holds?held=1")
                house.gateway.process.send_signal(signal.SIGTERM)
                reply = await client.reply()
                assert (reply.status, reply.content) == (503, b"ghproxy timed out after 1s")
            assert await ended(house.gateway) == 0
            await aside(github.control, "GET", "/holds?at_most=0")

        play(scene())


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_at_once(github, token, number):
    with ghproxy_before(github, "--request-timeout=600") as house:

        async def scene():
            await aside(github.control, "POST", "/holds", {"path": REPOSITORY})
            async with house.connected() as client:
                client.write(request(REPOSITORY, token))
                await aside(github.control, "GET", "/holds?held=1")
                house.gateway.process.send_signal(number)
                await eventually(lambda: refuses(house.port), "it goes on accepting")
                house.gateway.process.send_signal(number)
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await client.reply()
            assert await ended(house.gateway) == 0
            await aside(github.control, "GET", "/holds?at_most=0")

        play(scene())


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_does_not_wait_until_the_cache_is_written(github, token, tmp_path, number):
    options = ("--cache-dir", tmp_path / "cache", "--cache-sizeGB", "0.1")
    with ghproxy_before(github, *options) as house:

        async def scene():
            gateway = house.gateway
            await house.ask("/user", token)
            with contextlib.closing(sqlite3.connect(tmp_path / "cache" / "cache.db")) as other:
                other.execute("BEGIN IMMEDIATE")  # the writer waits two seconds for this
                await house.ask(REPOSITORY, token)
                gateway.process.send_signal(number)
                await eventually(lambda: refuses(house.port), "it goes on accepting")
                await eventually(lambda: not probe(gateway, "/healthz"), "it goes on answering")
                for _ in range(3):
                    gateway.process.send_signal(number)
                assert await ended(gateway) == 0

        play(scene())
    assert "told to end at once" in house.gateway.said
    with ghproxy_before(github, *options) as house:
        play(house.ask("/user", token))
    assert "WARNING" not in house.gateway.said, "the database is whole"


def test_what_had_to_be_cut_is_said_in_one_line(github):
    with ghproxy_before(github, "--request-timeout=1") as house:

        async def scene():
            async with house.connected() as client:
                client.write(request("/simulator/bytes/100000000"))
                await client.reader.readuntil(b"\r\n\r\n")
                house.gateway.process.send_signal(signal.SIGTERM)
                assert await ended(house.gateway) == 0

        play(scene())
    [line] = house.gateway.said.splitlines()[3:]
    assert line.endswith(" WARNING ghproxy: 1 request(s) cut that had not ended in time")


def test_nothing_is_said_at_the_end_and_nothing_is_left(github, token, tmp_path):
    options = ("--cache-dir", tmp_path / "cache", "--cache-sizeGB", "0.1")
    with ghproxy_before(github, *options) as house:

        async def scene():
            for target in (REPOSITORY, "/user", "/nowhere"):
                await house.ask(target, token)

        play(scene())
    assert len(house.gateway.said.splitlines()) == 3
    left = sorted(path.name for path in (tmp_path / "cache").rglob("*"))
    assert not [name for name in left if name.endswith(("-wal", "-shm", "-journal"))]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_restart_keeps_the_cache_byte_for_byte(github, token, tmp_path, number):
    options = ("--cache-dir", tmp_path / "cache", "--cache-sizeGB", "0.1")
    targets = [f"{REPOSITORY}/issues?per_page={count}" for count in range(1, 30)]
    replies: dict[str, bytes] = {}

    async def ask_all(house, expected):
        for target in targets:
            reply = await house.ask(target, token)
            assert (reply.status, mode(reply)) == (200, expected)
            assert replies.setdefault(target, reply.content) == reply.content

    with ghproxy_before(github, *options) as house:
        play(ask_all(house, "MISS"))
        house.gateway.stop(number)
    for _ in range(2):
        github.forget()
        with ghproxy_before(github, *options) as house:
            play(ask_all(house, "REVALIDATED"))
        assert github.charged() == 0


def test_many_starts_and_stops_under_load_harm_no_client_that_tries_again(github, token, tmp_path):
    """What a rolling restart looks like from one client: an answer or a refusal, never nonsense."""
    options = ("--cache-dir", tmp_path / "cache", "--cache-sizeGB", "0.1")

    async def client(house, is_over, seen):
        while not is_over.is_set():
            try:
                reply = await house.ask(REPOSITORY, token)
            except (ConnectionError, asyncio.IncompleteReadError):
                return
            seen.append((reply.status, reply.content))

    async def scene(house):
        is_over = asyncio.Event()
        seen: list[tuple[int, bytes]] = []
        clients = [asyncio.create_task(client(house, is_over, seen)) for _ in range(8)]
        await eventually(lambda: len(seen) > 50)
        house.gateway.process.send_signal(signal.SIGTERM)
        assert await ended(house.gateway) == 0
        is_over.set()
        await asyncio.gather(*clients)
        assert len(set(seen)) == 1
        assert seen[0][0] == 200

    for _ in range(3):
        with ghproxy_before(github, *options) as house:
            play(scene(house))


def test_a_gateway_that_nobody_used_ends_as_well(github):
    with ghproxy(github.url) as gateway:
        pass
    assert gateway.process.returncode == 0
