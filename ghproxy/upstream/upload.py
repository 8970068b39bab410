"""Writes a request's content as the socket takes it; never more than one piece ahead."""

from collections.abc import AsyncIterator
from typing import Final

from ghproxy.upstream import framing
from ghproxy.upstream.base import UpstreamRequest
from ghproxy.upstream.connection import Connection
from ghproxy.upstream.exchange import Exchange

_SLICE_BYTES: Final = 64 * 1024


async def upload(connection: Connection, exchange: Exchange, request: UpstreamRequest) -> None:
    """Write all of the content; whatever its iterator raises passes through.

    Raises ValueError where a stream is longer or shorter than `content_bytes`.
    """
    content = request.content
    if isinstance(content, bytes):
        for start in range(0, len(content), _SLICE_BYTES):
            connection.write(content[start : start + _SLICE_BYTES])
            await connection.drained()
    elif request.content_bytes is None:
        await _upload_chunked(connection, content)
    else:
        await _upload_stated(connection, content, request.content_bytes)
    connection.end_request(exchange)


async def _upload_chunked(connection: Connection, content: AsyncIterator[bytes]) -> None:
    async for piece in content:
        if piece:  # an empty chunk would be the last
            connection.write(framing.chunk(piece))
            await connection.drained()
    connection.write(framing.LAST_CHUNK)


async def _upload_stated(
    connection: Connection, content: AsyncIterator[bytes], content_bytes: int
) -> None:
    remaining = content_bytes
    async for piece in content:
        remaining -= len(piece)
        if remaining < 0:
            raise ValueError("the content is longer than its stated length")
        connection.write(piece)
        await connection.drained()
    if remaining:
        raise ValueError("the content is shorter than its stated length")
