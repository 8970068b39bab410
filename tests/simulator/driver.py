"""How the simulator's tests talk to it: in process, over real sockets.

`play` runs one scene against a fresh simulator; a scene is a coroutine function that is handed a
`Stage`. `Running` is the simulator as a process of its own, for clients that block.
"""

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from ghproxy.simulator import Simulator

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
PLAIN = {"Accept-Encoding": "identity"}
GZIP = {"Accept-Encoding": "gzip"}


def shared(name: str) -> Any:
    """A file of facts about GitHub that lies beside the checkout, or a skip."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not beside this checkout")
    return json.loads(path.read_text())


class Stage:
    """A running simulator, a client of its API and one of its control port."""

    def __init__(self, simulator: Simulator, api: httpx.AsyncClient, control: httpx.AsyncClient):
        self.simulator = simulator
        self.api = api
        self.control = control
        self.tokens: dict[str, str] = {}
        self.credentials: dict[str, dict[str, Any]] = {}

    async def load(self) -> None:
        for item in (await self.control.get("/credentials")).json():
            self.credentials[item["label"]] = item
            self.tokens[item["label"]] = item["token"]

    def auth(self, label: str | None) -> dict[str, str]:
        return {} if label is None else {"Authorization": f"Bearer {self.tokens[label]}"}

    async def get(
        self, path: str, label: str | None = "personal:ada", **fields: str
    ) -> httpx.Response:
        return await self.send("GET", path, label, **fields)

    async def send(
        self, method: str, path: str, label: str | None = "personal:ada", value=None, **fields: str
    ) -> httpx.Response:
        headers = self.auth(label) | {
            name.replace("_", "-"): value for name, value in fields.items()
        }
        return await self.api.request(method, path, headers=headers, json=value)

    async def order(self, method: str, path: str, value=None):
        answer = await self.control.request(method, path, json=value)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def journal(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = await self.order("GET", "/journal")
        return entries

    async def used(self, label: str, resource: str = "core") -> int:
        """What this credential's identity has spent."""
        identity = self.credentials[label]["identity"]
        for item in await self.order("GET", "/limits"):
            if (item["identity"], item["resource"]) == (identity, resource):
                return int(item["used"])
        return 0

    async def raw(self, content: bytes, *, until_end: bool = True) -> bytes:
        """Bytes out, bytes in, on a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.simulator.api_port)
        writer.write(content)
        try:
            if until_end:
                return await reader.read()
            head = await reader.readuntil(b"\r\n\r\n")
            return head + await reader.read(0)
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def request_bytes(path: str, *fields: str, method: str = "GET", close: bool = True) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: api.example", "User-Agent: test", *fields]
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode()


def _door() -> httpx.AsyncHTTPTransport:
    """Loading the trust store takes longer than most scenes, and nothing here speaks TLS."""
    return httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def play(scene: Callable[[Stage], Awaitable[None]], *, seed: int = 1) -> None:
    async def performance() -> None:
        async with (
            Simulator(seed=seed) as simulator,
            httpx.AsyncClient(
                base_url=simulator.api_url, headers={"User-Agent": "test"}, transport=_door()
            ) as api,
            httpx.AsyncClient(base_url=simulator.control_url, transport=_door()) as control,
        ):
            stage = Stage(simulator, api, control)
            await stage.load()
            await scene(stage)

    asyncio.run(performance())


class Running:
    """`python -m ghproxy.simulator` as a process; a context manager."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "ghproxy.simulator", *self._arguments]
        self.process = self._exit.enter_context(
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        )
        assert self.process.stdout is not None
        self.lines = [self.process.stdout.readline() for _ in range(2)]
        self.api = self.lines[0].split()[1]
        self.control = self.lines[1].split()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self._exit.close()

    def credential(self, label: str) -> dict[str, Any]:
        found = httpx.get(f"{self.control}/credentials").json()
        return next(item for item in found if item["label"] == label)

    def journal(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = httpx.get(f"{self.control}/journal").json()
        return entries
