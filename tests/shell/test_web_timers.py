"""A connection's deadlines, on a clock that the test turns."""

import asyncio
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from ghproxy.web.errors import Fault
from ghproxy.web.hygiene import Limits
from ghproxy.web.protocol import GatewayProtocol
from tests.support.raw_http import echo

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LIMITS = Limits(head_seconds=10, idle_seconds=75, linger_seconds=5)


class Clock:
    """The part of a loop that keeps time; tasks run on the real one."""

    def __init__(self) -> None:
        self.now = 0.0
        self.armed: list[tuple[float, Callable[..., None], asyncio.Handle]] = []

    def time(self) -> float:
        return self.now

    def create_task(self, coroutine: Any) -> asyncio.Task[Any]:
        return asyncio.get_running_loop().create_task(coroutine)

    def call_later(self, seconds: float, call: Callable[..., None]) -> asyncio.Handle:
        handle = asyncio.Handle(call, (), asyncio.get_running_loop())
        self.armed.append((self.now + seconds, call, handle))
        return handle

    def waiting(self) -> int:
        return sum(not handle.cancelled() for _, _, handle in self.armed)

    def turn_to(self, now: float) -> None:
        while due := [timer for timer in self.armed if timer[0] <= now]:
            first = min(due, key=lambda timer: timer[0])
            self.armed.remove(first)
            self.now = first[0]
            if not first[2].cancelled():
                first[1]()
        self.now = now


class Line(asyncio.Transport):
    """The client's side: what was written, and how the connection ended."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.unread_bytes = 0
        self.ending = ""

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unread_bytes

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return bool(self.ending)

    def close(self) -> None:
        self.ending = self.ending or "closed"

    def abort(self) -> None:
        self.ending = "aborted"

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Scene:
    def __init__(self, app: Any = echo) -> None:
        self.clock = Clock()
        self.line = Line()
        config = uvicorn.Config(app, interface="asgi3", log_config=None, proxy_headers=False)
        config.load()
        self.protocol = GatewayProtocol(
            config,
            ServerState(),
            {},
            self.clock,  # type: ignore[arg-type]  # the part of a loop that is asked
            limits=LIMITS,
        )
        self.protocol.connection_made(self.line)

    async def say(self, data: bytes) -> None:
        self.protocol.data_received(data)
        for _ in range(5):
            await asyncio.sleep(0)

    def end(self) -> None:
        self.protocol.connection_lost(None)
        assert self.clock.waiting() == 0, "a lost connection leaves no timer behind"


def test_a_connection_is_idle_from_its_last_answer_on() -> None:
    async def play() -> None:
        scene = Scene()
        scene.clock.turn_to(70)
        await scene.say(GET)
        assert scene.line.written.startswith(b"HTTP/1.1 200 ")
        scene.clock.turn_to(144.9)
        assert scene.line.ending == ""
        scene.clock.turn_to(145)
        assert scene.line.ending == "closed"
        scene.end()

    asyncio.run(play())


def test_a_connection_that_never_spoke_is_closed_too() -> None:
    async def play() -> None:
        scene = Scene()
        scene.clock.turn_to(75)
        assert (scene.line.ending, scene.line.written) == ("closed", b"")
        scene.end()

    asyncio.run(play())


def test_a_head_has_ten_seconds_from_its_first_byte_whatever_drips_in() -> None:
    async def play() -> None:
        scene = Scene()
        scene.clock.turn_to(60)
        for second in range(60, 70):
            scene.clock.turn_to(second)
            await scene.say(GET[second - 60 : second - 59])
            assert scene.clock.waiting() == 2, "one for the head, one for idleness"
        scene.clock.turn_to(69.9)
        assert scene.line.written == b""
        scene.clock.turn_to(70)
        assert scene.line.written.startswith(b"HTTP/1.1 408 ")
        scene.end()

    asyncio.run(play())


def test_a_head_that_ends_in_time_disarms_its_deadline() -> None:
    async def play() -> None:
        scene = Scene()
        await scene.say(GET[:10])
        scene.clock.turn_to(9.9)
        await scene.say(GET[10:])
        scene.clock.turn_to(70)
        assert scene.line.written.count(b"HTTP/1.1") == 1
        assert scene.clock.waiting() == 1
        scene.end()

    asyncio.run(play())


def test_a_request_that_is_answered_slowly_is_never_idle() -> None:
    async def play() -> None:
        gate = asyncio.Event()

        async def gated(scope: Any, receive: Any, send: Any) -> None:
            await gate.wait()
            await echo(scope, receive, send)

        scene = Scene(gated)
        await scene.say(GET)
        scene.clock.turn_to(1000)
        assert scene.line.ending == ""
        gate.set()
        await scene.say(b"")
        assert scene.line.written.startswith(b"HTTP/1.1 200 ")
        scene.end()

    asyncio.run(play())


def test_a_refused_client_is_heard_out_for_a_while_then_closed_then_cut() -> None:
    async def play() -> None:
        scene = Scene()
        await scene.say(b"\0")
        assert scene.line.written.startswith(b"HTTP/1.1 400 ")
        await scene.say(GET)
        assert scene.line.written.count(b"HTTP/1.1") == 1, "nothing is taken after a refusal"
        scene.clock.turn_to(4.9)
        assert scene.line.ending == ""
        scene.line.unread_bytes = 1
        scene.clock.turn_to(5)
        assert scene.line.ending == "closed"
        scene.clock.turn_to(80)
        assert scene.line.ending == "aborted", "a client that does not read its answer"
        scene.end()

    asyncio.run(play())


def test_an_answer_that_nobody_reads_does_not_hold_the_connection_for_ever() -> None:
    async def play() -> None:
        scene = Scene()
        scene.line.unread_bytes = 1
        await scene.say(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert scene.line.ending == "closed"
        scene.clock.turn_to(75)
        assert scene.line.ending == "aborted"
        scene.end()

    asyncio.run(play())


def test_refusals_are_counted_by_fault() -> None:
    async def play() -> None:
        scene = Scene()
        await scene.say(b"\0")
        assert scene.protocol.refused == {Fault.REQUEST_LINE: 1}
        scene.end()

    asyncio.run(play())
