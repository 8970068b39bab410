"""The content of a client's request, gathered where it is small, streamed where it is large.

A trickling upload must not hold a connection to the origin: up to a limit it is gathered first,
beyond it each block has to arrive within a time that bounds the slowest rate.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class RequestContentError(Exception):
    """The client's content did not come: it stalled (`is_stalled`) or the client is gone."""

    def __init__(self, *, is_stalled: bool) -> None:
        super().__init__("the request's content stalled" if is_stalled else "the client left")
        self.is_stalled = is_stalled


class RequestContentSettings(msgspec.Struct, frozen=True):
    """Bytes gathered before anything is sent on, and the pace a client has to keep beyond."""

    gathered_bytes: int = 1_048_576
    block_bytes: int = 65_536
    block_timeout_seconds: float = 10.0


class RequestContent:
    """Reads one request's content; `on_wait` and `on_block` say when it waits for its client."""

    def __init__(
        self,
        settings: RequestContentSettings,
        receive: Receive,
        on_wait: Callable[[], None],
        on_block: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._receive = receive
        self._on_wait = on_wait
        self._on_block = on_block
        self._is_complete = False

    async def gather(self) -> bytes | AsyncGenerator[bytes, None]:
        """The whole content, or a stream of it where it is large. Raises RequestContentError."""
        begun = bytearray()
        while len(begun) <= self._settings.gathered_bytes:
            begun += await self._block()
            if self._is_complete:
                return bytes(begun)
        return self._stream(bytes(begun))

    async def _stream(self, begun: bytes) -> AsyncGenerator[bytes, None]:
        yield begun
        while not self._is_complete:
            if block := await self._block():
                yield block

    async def _block(self) -> bytes:
        """The next block, full but for the last one."""
        block = bytearray()
        self._on_wait()
        try:
            async with asyncio.timeout(self._settings.block_timeout_seconds):
                while len(block) < self._settings.block_bytes and not self._is_complete:
                    block += await self._received()
        except TimeoutError:
            raise RequestContentError(is_stalled=True) from None
        self._on_block()
        return bytes(block)

    async def _received(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise RequestContentError(is_stalled=False)
        if not message.get("more_body", False):
            self._is_complete = True
        content: bytes = message.get("body", b"")
        return content
