"""Clients leave at any moment: their transfer stops, their slot is free, nobody else notices."""

import asyncio
import random

import pytest

from tests.support.processes import simulator
from tests.support.stack import (
    aside,
    connected,
    eventually,
    ghproxy_before,
    mode,
    ok,
    play,
    request,
    stack,
)

ALICE = b"Authorization: Bearer alice"
TAG = b'ETag: "0123456789abcdef"'
REPOSITORY = "/repos/acme/anvil"


class Origin:
    """Keeps every request to `/kept...` until it is let go, and knows which of them were left."""

    def __init__(self):
        self.let_go = asyncio.Event()
        self.arrived = []
        self.left = []
        self.sent_bytes = 0

    async def __call__(self, peer):
        while True:
            asked = await peer.head()
            target = asked.line.split(b" ")[1].decode()
            self.arrived.append(target)
            if target.startswith("/endless"):
                await self._send_endlessly(peer, target)
            elif target.startswith("/upload"):
                await self._hear_out(peer, target)
            elif target.startswith("/kept") and not await self._keep(peer, target):
                return
            await peer.send(ok(target.encode(), TAG))

    async def _keep(self, peer, target):
        gone = asyncio.create_task(peer.reader.read(1))
        let_go = asyncio.create_task(self.let_go.wait())
        await asyncio.wait({gone, let_go}, return_when=asyncio.FIRST_COMPLETED)
        has_left = gone.done()
        for task in (gone, let_go):
            task.cancel()
        await asyncio.gather(gone, let_go, return_exceptions=True)
        if has_left:
            self.left.append(target)
        return not has_left

    async def _send_endlessly(self, peer, target):
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        try:
            while True:
                await peer.send(bytes(65_536))
                self.sent_bytes += 65_536
        except ConnectionError:
            self.left.append(target)
            raise

    async def _hear_out(self, peer, target):
        try:
            while await peer.reader.read(65_536):
                pass
        finally:
            self.left.append(target)


def test_one_that_waits_for_a_slot_leaves_the_queue():
    async def scene():
        origin = Origin()
        async with stack(origin, "--concurrency=1") as house:
            baseline = await house.rests()
            first_client = asyncio.create_task(house.ask("/kept", ALICE))
            await house.reaches(1)
            async with house.connected() as leaver, house.connected() as writer:
                leaver.write(request("/second", ALICE))
                writer.write(request("/third", ALICE, method="POST", content=b"{}"))
                await house.reaches(1, waiting=2)
            await house.reaches(1, waiting=0)
            last = asyncio.create_task(house.ask("/last", ALICE))
            await house.reaches(1, waiting=1)
            origin.let_go.set()
            assert (await first_client).content == b"/kept"
            assert (await last).content == b"/last"
            assert origin.arrived == ["/kept", "/last"]
            await house.rests_as(baseline)

    play(scene())


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_one_that_waits_for_the_answer_takes_the_request_back(method):
    async def scene():
        origin = Origin()
        async with stack(origin, "--concurrency=1") as house:
            baseline = await house.rests()
            async with house.connected() as leaver:
                leaver.write(request("/kept", ALICE, method=method))
                await eventually(lambda: origin.arrived == ["/kept"])
            await eventually(lambda: origin.left == ["/kept"], "the request went on for nobody")
            assert (await house.ask("/other", ALICE)).content == b"/other"
            await house.rests_as(baseline)

    play(scene())


def test_one_that_says_it_sends_no_more_is_answered_or_cut_and_leaks_nothing():
    async def scene():
        origin = Origin()
        async with stack(origin, "--concurrency=1") as house:
            baseline = await house.rests()
            async with house.connected() as client:
                client.write(request("/kept", ALICE))
                await eventually(lambda: origin.arrived == ["/kept"])
                client.writer.write_eof()
                origin.let_go.set()
                heard = await client.end()
                assert heard == b"" or heard.endswith(b"/kept")
            await house.rests_as(baseline)

    play(scene())


def test_one_that_leaves_a_download_stops_it():
    async def scene():
        origin = Origin()
        async with stack(origin, "--concurrency=1") as house:
            baseline = await house.rests()
            async with house.connected() as leaver:
                leaver.write(request("/endless", ALICE))
                await leaver.reader.readexactly(3_000_000)
            await eventually(lambda: origin.left == ["/endless"], "the download went on for nobody")
            sent_bytes = origin.sent_bytes
            assert (await house.ask("/other", ALICE)).content == b"/other"
            assert origin.sent_bytes == sent_bytes
            await house.rests_as(baseline)

    play(scene())


@pytest.mark.parametrize("framing", [b"Content-Length: 100000000", b"Transfer-Encoding: chunked"])
def test_one_that_leaves_an_upload_stops_it(framing):
    async def scene():
        origin = Origin()
        async with stack(origin, "--concurrency=1") as house:
            baseline = await house.rests()
            async with house.connected() as leaver:
                leaver.write(request("/upload", ALICE, framing, method="POST"))
                block = bytes(65_536)
                piece = b"10000\r\n%s\r\n" % block if b"chunked" in framing else block
                for _ in range(64):
                    leaver.write(piece)
                    await leaver.writer.drain()
                await eventually(lambda: origin.arrived == ["/upload"])
            await eventually(lambda: origin.left == ["/upload"], "the upload was not cut")
            assert (await house.ask("/other", ALICE)).content == b"/other"
            await house.rests_as(baseline)

    play(scene())


def test_one_that_leaves_before_its_content_is_whole_reaches_nobody():
    async def scene():
        origin = Origin()
        async with stack(origin) as house:
            baseline = await house.rests()
            async with house.connected() as leaver:
                leaver.write(request("/upload", b"Content-Length: 1000", method="POST") + b"half")
                leaver.write(b"of it")
                await leaver.writer.drain()
            await house.rests_as(baseline)
            assert (await house.ask("/other", ALICE)).content == b"/other"
            assert origin.arrived == ["/other"]

    play(scene())


@pytest.mark.parametrize("leavers", ["the first", "all but the last"])
def test_the_others_of_a_flight_get_its_answer(leavers):
    async def scene():
        origin = Origin()
        async with stack(origin) as house:
            baseline = await house.rests()
            opened = [connected(house.port) for _ in range(6)]
            clients = [await one.__aenter__() for one in opened]
            for client in clients:
                client.write(request("/kept", ALICE))
            await eventually(lambda: origin.arrived == ["/kept"])
            gone = 1 if leavers == "the first" else 5
            for one in opened[:gone]:
                await one.__aexit__(None, None, None)
            await eventually(lambda: house.client_connections() == 6 - gone)
            assert origin.left == []
            origin.let_go.set()
            for client in clients[gone:]:
                reply = await client.reply()
                assert (reply.status, reply.content) == (200, b"/kept")
            assert origin.arrived == ["/kept"], "it was asked again"
            for one in opened[gone:]:
                await one.__aexit__(None, None, None)
            assert mode(await house.ask("/kept", ALICE)) == "CHANGED"  # it had been stored
            await house.rests_as(baseline)

    play(scene())


def test_the_simulator_holds_nothing_for_clients_that_left():
    with simulator() as github, ghproxy_before(github) as house:
        token = b"Authorization: Bearer " + github.token().encode()

        async def scene():
            baseline = await house.rests()
            for place in (
                "head",
                "content",
            ):  # what is held at `upload` is not read from, ends unseen
                await aside(github.control, "POST", "/holds", {"path": REPOSITORY, "at": place})
                async with house.connected() as reader, house.connected() as writer:
                    reader.write(request(f"{REPOSITORY}?{place}", token))
                    writer.write(request(REPOSITORY, token, method="PATCH", content=b"{}"))
                    await aside(github.control, "GET", "/holds?held=2")
                await aside(github.control, "GET", "/holds?at_most=0")
                await house.reaches(0)
                await aside(github.control, "DELETE", "/holds")
                assert (await house.ask(REPOSITORY, token)).status == 200
            await house.rests_as(baseline)

        play(scene())


@pytest.mark.parametrize("seed", [1, 2])
def test_two_hundred_that_leave_at_any_moment_leave_nothing_behind(seed):
    dice = random.Random(seed)  # noqa: S311  # dice, the same for the same seed

    async def visit(house, number):
        kinds = ["plain", "kept", "shared", "endless", "upload", "half a head", "no content"]
        kind = dice.choice(kinds)
        target = "/kept/shared" if kind == "shared" else f"/{kind.replace(' ', '-')}/{number}"
        data = request(target, ALICE, method="HEAD" if kind == "no content" else "GET")
        if kind == "upload":
            data = request(target, b"Content-Length: 9000000", method="POST") + bytes(2_000_000)
        if kind == "half a head":
            data = data[: dice.randrange(1, len(data))]
        patience = dice.random() * 0.2
        try:
            async with connected(house.port) as client, asyncio.timeout(patience):
                client.write(data)
                await client.end()
        except (TimeoutError, ConnectionError):
            pass

    async def scene():
        origin = Origin()
        async with stack(origin, "--concurrency=8") as house:
            baseline = await house.rests()
            for _ in range(4):
                async with asyncio.TaskGroup() as group:
                    for number in range(50):
                        group.create_task(visit(house, number))
            await house.rests_as(baseline)
            origin.let_go.set()
            replies = await asyncio.gather(
                *(house.ask(f"/plain/{number % 10}", ALICE) for number in range(40))
            )
            assert [reply.status for reply in replies] == [200] * 40
            await house.rests_as(baseline)

    play(scene())
