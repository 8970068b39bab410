"""The same connections for an ordinary httpx client: an `Upstream` as an httpx transport.

For everything off the hot path (minting tokens, checks, probes). One origin: a request for any
other is refused, so that a client which follows a redirect cannot leave it.
"""

from collections.abc import AsyncIterator
from typing import Final

import httpx

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream.base import OriginAddress, Upstream, UpstreamRequest, UpstreamResponse
from ghproxy.upstream.framing import NOT_END_TO_END

_ERRORS: Final[dict[ProxyError, type[httpx.TransportError]]] = {
    ProxyError.DNS_ERROR: httpx.ConnectError,
    ProxyError.CONNECTION_REFUSED: httpx.ConnectError,
    ProxyError.CONNECTION_TIMEOUT: httpx.ConnectTimeout,
    ProxyError.DESTINATION_UNAVAILABLE: httpx.ConnectError,
    ProxyError.TLS_CERTIFICATE_ERROR: httpx.ConnectError,
    ProxyError.TLS_PROTOCOL_ERROR: httpx.ConnectError,
    ProxyError.CONNECTION_TERMINATED: httpx.ReadError,
    ProxyError.CONNECTION_READ_TIMEOUT: httpx.ReadTimeout,
    ProxyError.HTTP_RESPONSE_TIMEOUT: httpx.ReadTimeout,
    ProxyError.CONNECTION_WRITE_TIMEOUT: httpx.WriteTimeout,
    ProxyError.HTTP_RESPONSE_INCOMPLETE: httpx.RemoteProtocolError,
    ProxyError.HTTP_RESPONSE_HEADER_SECTION_SIZE: httpx.RemoteProtocolError,
    ProxyError.HTTP_PROTOCOL_ERROR: httpx.RemoteProtocolError,
}


class UpstreamTransport(httpx.AsyncBaseTransport):
    """`httpx.AsyncClient(transport=UpstreamTransport(upstream, origin))`.

    Closing the client leaves the upstream open: it belongs to whoever made it. The upstream's
    limits of time apply, not the client's.
    """

    def __init__(self, upstream: Upstream, origin: OriginAddress) -> None:
        self._upstream = upstream
        self._origin = origin

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        if (url.scheme, url.host, port) != (
            self._origin.scheme,
            self._origin.host,
            self._origin.port,
        ):
            raise httpx.UnsupportedProtocol("this transport serves one origin", request=request)
        try:
            response = await self._upstream.send(await _upstream_request(request))
        except UpstreamError as error:
            raise _ERRORS[error.kind](error.detail, request=request) from error
        return httpx.Response(
            response.head.status,
            headers=list(response.head.fields),
            stream=_Stream(response, request),
            extensions={"http_version": b"HTTP/1.1"},
        )


class _Stream(httpx.AsyncByteStream):
    def __init__(self, response: UpstreamResponse, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.content():
                yield piece
        except UpstreamError as error:
            raise _ERRORS[error.kind](error.detail, request=self._request) from error

    async def aclose(self) -> None:
        await self._response.aclose()


async def _upstream_request(request: httpx.Request) -> UpstreamRequest:
    fields = tuple(
        (name.lower(), value)
        for name, value in request.headers.raw
        if name.lower() not in NOT_END_TO_END
    )
    length = request.headers.get("content-length")
    content: bytes | AsyncIterator[bytes]
    if isinstance(request.stream, httpx.ByteStream):
        content = await request.aread()
    else:
        content = aiter(request.stream)  # type: ignore[arg-type]  # httpx types it for both worlds
    return UpstreamRequest(
        request.method,
        request.url.raw_path,
        fields,
        content,
        int(length) if length is not None else None,
    )
