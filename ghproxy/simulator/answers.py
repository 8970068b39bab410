"""From a rendering or a refusal to the bytes of an answer: codings, framing, tags.

gzip only where the client takes it and for the statuses that nginx compresses (200, 403, 404); a
compressed answer is chunked and its tag weak, any other has its length and a strong tag.
"""

import gzip

import msgspec

from ghproxy.simulator import heads
from ghproxy.simulator.asked import Asked
from ghproxy.simulator.errors import Refusal
from ghproxy.simulator.exchange import Exchange, Moment
from ghproxy.simulator.message import Answer, Ending
from ghproxy.simulator.reply import JSON_TYPE
from ghproxy.simulator.representation import GZIP_MINIMUM_BYTES, PRETTY_AGENTS, Rendering

_ZIPPED_STATUSES = frozenset({200, 403, 404})
_NO_AGENT = (
    b"\r\nRequest forbidden by administrative rules. Please make sure your request has a "
    b"User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api"
    b"#user-agent-required). Check https://developer.github.com for other possible causes.\r\n"
)


def answer_from_rendering(rendering: Rendering, exchange: Exchange, tag: bytes | None) -> Answer:
    """The whole answer; `tag` is the opaque tag, None where the answer has none."""
    reply, asked = rendering.reply, exchange.asked
    if reply.status == 204:
        return Answer(204, _plain(rendering, exchange, b""))
    if reply.stream is not None:
        framing = b"Content-Length: %d\r\n" % reply.stream_bytes
        line = b'ETag: "%s"\r\n' % tag if tag is not None else b""
        head = heads.success(rendering, exchange, line, (b"", framing))
        return Answer(reply.status, head, reply.stream)
    zipped = (
        reply.status in _ZIPPED_STATUSES
        and asked.takes_gzip
        and len(rendering.content) >= GZIP_MINIMUM_BYTES
    )
    content = rendering.form(pretty=_wants_pretty(asked), zipped=zipped)
    line = b""
    if tag is not None:
        line = b'ETag: W/"%s"\r\n' % tag if zipped else b'ETag: "%s"\r\n' % tag
    framing, content = _framed(content, zipped=zipped, chunked=not exchange.credential.is_anonymous)
    coding = b"Content-Encoding: gzip\r\n" if zipped else b""
    if rendering.operation.resource == "graphql" or reply.status not in {200, 201}:
        return Answer(reply.status, _plain(rendering, exchange, coding + framing), content)
    head = heads.success(rendering, exchange, line, (coding, framing))
    return Answer(reply.status, head, content)


def answer_from_refusal(refusal: Refusal, exchange: Exchange) -> Answer:
    """An error or a redirect as JSON."""
    operation, asked = exchange.operation, exchange.asked
    docs, scopes, permissions = (
        (operation.docs, operation.scopes, operation.permissions) if operation else ("", "", "")
    )
    content = msgspec.json.encode(refusal.value(docs))
    if _wants_pretty(asked):
        content = msgspec.json.format(content, indent=2) + b"\n"
    zipped = refusal.status in _ZIPPED_STATUSES and asked.takes_gzip
    if zipped:
        content = gzip.compress(content, mtime=0)
    framing, content = _framed(content, zipped=zipped, chunked=True)
    if zipped:
        framing = b"Content-Encoding: gzip\r\n" + framing
    head = heads.plain(
        refusal.status,
        exchange.moment,
        content_type=JSON_TYPE,
        framing=framing,
        own_lines=heads.own_lines(exchange.credential, scopes, permissions),
        limits=exchange.limits,
        location=refusal.location or "",
    )
    return Answer(refusal.status, head, content)


def answer_without_agent(moment: Moment) -> Answer:
    head = heads.status_line(403) + (
        b"Cache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html; "
        b"charset=utf-8\r\nContent-Length: %d\r\nX-GitHub-Request-Id: %s\r\n\r\n"
        % (len(_NO_AGENT), moment.request_id)
    )
    return Answer(403, head, _NO_AGENT, Ending.CLOSE)


def answer_to_noise(moment: Moment) -> Answer:
    """What is no HTTP request."""
    content = b"<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n"
    head = heads.status_line(400) + (
        b"Content-Length: %d\r\nCache-Control: no-cache\r\nConnection: close\r\n"
        b"Content-Type: text/html\r\nX-GitHub-Request-Id: %s\r\n\r\n"
        % (len(content), moment.request_id)
    )
    return Answer(400, head + content, b"", Ending.CLOSE)


def answer_as_ordered(status: int, content: bytes, content_type: str, exchange: Exchange) -> Answer:
    """An answer that a fault states."""
    head = heads.plain(
        status,
        exchange.moment,
        content_type=content_type.encode("latin-1"),
        framing=b"Content-Length: %d\r\n" % len(content),
        limits=exchange.limits,
    )
    return Answer(status, head, content)


def _plain(rendering: Rendering, exchange: Exchange, framing: bytes) -> bytes:
    operation, reply, moment = rendering.operation, rendering.reply, exchange.moment
    if operation.resource == "graphql":
        moment = Moment(moment.date, moment.request_id, b"")
    return heads.plain(
        reply.status,
        moment,
        content_type=reply.content_type if framing else b"",
        framing=framing,
        own_lines=heads.own_lines(exchange.credential, operation.scopes, operation.permissions),
        media_field=rendering.media_field,
        limits=exchange.limits,
        location=reply.location,
    )


def _framed(content: bytes, *, zipped: bool, chunked: bool) -> tuple[bytes, bytes]:
    if not zipped or not chunked:
        return b"Content-Length: %d\r\n" % len(content), content
    return b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)


def _wants_pretty(asked: Asked) -> bool:
    return PRETTY_AGENTS.search(asked.user_agent or b"") is not None
