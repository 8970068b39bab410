"""Several addresses for one name: the first that is through is taken, nothing else stays open."""

import asyncio
import contextlib
import socket

import pytest
import uvloop

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream.base import OriginAddress, UpstreamSettings
from ghproxy.upstream.connection import Connection
from ghproxy.upstream.dial import connect_first, dial
from tests.support.stack import eventually

GOOD, OTHER, HOLE, SHUT = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"

LOOPS = pytest.mark.parametrize(
    "loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


class Owner:
    """Keeps what was made, and what was lost."""

    def __init__(self):
        self.made = []
        self.lost_ones: asyncio.Queue[Connection] = asyncio.Queue()

    def create(self):
        connection = Connection(asyncio.get_running_loop(), UpstreamSettings(), self)
        self.made.append(connection)
        return connection

    def finished(self, connection): ...

    def closing(self, connection): ...

    def lost(self, connection):
        self.lost_ones.put_nowait(connection)


@contextlib.contextmanager
def black_hole(port):
    """An address that answers no connection attempt: its queue is full."""
    with socket.socket() as listening, contextlib.ExitStack() as waiting:
        listening.bind((HOLE, port))
        listening.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex((HOLE, port))
        yield


class Street:
    """Listeners on one port: GOOD and OTHER accept, HOLE never answers, SHUT refuses."""

    def __init__(self, port):
        self.origin = OriginAddress("http", "github.test", port)
        self.owner = Owner()
        self.accepted = self.ended = 0

    def connect(self, *addresses):
        return connect_first(addresses, self.origin, None, self.owner.create)


def play(story, loop_factory):
    async def whole():
        async def accept(reader, writer):
            street.accepted += 1
            await reader.read()
            street.ended += 1
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(accept, GOOD, 0)
        port = server.sockets[0].getsockname()[1]
        other = await asyncio.start_server(accept, OTHER, port)
        street = Street(port)
        with black_hole(port):
            async with asyncio.timeout(10):
                connection = await story(street)
                if connection is not None:
                    assert not connection.is_closed
                    connection.close()
                    while await street.owner.lost_ones.get() is not connection:
                        pass
        await eventually(lambda: street.ended == street.accepted)
        for listening in (server, other):
            listening.close()
            await listening.wait_closed()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(whole())


@LOOPS
@pytest.mark.parametrize("others", [[HOLE], [SHUT], [HOLE, HOLE], [SHUT, HOLE]])
def test_an_address_that_hangs_or_refuses_leaves_time_for_the_next(loop_factory, others):
    async def story(street):
        return await street.connect(*others, GOOD)

    play(story, loop_factory)


@LOOPS
def test_an_address_that_answers_is_taken_and_no_other_is_tried(loop_factory):
    async def story(street):
        connection = await street.connect(GOOD, OTHER)
        assert street.owner.made == [connection]
        return connection

    play(story, loop_factory)


@LOOPS
def test_of_two_that_are_through_one_is_closed(loop_factory, monkeypatch):
    monkeypatch.setattr("ghproxy.upstream.dial.HEAD_START_SECONDS", 0)

    async def story(street):
        connection = await street.connect(GOOD, OTHER)
        await eventually(lambda: street.accepted == 2)
        await eventually(lambda: street.ended == 1)
        return connection

    play(story, loop_factory)


@LOOPS
def test_where_every_address_fails_the_last_failure_is_told(loop_factory):
    async def story(street):
        with pytest.raises(ConnectionRefusedError):
            await street.connect(SHUT, SHUT)
        with pytest.raises(OSError, match="no address"):
            await street.connect()

    play(story, loop_factory)


@LOOPS
def test_giving_up_leaves_nothing_open(loop_factory):
    async def story(street):
        dialling = asyncio.create_task(street.connect(HOLE, HOLE))
        await asyncio.wait({dialling}, timeout=0)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    play(story, loop_factory)


def test_a_name_that_cannot_be_looked_up_is_said_so():
    async def story():
        with pytest.raises(UpstreamError) as raised:
            await dial(OriginAddress("http", "github.invalid", 80), None, Owner().create)
        assert raised.value.kind is ProxyError.DNS_ERROR

    asyncio.run(story())
