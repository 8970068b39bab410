"""Opens a connection: name lookup, TCP and TLS, each address in turn."""

import asyncio
import ssl
from collections.abc import Callable
from socket import SOCK_STREAM

from ghproxy.upstream.base import OriginAddress
from ghproxy.upstream.connection import Connection
from ghproxy.upstream.failures import connect_error


async def dial(
    origin: OriginAddress, context: ssl.SSLContext | None, create: Callable[[], Connection]
) -> Connection:
    """A connected one; raises UpstreamError, and leaves nothing open behind it.

    The caller sets the limit of time. TLS is checked against `origin.host`, whatever the address.
    """
    loop = asyncio.get_running_loop()
    failure = OSError("no address")
    try:
        addresses = await loop.getaddrinfo(origin.host, origin.port, type=SOCK_STREAM)
        for *_, address in addresses:
            try:
                _, connection = await loop.create_connection(
                    create,
                    str(address[0]),
                    origin.port,
                    ssl=context,
                    server_hostname=origin.host if context else None,
                )
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error  # the next address may do
            else:
                return connection
    except (OSError, UnicodeError) as error:
        raise connect_error(error, origin.host) from error
    raise connect_error(failure, origin.host) from failure


def system_trust() -> ssl.SSLContext:
    """Certificates and host names checked against the system's trust store."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
