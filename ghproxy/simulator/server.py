"""The simulator as a whole: its world, its two ports, its end."""

import asyncio
import itertools
from types import TracebackType
from typing import Self

from ghproxy.simulator.clock import Clock
from ghproxy.simulator.control import Control
from ghproxy.simulator.endpoints import OPERATIONS
from ghproxy.simulator.routes import Routes
from ghproxy.simulator.site import Site
from ghproxy.simulator.wire import Application, Connection
from ghproxy.simulator.world.seed import seeded_world


class Simulator:
    """`async with Simulator(seed=1) as simulator:` listens until the block ends.

    Ports of 0 mean any free one. A port in use raises OSError from `start`.
    """

    def __init__(
        self, *, seed: int = 1, host: str = "127.0.0.1", port: int = 0, control_port: int = 0
    ) -> None:
        self._host = host
        self._ports = (port, control_port)
        self._servers: list[asyncio.Server] = []
        self._connections: set[Connection] = set()
        self._numbers = itertools.count(1)
        self.site = Site(seeded_world(seed), Clock(), Routes(OPERATIONS))

    @property
    def api_port(self) -> int:
        return self._port(0)

    @property
    def control_port(self) -> int:
        return self._port(1)

    @property
    def api_url(self) -> str:
        return self._address(0)

    @property
    def control_url(self) -> str:
        return self._address(1)

    def _port(self, index: int) -> int:
        port: int = self._servers[index].sockets[0].getsockname()[1]
        return port

    def _address(self, index: int) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port(index)}"

    async def start(self) -> None:
        """Listen on both ports; on neither where one is taken."""
        applications: tuple[Application, ...] = (
            self.site,
            Control(self.site, lambda: self.api_url),
        )
        try:
            for application, port in zip(applications, self._ports, strict=True):
                self._servers.append(await self._listen(application, port))
        except OSError:
            await self.aclose()
            raise

    async def _listen(self, application: Application, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: Connection(application, self._connections, next(self._numbers)),
            self._host,
            port,
            backlog=1024,
        )

    async def aclose(self) -> None:
        """Stop listening and drop every connection, held ones too; idempotent."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            await connection.close()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
