"""Writes one answer to one client, at the pace at which that client reads it.

A client that stops reading is cut off; one that reads slowly keeps its connection to the origin,
but not the slot, which others wait for.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from ghproxy.core.message import Fields
from ghproxy.gateway import Reply
from ghproxy.web import errors
from ghproxy.web.protocol import TornResponse

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_EMPTY: Final = frozenset({204, 304})
_NOT_HERE: Final = frozenset({b"x-request-id"})
_NOT_HERE_EMPTY: Final = _NOT_HERE | {b"content-length"}
_ONE_WRITE_BYTES: Final = 65_536


class WritingSettings(msgspec.Struct, frozen=True):
    """Seconds: how long a client may take for one piece, and altogether until it is called slow."""

    piece_timeout_seconds: float = 60.0
    slow_seconds: float = 1.0


class ResponseWriter:
    """Writes one response; `status` is 0 until its head is out."""

    def __init__(
        self, settings: WritingSettings, send: Send, method: str, request_id: bytes
    ) -> None:
        self._settings = settings
        self._send = send
        self._is_head = method == "HEAD"
        self._request_id = request_id
        self._waited_seconds = 0.0
        self.status = 0

    async def begin(self, reply: Reply) -> bytes:
        """The first piece of a stream, awaited before the head goes out.

        So an answer that breaks or hangs at once can still become a clean error.
        """
        return b"" if self._is_head or reply.chunks is None else await anext(reply.chunks, b"")

    async def write(self, reply: Reply, begun: bytes) -> None:
        """Head and content; raises UpstreamError where the content breaks off."""
        if self._is_head or reply.chunks is None:
            await self._write_whole(reply.status, reply.fields, reply.content)
            return
        release_slot = None if reply.response is None else reply.response.release_slot
        await self._piece(self._head(reply.status, reply.fields))
        await self._piece(_content(begun), on_slow=release_slot)
        async for chunk in reply.chunks:
            await self._piece(_content(chunk), on_slow=release_slot)
        await self._piece(_LAST)

    async def write_page(self, page: errors.Answer) -> None:
        """An error of our own."""
        await self._write_whole(page.status, page.fields, page.content)

    async def _write_whole(self, status: int, fields: Fields, content: bytes) -> None:
        if self._is_head:
            content = b""
        if len(content) <= _ONE_WRITE_BYTES:
            await self._piece(
                self._head(status, fields), {"type": "http.response.body", "body": content}
            )
            return
        await self._piece(self._head(status, fields))
        for start in range(0, len(content), _ONE_WRITE_BYTES):
            await self._piece(_content(content[start : start + _ONE_WRITE_BYTES]))
        await self._piece(_LAST)

    def _head(self, status: int, fields: Fields) -> MutableMapping[str, Any]:
        dropped = _NOT_HERE_EMPTY if status in _EMPTY else _NOT_HERE
        lines = [line for line in fields if line[0] not in dropped]
        lines.append((b"x-request-id", self._request_id))
        self.status = status
        return {"type": "http.response.start", "status": status, "headers": lines}

    async def _piece(
        self, *messages: MutableMapping[str, Any], on_slow: Callable[[], None] | None = None
    ) -> None:
        """One piece, within the time that a client may take to make room for it."""
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        patience_seconds = self._settings.slow_seconds - self._waited_seconds
        timer = None if on_slow is None else loop.call_later(patience_seconds, on_slow)
        try:
            async with asyncio.timeout_at(begun_at + self._settings.piece_timeout_seconds):
                for message in messages:
                    await self._send(message)
        except TimeoutError:
            raise TornResponse from None
        finally:
            if timer is not None:
                timer.cancel()
                self._waited_seconds += loop.time() - begun_at


_LAST: Final[MutableMapping[str, Any]] = {"type": "http.response.body", "body": b""}


def _content(chunk: bytes) -> MutableMapping[str, Any]:
    return {"type": "http.response.body", "body": chunk, "more_body": True}
