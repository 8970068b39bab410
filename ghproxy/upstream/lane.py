"""One slot of the httpx door: an httpx transport that holds one connection.

httpx's pool leaks a slot when a waiting request is cancelled (encode/httpcore#1093) and slows down
with its connections. So nothing waits inside a transport, and nothing inside is ever cancelled:
each call runs in a task of the lane's, and who gives up on it has the connection closed under it.
"""

import asyncio
import importlib.util
import re
import ssl
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import httpx

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.upstream import failures
from ghproxy.upstream.dial import system_trust

R = TypeVar("R")

_is_host = re.compile(rb"[A-Za-z0-9._:-]+").fullmatch


class Lane:
    """Runs one call at a time; `retire` ends it whatever it is doing."""

    def __init__(self, ssl_context: ssl.SSLContext, proxy: str | None) -> None:
        self.transport = httpx.AsyncHTTPTransport(
            verify=ssl_context,
            trust_env=False,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            proxy=None if proxy is None else _proxy(proxy),
        )
        self.is_connected = asyncio.Event()
        """The request is being written: there is a connection to close."""
        self._task: asyncio.Task[Any] | None = None
        self._supply: asyncio.Task[bytes | None] | None = None
        self._is_retired = False

    async def run(self, work: Coroutine[Any, Any, R], host: str, scope: asyncio.Timeout) -> R:
        """The result of `work`; TimeoutError once the scope, which the caller may move, expires.

        Whoever is cancelled or too late must `retire` the lane: the work goes on until then.
        """
        task = self._task = asyncio.create_task(work)
        try:
            async with scope:
                return await asyncio.shield(task)
        except httpx.LocalProtocolError as error:
            raise ValueError("httpx cannot write this request") from error
        except httpx.HTTPError as error:
            raise upstream_error(error, host) from error

    async def next_of(self, content: AsyncIterator[bytes]) -> bytes | None:
        """The next piece of a request's content, None at its end; for use inside the work.

        The one thing in there that closing the connection would not end: `retire` cancels it.
        """
        supply = self._supply = asyncio.create_task(_next(content))
        await asyncio.wait({supply})
        if supply.cancelled() or self._is_retired:
            raise failures.closed()
        return supply.result()

    @property
    def has_leftover(self) -> bool:
        """Whether bytes followed the last response; True as well where httpcore cannot tell.

        It would read them as the next response, and says nothing of them in public.
        """
        pool = getattr(self.transport, "_pool", None)
        for connection in getattr(pool, "connections", ()):
            inner = connection
            while hasattr(inner, "_connection"):
                inner = inner._connection  # noqa: SLF001 - as above
            state = getattr(inner, "_h11_state", None)
            if state is None or state.trailing_data[0]:
                return True
        return False

    async def retire(self) -> None:
        """Close the connection and wait until the call in progress has noticed."""
        task = self._task
        self._is_retired = True
        if self._supply is not None:
            self._supply.cancel()
        while task is not None and not task.done():
            # A connection that is being opened cannot be closed yet; opening has its own limit.
            opened = asyncio.create_task(self.is_connected.wait())
            await asyncio.wait({task, opened}, return_when=asyncio.FIRST_COMPLETED)
            opened.cancel()
            await self.transport.aclose()
            await asyncio.wait({task}, timeout=1.0)
        if task is not None and not task.cancelled():
            task.exception()
        await self.transport.aclose()


async def _next(content: AsyncIterator[bytes]) -> bytes | None:
    return await anext(content, None)


def check_proxy(url: str) -> None:
    """Raises ValueError where httpx could not use it; the text never repeats the URL."""
    try:
        proxy = httpx.Proxy(url).url
    except (ValueError, httpx.InvalidURL):
        raise ValueError("the outbound proxy's URL cannot be used") from None
    if not _is_host(proxy.raw_host):
        raise ValueError("the outbound proxy's URL names no host")
    if proxy.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise ValueError("an outbound SOCKS proxy needs the package socksio")


def _proxy(url: str) -> httpx.Proxy:
    is_tls = url.lower().startswith("https:")
    return httpx.Proxy(url, ssl_context=system_trust() if is_tls else None)


def upstream_error(error: httpx.HTTPError, host: str) -> UpstreamError:
    """Httpx's errors in ours; never their text, which may name what we do not show."""
    text = str(error)
    match error:
        case httpx.ProxyError():
            kind = ProxyError.DESTINATION_UNAVAILABLE
            detail = f"The outbound proxy did not connect to {host}."
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return failures.connect_error(error, host)
        case httpx.WriteTimeout():
            kind = ProxyError.CONNECTION_WRITE_TIMEOUT
            detail = "The origin did not take the request's content in time."
        case httpx.NetworkError():
            kind = ProxyError.CONNECTION_TERMINATED
            detail = "The origin broke the connection."
        case httpx.RemoteProtocolError() if text.startswith("Server disconnected"):
            kind = ProxyError.CONNECTION_TERMINATED
            detail = "The origin closed the connection without answering."
        case httpx.RemoteProtocolError() if text.startswith("peer closed connection"):
            kind = ProxyError.HTTP_RESPONSE_INCOMPLETE
            detail = "The origin's response was cut short."
        case httpx.RemoteProtocolError() if text.startswith("Receive buffer too long"):
            kind = ProxyError.HTTP_RESPONSE_HEADER_SECTION_SIZE
            detail = "The origin's response head is too large."
        case _:
            kind = ProxyError.HTTP_PROTOCOL_ERROR
            detail = "The origin broke HTTP's framing."
    return UpstreamError(kind, detail)
