"""What can go wrong upstream, in the words of RFC 9209 (Proxy-Status), and the status it answers.

One exception: whoever catches it needs the kind and a sentence, never the library that raised it.
"""

import enum
from typing import Final


class ProxyError(enum.StrEnum):
    """Proxy error types, RFC 9209 2.3."""

    DNS_ERROR = "dns_error"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_TIMEOUT = "connection_timeout"
    CONNECTION_TERMINATED = "connection_terminated"
    DESTINATION_UNAVAILABLE = "destination_unavailable"
    TLS_CERTIFICATE_ERROR = "tls_certificate_error"
    TLS_PROTOCOL_ERROR = "tls_protocol_error"
    CONNECTION_READ_TIMEOUT = "connection_read_timeout"
    CONNECTION_WRITE_TIMEOUT = "connection_write_timeout"
    HTTP_RESPONSE_TIMEOUT = "http_response_timeout"
    HTTP_RESPONSE_INCOMPLETE = "http_response_incomplete"
    HTTP_RESPONSE_HEADER_SECTION_SIZE = "http_response_header_section_size"
    HTTP_PROTOCOL_ERROR = "http_protocol_error"


TIMEOUTS: Final = frozenset(
    {
        ProxyError.CONNECTION_TIMEOUT,
        ProxyError.CONNECTION_READ_TIMEOUT,
        ProxyError.CONNECTION_WRITE_TIMEOUT,
        ProxyError.HTTP_RESPONSE_TIMEOUT,
    }
)


class UpstreamError(Exception):
    """No usable answer came from the origin.

    `detail` is one sentence for the client; it names hosts and limits, never fields or content.
    """

    def __init__(self, kind: ProxyError, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail

    @property
    def status(self) -> int:
        """504 when the origin was too slow, 502 otherwise (RFC 9110 15.6)."""
        return 504 if self.kind in TIMEOUTS else 502
