"""What a failure below HTTP is called (RFC 9209 2.3), whoever raised it.

Libraries wrap the one error that says something into several that do not: the chain of causes is
searched. Details name the host and the limit, never an address with credentials, never fields.
"""

import socket
import ssl
from collections.abc import Iterator

from ghproxy.core.errors import ProxyError, UpstreamError


def connect_error(error: BaseException, host: str) -> UpstreamError:
    """A failure to look up, connect or agree on TLS."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message.rstrip(".") or "not trusted"
            return UpstreamError(
                ProxyError.TLS_CERTIFICATE_ERROR, f"The certificate of {host} failed: {reason}."
            )
    for cause in _causes(error):
        match cause:
            case ssl.SSLError():
                kind, text = ProxyError.TLS_PROTOCOL_ERROR, f"TLS with {host} failed."
            case socket.gaierror() | UnicodeError():
                kind, text = ProxyError.DNS_ERROR, f"The name {host} could not be looked up."
            case ConnectionRefusedError():
                kind, text = ProxyError.CONNECTION_REFUSED, f"{host} refused the connection."
            case TimeoutError():
                kind, text = ProxyError.CONNECTION_TIMEOUT, f"{host} could not be reached in time."
            case ConnectionError():
                kind = ProxyError.CONNECTION_TERMINATED
                text = f"{host} closed the connection while it was being opened."
            case _:
                continue
        return UpstreamError(kind, text)
    return UpstreamError(ProxyError.DESTINATION_UNAVAILABLE, f"{host} could not be reached.")


def closed() -> UpstreamError:
    """The program is shutting its door."""
    return UpstreamError(ProxyError.DESTINATION_UNAVAILABLE, "The upstream door is closed.")


def too_late(total_timeout_seconds: float) -> UpstreamError:
    """All the time that a request has is over."""
    detail = f"The whole response did not arrive within {total_timeout_seconds:g} s."
    return UpstreamError(ProxyError.HTTP_RESPONSE_TIMEOUT, detail)


def never_free(max_connections: int) -> UpstreamError:
    """A request waited for a connection until its time was over."""
    detail = f"All {max_connections} upstream connections stayed in use."
    return UpstreamError(ProxyError.HTTP_RESPONSE_TIMEOUT, detail)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, outermost first; groups are opened."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        cause = pending.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            pending.extend(cause.exceptions)
        pending += (cause.__context__, cause.__cause__)
