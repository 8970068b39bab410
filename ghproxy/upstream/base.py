"""What the gateway needs of the network; `wire` and `httpx` provide it.

An upstream knows one origin (scheme, host, port). It frames requests, pools connections and keeps
the time limits; it never sees a URL, never follows a redirect, never decodes content, and adds
nothing but `Host` and the framing fields.
"""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from ghproxy.core.message import Fields, ResponseHead


class OriginAddress(msgspec.Struct, frozen=True):
    """Where the origin listens; `scheme` is `http` or `https`, `host` without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> bytes:
        """The Host field's value: the port is left out where it is the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return (host if self.port == default else f"{host}:{self.port}").encode("ascii")


class UpstreamSettings(msgspec.Struct, frozen=True):
    """Limits of the door. Seconds and bytes; each is enforced by every implementation."""

    connect_timeout_seconds: float = 10.0
    """Name lookup, TCP and TLS together."""
    first_byte_timeout_seconds: float = 60.0
    """From the last byte of the request to the whole response head."""
    stall_timeout_seconds: float = 60.0
    """The longest silence inside a response's content, and the longest block on writing."""
    total_timeout_seconds: float = 3600.0
    """From send to the last byte of the content."""
    max_connections: int = 1000
    """Open connections, in use and idle; more requests than that wait."""
    max_idle_connections: int = 100
    idle_timeout_seconds: float = 50.0
    max_head_bytes: int = 300_000
    """Status line and fields of a response; more is HTTP_RESPONSE_HEADER_SECTION_SIZE."""


class UpstreamRequest(msgspec.Struct, frozen=True):
    """One request as it goes out.

    `fields` are end-to-end fields only: no Host, Content-Length, Transfer-Encoding, Connection.
    `content` is whole (bytes, `b""` for none) or a stream of non-empty chunks, framed with
    `content_bytes` where the client stated a length, else chunked. A stream is read once.
    """

    method: str
    target: bytes
    fields: Fields
    content: bytes | AsyncIterator[bytes] = b""
    content_bytes: int | None = None

    def __repr__(self) -> str:
        return f"UpstreamRequest({self.method} {self.target!r})"  # the fields hold a credential


class UpstreamResponse(Protocol):
    """A response whose head has arrived."""

    @property
    def head(self) -> ResponseHead:
        """Field lines as they came (names lower-cased), hop-by-hop ones included."""

    def content(self) -> AsyncIterator[bytes]:
        """Content chunks as received (not decoded), transfer coding removed; iterate once.

        Raises UpstreamError where the content is cut short, stalls or breaks its framing.
        """

    async def aclose(self) -> None:
        """Give the connection back (content read to its end) or close it; idempotent."""


class UpstreamSnapshot(msgspec.Struct, frozen=True):
    """A picture of the pool."""

    idle: int
    in_use: int
    waiting: int


class Upstream(Protocol):
    """The door itself."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Send and wait for the final response head.

        GET and HEAD without content are retried once where the connection died before any byte of
        an answer; nothing else is. Cancelling at any moment leaks no connection and no slot.
        Raises UpstreamError.
        """

    def snapshot(self) -> UpstreamSnapshot: ...

    async def aclose(self) -> None:
        """Close every connection; idempotent."""
