"""Which request heads are refused, and why (RFC 9110, RFC 9112): pure, bytes in, values out.

llhttp already refuses bare CR and LF, folded lines, white space before the colon, control bytes,
two lengths and lengths beside chunks; what it lets through is refused here. A head that passes
has one meaning only, so nothing that reads it before or after us can disagree about its end.
"""

import re
from typing import Final, NamedTuple

import msgspec

from ghproxy.core.fields import members
from ghproxy.web.errors import Fault

END_OF_HEAD: Final = b"\r\n\r\n"
_SLASH: Final = ord("/")

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE: Final = re.compile(rb"(" + _TOKEN + rb") ([!-~]+) HTTP/(\d)\.(\d)\r\n")
_OTHER_VERSION: Final = re.compile(_TOKEN + rb" [!-~]+ HTTP/\d+(?:\.\d+)?\r\n")
_UNFINISHED_LINE: Final = re.compile(rb"(?:\r\n)?[ -~]*\r?")
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_ABSOLUTE: Final = re.compile(rb"(?i:https?)://([^/?]+)([/?].*)?")
_CHUNKED: Final = re.compile(rb"(?i:\r\ntransfer-encoding): ?(?i:chunked)\r\n")
_LENGTH: Final = re.compile(rb"(?i:\r\ncontent-length): ?([0-9]{1,15})\r\n")

_REFUSED_METHODS: Final = frozenset({b"CONNECT", b"TRACE"})
_WATCHED: Final = frozenset(
    {
        b"authorization",
        b"connection",
        b"content-length",
        b"expect",
        b"host",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NEVER_NOMINATED: Final = frozenset(
    {b"authorization", b"content-length", b"host", b"transfer-encoding"}
)


class Limits(msgspec.Struct, frozen=True):
    """How much of a request is read before it is believed. Bytes, counts and seconds."""

    head_bytes: int = 65_536
    target_bytes: int = 16_384
    fields: int = 200
    head_seconds: float = 10.0
    """From the first byte of a head to its last."""
    idle_seconds: float = 75.0
    """How long a connection may wait for a request: longer than usual clients and load balancers
    let theirs (60 s), so that they close first and never send into a closing connection."""
    linger_seconds: float = 5.0
    """How long a refused client may go on sending while it reads our answer."""


class RequestLine(NamedTuple):
    """Method, target in origin form, and whether it is HTTP/1.1 (else 1.0)."""

    method: bytes
    target: bytes
    is_http_11: bool


class Terms(NamedTuple):
    """What the fields say about the message and the connection.

    `content_bytes` is None where content is chunked, 0 where there is none.
    """

    keep_alive: bool
    expects_continue: bool
    content_bytes: int | None


def read_request_line(head: bytes, limits: Limits) -> RequestLine | Fault:
    """The first line of bytes that hold at least one line end."""
    match = _REQUEST_LINE.match(head)
    if match is None:
        return _fault_of_line(head, limits)
    method, target, major, minor = match.groups()
    if major != b"1" or minor not in b"01":
        return Fault.VERSION
    if method in _REFUSED_METHODS:
        return Fault.METHOD_REFUSED
    if len(target) > limits.target_bytes:
        return Fault.TARGET_TOO_LONG
    origin_form = target if target[0] == _SLASH else _from_absolute_form(target)
    if origin_form is None or b"#" in origin_form:
        return Fault.TARGET
    return RequestLine(method, origin_form, minor == b"1")


def fault_of_unfinished(data: bytes, seen: int, limits: Limits) -> Fault | None:
    """What is wrong already with the beginning of a head, of which `seen` bytes were judged."""
    line_end = data.find(b"\n")
    if line_end < 0:
        if len(data) > limits.target_bytes + 64:  # room for method and version
            return Fault.TARGET_TOO_LONG
        return None if _UNFINISHED_LINE.fullmatch(data, max(0, seen - 1)) else Fault.REQUEST_LINE
    if line_end >= seen and isinstance(line := read_request_line(data, limits), Fault):
        return line
    if len(data) > limits.head_bytes:
        return Fault.HEAD_TOO_LARGE
    return Fault.FIELD_LINE if _BARE_LF.search(data, seen) else None


def read_terms(
    line: RequestLine, head: bytes, fields: list[tuple[bytes, bytes]], limits: Limits
) -> Terms | Fault:
    """What the fields (names in lower case) agree to, or why they are refused."""
    if len(fields) > limits.fields:
        return Fault.TOO_MANY_FIELDS
    watched = [field for field in fields if field[0] in _WATCHED]
    names = [name for name, _ in watched]
    if (fault := _fault_of_names(line, watched, names)) is not None:
        return fault
    nominated = (
        members(value for name, value in watched if name == b"connection")
        if b"connection" in names
        else []
    )
    if not _NEVER_NOMINATED.isdisjoint(nominated):
        return Fault.CONNECTION_NOMINATES
    content_bytes = _content_bytes(line, head, names)
    if isinstance(content_bytes, Fault):
        return content_bytes
    if content_bytes != 0 and b"upgrade" in names and b"upgrade" in nominated:
        return Fault.UPGRADE_WITH_CONTENT
    return Terms(
        keep_alive=line.is_http_11 and b"close" not in nominated,
        expects_continue=line.is_http_11
        and b"expect" in names
        and any(name == b"expect" and value.lower() == b"100-continue" for name, value in watched),
        content_bytes=content_bytes,
    )


def _fault_of_line(head: bytes, limits: Limits) -> Fault:
    line_end = head.find(b"\n")
    if line_end > limits.target_bytes + 64:
        return Fault.TARGET_TOO_LONG
    return Fault.VERSION if _OTHER_VERSION.match(head) else Fault.REQUEST_LINE


def _from_absolute_form(target: bytes) -> bytes | None:
    """Path and query of `http://authority/path?query`, byte for byte (RFC 9112 3.2.2)."""
    match = _ABSOLUTE.fullmatch(target)
    if match is None or _HOST.fullmatch(match[1]) is None:
        return None
    rest: bytes = match[2] or b"/"
    return rest if rest[0] == _SLASH else b"/" + rest


def _fault_of_names(
    line: RequestLine, watched: list[tuple[bytes, bytes]], names: list[bytes]
) -> Fault | None:
    if names.count(b"authorization") > 1:
        return Fault.AUTHORIZATION_REPEATED
    count = names.count(b"host")
    if count == 0:
        return Fault.HOST_MISSING if line.is_http_11 else None
    if count > 1:
        return Fault.HOST_REPEATED
    value = watched[names.index(b"host")][1]
    return None if _HOST.fullmatch(value) else Fault.HOST_INVALID


def _content_bytes(line: RequestLine, head: bytes, names: list[bytes]) -> int | Fault | None:
    """The one length of the content; the raw head is asked, since tabs and lists hide in values."""
    chunked, sized = names.count(b"transfer-encoding"), names.count(b"content-length")
    if chunked:
        is_sound = chunked == 1 and not sized and line.is_http_11 and _CHUNKED.search(head)
        return None if is_sound else Fault.TRANSFER_ENCODING
    if not sized:
        return 0
    match = _LENGTH.search(head)
    return int(match[1]) if sized == 1 and match else Fault.CONTENT_LENGTH
