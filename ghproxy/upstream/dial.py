"""Opens a connection: name lookup, then TCP and TLS with the address that is through first."""

import asyncio
import collections
import ssl
from collections.abc import Callable, Collection, Sequence
from socket import SOCK_STREAM
from typing import Final

from ghproxy.upstream.base import OriginAddress
from ghproxy.upstream.connection import Connection
from ghproxy.upstream.failures import connect_error

HEAD_START_SECONDS: Final = 0.25
"""What an address has before the next is tried beside it (RFC 8305 5)."""
_Attempt = asyncio.Task[Connection]


async def dial(
    origin: OriginAddress, context: ssl.SSLContext | None, create: Callable[[], Connection]
) -> Connection:
    """A connected one; raises UpstreamError, and leaves nothing open behind it.

    The caller sets the limit of time. TLS is checked against `origin.host`, whatever the address.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(origin.host, origin.port, type=SOCK_STREAM)
        addresses = [str(address[0]) for *_, address in found]
        return await connect_first(addresses, origin, context, create)
    except (OSError, UnicodeError) as error:
        raise connect_error(error, origin.host) from error


async def connect_first(
    addresses: Sequence[str],
    origin: OriginAddress,
    context: ssl.SSLContext | None,
    create: Callable[[], Connection],
) -> Connection:
    """A connection to the address that is through first: one that hangs holds up nobody for long.

    Raises the OSError of the last one that failed, or at once where TLS did. (Of the loops, only
    asyncio's own has happy_eyeballs_delay.)
    """
    loop = asyncio.get_running_loop()

    async def connect(address: str) -> Connection:
        server_hostname = origin.host if context else None
        _, connection = await loop.create_connection(
            create, address, origin.port, ssl=context, server_hostname=server_hostname
        )
        return connection

    waiting = collections.deque(addresses)
    under_way: set[_Attempt] = set()
    failure = OSError("no address")
    try:
        while waiting or under_way:
            if waiting:
                under_way.add(asyncio.create_task(connect(waiting.popleft())))
            head_start = HEAD_START_SECONDS if waiting else None
            done, _ = await asyncio.wait(
                under_way, timeout=head_start, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                under_way.remove(attempt)
                try:
                    return attempt.result()
                except ssl.SSLError:
                    raise
                except OSError as error:
                    failure = error
        raise failure
    finally:
        await _end(under_way)


async def _end(attempts: Collection[_Attempt]) -> None:
    """Cancel them, and close what was through all the same."""
    for attempt in attempts:
        attempt.cancel()
    for result in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(result, Connection):
            result.close()


def system_trust() -> ssl.SSLContext:
    """Certificates and host names checked against the system's trust store."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
