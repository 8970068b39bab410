"""What we answer when we have no answer of GitHub's: one table, one shape (GitHub's JSON).

Every status, message and link that this program makes up for a refused request is in `FAULTS`.
`Proxy-Status` (RFC 9209) says that it was us. No field value, content or traceback enters a text.
"""

import enum
import http
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from ghproxy.core.errors import UpstreamError
from ghproxy.core.message import Fields

RFC_9110: Final = "https://www.rfc-editor.org/rfc/rfc9110#section-"
RFC_9112: Final = "https://www.rfc-editor.org/rfc/rfc9112#section-"
TROUBLESHOOTING: Final = (
    "https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api"
)
ALLOWED_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


class Answer(NamedTuple):
    """A whole response: what an ASGI application sends, and what the protocol writes."""

    status: int
    fields: Fields
    content: bytes


class Fault(enum.StrEnum):
    """Why a request was refused before anybody looked at what it asks for."""

    REQUEST_LINE = "request_line"
    TARGET = "target"
    VERSION = "version"
    METHOD_UNKNOWN = "method_unknown"
    METHOD_REFUSED = "method_refused"
    FIELD_LINE = "field_line"
    HOST_MISSING = "host_missing"
    HOST_REPEATED = "host_repeated"
    HOST_INVALID = "host_invalid"
    AUTHORIZATION_REPEATED = "authorization_repeated"
    CONNECTION_NOMINATES = "connection_nominates"
    TRANSFER_ENCODING = "transfer_encoding"
    CONTENT_LENGTH = "content_length"
    UPGRADE_WITH_CONTENT = "upgrade_with_content"
    CHUNK = "chunk"
    TARGET_TOO_LONG = "target_too_long"
    HEAD_TOO_LARGE = "head_too_large"
    TOO_MANY_FIELDS = "too_many_fields"
    HEAD_TIMEOUT = "head_timeout"
    INTERNAL = "internal"


class Words(NamedTuple):
    """How a fault is told."""

    status: int
    message: str
    documentation_url: str


FAULTS: Final[dict[Fault, Words]] = {
    Fault.REQUEST_LINE: Words(400, "Malformed request line", RFC_9112 + "3"),
    Fault.TARGET: Words(
        400, "The request target must be a path that starts with a slash", RFC_9112 + "3.2"
    ),
    Fault.VERSION: Words(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here", RFC_9110 + "15.6.6"),
    Fault.METHOD_UNKNOWN: Words(501, "Unknown request method", RFC_9110 + "15.6.2"),
    Fault.METHOD_REFUSED: Words(405, "This method is not served here", RFC_9110 + "15.5.6"),
    Fault.FIELD_LINE: Words(400, "Malformed request head", RFC_9112 + "5"),
    Fault.HOST_MISSING: Words(400, "A Host field is required", RFC_9112 + "3.2"),
    Fault.HOST_REPEATED: Words(400, "More than one Host field", RFC_9112 + "3.2"),
    Fault.HOST_INVALID: Words(400, "Invalid Host field", RFC_9112 + "3.2"),
    Fault.AUTHORIZATION_REPEATED: Words(
        400, "More than one Authorization field", RFC_9110 + "11.6.2"
    ),
    Fault.CONNECTION_NOMINATES: Words(
        400, "The Connection field names a field that must reach the origin", RFC_9110 + "7.6.1"
    ),
    Fault.TRANSFER_ENCODING: Words(
        400, "Transfer-Encoding must be exactly chunked, without Content-Length", RFC_9112 + "6.1"
    ),
    Fault.CONTENT_LENGTH: Words(400, "Invalid Content-Length", RFC_9112 + "6.2"),
    Fault.UPGRADE_WITH_CONTENT: Words(
        400, "Upgrade is not served, and not ignored with content", RFC_9110 + "7.8"
    ),
    Fault.CHUNK: Words(400, "Malformed chunked content", RFC_9112 + "7.1"),
    Fault.TARGET_TOO_LONG: Words(414, "The request target is too long", RFC_9110 + "15.5.15"),
    Fault.HEAD_TOO_LARGE: Words(
        431, "The request head is too large", "https://www.rfc-editor.org/rfc/rfc6585#section-5"
    ),
    Fault.TOO_MANY_FIELDS: Words(
        431, "Too many request fields", "https://www.rfc-editor.org/rfc/rfc6585#section-5"
    ),
    Fault.HEAD_TIMEOUT: Words(408, "The request head took too long", RFC_9110 + "15.5.9"),
    Fault.INTERNAL: Words(500, "Internal error in ghproxy", TROUBLESHOOTING),
}


class _ErrorContent(msgspec.Struct, frozen=True):
    """GitHub's error content, members in GitHub's order; the status is a string there."""

    message: str
    documentation_url: str
    status: str


def error_response(
    status: int,
    message: str,
    *,
    documentation_url: str = TROUBLESHOOTING,
    proxy_error: str | None = None,
    details: str = "",
    fields: Fields = (),
    close: bool = False,
) -> Answer:
    """An error in GitHub's shape; `proxy_error` is a type of RFC 9209 2.3 and adds Proxy-Status."""
    content = msgspec.json.encode(_ErrorContent(message, documentation_url, str(status)))
    lines = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", b"%d" % len(content)),
        (b"cache-control", b"no-store"),
    ]
    if proxy_error is not None:
        lines.append((b"proxy-status", proxy_status(proxy_error, details)))
    if close:
        lines.append((b"connection", b"close"))
    return Answer(status, (*lines, *fields), content)


def refusal(fault: Fault, detail: str = "") -> Answer:
    """The answer to a refused request; its connection is closed after it."""
    words = FAULTS[fault]
    message = f"{words.message}: {detail}" if detail else words.message
    return error_response(
        words.status,
        message,
        documentation_url=words.documentation_url,
        proxy_error=("proxy_internal_error" if fault is Fault.INTERNAL else "http_request_error"),
        details=message,
        fields=((b"allow", ALLOWED_METHODS),) if fault is Fault.METHOD_REFUSED else (),
        close=True,
    )


def bad_gateway(error: UpstreamError) -> Answer:
    """502 or 504 with what happened upstream."""
    phrase = http.HTTPStatus(error.status).phrase
    return error_response(
        error.status, f"{phrase}: {error.detail}", proxy_error=error.kind, details=error.detail
    )


def request_timed_out(seconds: float) -> Answer:
    """Prow's answer, byte for byte, when a request took longer than --request-timeout."""
    content = f"ghproxy timed out after {go_duration(seconds)}".encode("ascii")
    return Answer(
        503,
        (
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(content)),
            (b"proxy-status", proxy_status("http_response_timeout", "")),
        ),
        content,
    )


def proxy_status(error: str, details: str) -> bytes:
    """One Proxy-Status member; details become a string of RFC 9651, printable ASCII only."""
    if not details:
        return f"ghproxy; error={error}".encode("ascii")
    printable = "".join(c if " " <= c <= "~" else "?" for c in details)
    quoted = printable.replace("\\", "\\\\").replace('"', '\\"')
    return f'ghproxy; error={error}; details="{quoted}"'.encode("ascii")


def go_duration(seconds: float) -> str:
    """Seconds as Go prints a time.Duration: 30s, 2m31s, 1h0m0s, 1.5s, 250ms; never negative."""
    nanoseconds = round(Decimal(repr(seconds)) * 1_000_000_000)
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if 0 < nanoseconds < size * 1_000:
            return f"{_plain(Decimal(nanoseconds) / size)}{unit}"
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_plain(Decimal(rest) / 1_000_000_000)}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _plain(number: Decimal) -> str:
    """Without exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
