"""Framing of one HTTP/1.1 exchange (RFC 9112): a request's head as bytes, a response's content.

Pure: no socket, no parser. Whatever could smuggle a second request into the first is refused here
with ValueError, because it is the caller's fault and never the origin's. llhttp reads responses
strictly; what it would still let pass and we would not is refused by `content_framing`.
"""

import enum
import re
from typing import Final

from ghproxy.core.fields import HOP_BY_HOP, has, members, values
from ghproxy.core.message import Fields
from ghproxy.upstream.base import UpstreamRequest

LARGE_CONTENT_BYTES: Final = 16 * 1024
"""Content above this goes out as a second write: joining it would copy it."""

NOT_END_TO_END: Final = HOP_BY_HOP | {b"host", b"content-length"}
"""What a request's fields never hold: the upstream writes it, or nobody does."""

_EXPECTS_CONTENT: Final = frozenset({"POST", "PUT", "PATCH"})
_NOT_IN_TARGET: Final = bytes(range(0x21)) + bytes(range(0x7F, 0x100))
_is_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch

_METHODS: dict[str, bytes] = {}
_NAMES: set[bytes] = set()
_MEMO_LIMIT: Final = 1024


class ContentFraming(enum.Enum):
    """How the end of a response's content is found (RFC 9112 6.3)."""

    LENGTH = 1
    CHUNKED = 2
    CLOSE = 3


def request_head(request: UpstreamRequest, authority: bytes) -> bytes:
    """Request line and field lines up to the empty line; Host first, framing last.

    Raises ValueError where method, target, a name or a value would not arrive as one head.
    """
    method = _METHODS.get(request.method) or _method(request.method)
    target = request.target
    if request.content_bytes is not None and request.content_bytes < 0:
        raise ValueError("content cannot be shorter than nothing")
    if target[:1] != b"/" or len(target.translate(None, _NOT_IN_TARGET)) != len(target):
        raise ValueError("a target begins with / and holds visible ASCII only")
    lines = [method, target, b" HTTP/1.1\r\nhost: ", authority, b"\r\n"]
    known = _NAMES
    for name, value in request.fields:
        if name not in known:
            _check_name(name)
        lines += (name, b": ", value, b"\r\n")
    for name, value in (ours := framing_fields(request)):
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"\r\n")
    head = b"".join(lines)
    # Each line was ended by us once: one more CR or LF came in with a value.
    ends = 3 + len(request.fields) + len(ours)
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
        raise ValueError("a field value holds CR, LF or NUL")
    return head


def framing_fields(request: UpstreamRequest) -> Fields:
    """The field line that says where the request ends (RFC 9112 6.3), where one is needed."""
    content = request.content
    if not isinstance(content, bytes):
        if request.content_bytes is None:
            return ((b"transfer-encoding", b"chunked"),)
        return ((b"content-length", b"%d" % request.content_bytes),)
    if content or request.method in _EXPECTS_CONTENT:
        return ((b"content-length", b"%d" % len(content)),)
    return ()


def is_retryable(request: UpstreamRequest) -> bool:
    """GET and HEAD without content may be sent twice (RFC 9110 9.2.2, narrowed)."""
    return request.method in ("GET", "HEAD") and request.content == b""


def content_framing(fields: Fields) -> ContentFraming:
    """How a response that has content ends it; ValueError where the origin did not say clearly.

    For responses that llhttp accepted: it has refused lengths that are doubled, signed, listed or
    accompanied by Transfer-Encoding already.
    """
    codings = values(fields, b"transfer-encoding")
    if codings:
        if len(codings) != 1 or codings[0].lower() != b"chunked":
            raise ValueError("a transfer coding other than chunked")
        return ContentFraming.CHUNKED
    return ContentFraming.LENGTH if has(fields, b"content-length") else ContentFraming.CLOSE


def may_persist(fields: Fields) -> bool:
    """Whether an HTTP/1.1 response leaves its connection open (RFC 9112 9.3)."""
    return b"close" not in members(values(fields, b"connection"))


def section_bytes(fields: Fields) -> int:
    """The size of the field lines on the wire."""
    return sum(len(name) + len(value) + 4 for name, value in fields)


def chunk(piece: bytes) -> bytes:
    """One chunk of a chunked request (RFC 9112 7.1)."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


LAST_CHUNK: Final = b"0\r\n\r\n"


def _method(method: str) -> bytes:
    line = method.encode("ascii", "replace")
    if not _is_token(line) or method in ("CONNECT", "TRACE"):
        raise ValueError("not a method that can be forwarded")
    if len(_METHODS) < _MEMO_LIMIT:
        _METHODS[method] = line + b" "
    return line + b" "


def _check_name(name: bytes) -> None:
    if not _is_token(name) or name in NOT_END_TO_END or name != name.lower():
        raise ValueError("not the lower-case name of an end-to-end field")
    if len(_NAMES) < _MEMO_LIMIT:
        _NAMES.add(name)
