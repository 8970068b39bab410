"""Several listeners in one loop, and their common end: drain the gateway, then the rest.

uvicorn provides configuration and protocol; its Server is not used, because its signal handling,
lifespan and polling are per server, while here one signal ends all listeners in order.
"""

import asyncio
import collections
import contextlib
import enum
import functools
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Final, TypeVar, cast

import msgspec
import uvicorn
from uvicorn.server import ServerState

from ghproxy.web.errors import Fault
from ghproxy.web.hygiene import Limits
from ghproxy.web.listening import BACKLOG, ListenError, close_all, listening_sockets
from ghproxy.web.protocol import GatewayProtocol

__all__ = ["Lifecycle", "ListenError", "Listener", "Phase", "run", "serve", "stopped_by_signals"]

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
LAST_WORDS_SECONDS: Final = 1.0
"""For probes and scrapes in progress when the gateway has drained, and for tasks that were cut."""
_T = TypeVar("_T")
_log = logging.getLogger("ghproxy.web")


class Phase(enum.StrEnum):
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    ENDING = "ending"


class Lifecycle:
    """Where the process stands; health asks it, signals move it."""

    def __init__(self) -> None:
        self.phase = Phase.STARTING
        self._stopping = asyncio.Event()
        self._ending = asyncio.Event()

    def is_ready(self) -> bool:
        return self.phase is Phase.SERVING

    def is_ending(self) -> bool:
        return self.phase is Phase.ENDING

    def stop(self) -> None:
        """Ask for a drain; asked a second time, end at once."""
        if self._stopping.is_set():
            self.phase = Phase.ENDING
            self._ending.set()
        else:
            self.phase = Phase.DRAINING
            self._stopping.set()

    def started(self) -> None:
        if self.phase is Phase.STARTING:
            self.phase = Phase.SERVING

    async def wait_stopping(self) -> None:
        await self._stopping.wait()

    async def wait_ending(self) -> None:
        await self._ending.wait()


class Listener(msgspec.Struct, frozen=True):
    """An ASGI application and where it is served; gateways drain first.

    `name` is what operators know its port by: the option. Where an optional one cannot listen, the
    others are served without it, and a warning says so.
    """

    name: str
    app: Any
    host: str = ""
    port: int = 0
    is_gateway: bool = False
    is_optional: bool = False
    limits: Limits = Limits()
    refused: collections.Counter[Fault] = msgspec.field(default_factory=collections.Counter)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run to the end on uvloop where it is installed, else on asyncio."""
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):
        from uvloop import new_event_loop as loop_factory  # noqa: PLC0415  it may be absent
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main)


async def serve(
    listeners: Sequence[Listener],
    *,
    lifecycle: Lifecycle,
    drain_seconds: float,
    on_ready: Callable[[dict[str, int]], None],
) -> int:
    """Serve until stopped; on_ready is told the port of each listener by name.

    Returns how many requests were cut because they outlasted the drain. Raises ListenError before
    anything has started.
    """
    doors = await _bound(listeners)
    try:
        for door in doors:
            await door.open()
        lifecycle.started()
        on_ready({door.name: door.port for door in doors})
        await lifecycle.wait_stopping()
        gateways = [door for door in doors if door.is_gateway]
        await _catch_up(gateways)
        return sum(
            await asyncio.gather(*(door.drain(drain_seconds, lifecycle) for door in gateways))
        )
    finally:
        await asyncio.gather(*(door.drain(LAST_WORDS_SECONDS, lifecycle) for door in doors))


@contextlib.contextmanager
def stopped_by_signals(lifecycle: Lifecycle) -> Iterator[None]:
    """Signals go to the lifecycle inside; afterwards they are ignored, since the end is there."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, lifecycle.stop)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


async def _bound(listeners: Sequence[Listener]) -> list["_Door"]:
    doors: list[_Door] = []
    try:
        for listener in listeners:
            try:
                sockets = await listening_sockets(listener.name, listener.host, listener.port)
            except ListenError as error:
                if not listener.is_optional:
                    raise
                _log.warning("%s: served without it", error)
            else:
                doors.append(_Door(listener, sockets))
    except ListenError:
        for door in doors:
            close_all(door.sockets)
        raise
    return doors


async def _catch_up(doors: list["_Door"]) -> None:
    """Accept and read what clients have sent already: closing the sockets would reset it.

    A turn of uvloop accepts one connection per socket, so turns are made while they bring any.
    """
    known = -1
    for _ in range(BACKLOG):
        count = sum(door.connection_count for door in doors)
        if count <= known:
            return
        known = count
        for _ in range(3):
            await asyncio.sleep(0)


class _Door:
    """One listener's sockets and connections."""

    def __init__(self, listener: Listener, sockets: list[socket.socket]) -> None:
        self.name = listener.name
        self.is_gateway = listener.is_gateway
        self.sockets = sockets
        self.port = int(sockets[0].getsockname()[1])
        self._listener = listener
        self._state = ServerState()
        self._servers: list[asyncio.Server] = []

    @property
    def connection_count(self) -> int:
        return len(self._state.connections)

    async def open(self) -> None:
        config = _config(self._listener)
        config.load()
        factory = functools.partial(
            GatewayProtocol,
            config,
            self._state,
            {},
            limits=self._listener.limits,
            refused=self._listener.refused,
        )
        loop = asyncio.get_running_loop()
        for sock in self.sockets:
            self._servers.append(await loop.create_server(factory, sock=sock, backlog=BACKLOG))

    async def drain(self, seconds: float, lifecycle: Lifecycle) -> int:
        """Stop accepting, let requests finish, then cut; the number cut. Idempotent."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        close_all(self.sockets)
        connections = self._connections()
        for connection in connections:
            connection.shutdown()
        await _first(
            _all(connection.wait_closed() for connection in connections),
            lifecycle.wait_ending(),
            seconds=seconds,
        )
        left = self._connections()
        cut = sum(connection.is_answering for connection in left)
        for connection in left:
            connection.abort()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=LAST_WORDS_SECONDS)
        return cut

    def _connections(self) -> list[GatewayProtocol]:
        return cast("list[GatewayProtocol]", list(self._state.connections))


def _config(listener: Listener) -> uvicorn.Config:
    return uvicorn.Config(
        listener.app,
        http=GatewayProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",  # at its trace level uvicorn logs whole scopes, credentials included
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )


async def _all(waits: Iterator[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*waits)


async def _first(*waits: Coroutine[Any, Any, None], seconds: float) -> None:
    """Return when one has ended or the time is over; the others are cancelled."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
