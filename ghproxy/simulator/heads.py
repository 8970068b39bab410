"""Response heads as GitHub writes them, field by field, in the order of the recordings.

Which fields an answer has depends on its status and on who asked: authorised, anonymous (served by
GitHub's edge, hence another order) or an App's JWT (no rate limits). Evidence: the golden header
sets, github-api.md 3.4 and 3.5.
"""

from http import HTTPStatus

from ghproxy.simulator.credentials import Credential
from ghproxy.simulator.exchange import Exchange, Moment
from ghproxy.simulator.representation import FRONT_VARY, Rendering

_BROWSERS = (
    b"Access-Control-Expose-Headers: ETag, Link, Location, Retry-After, X-GitHub-OTP, "
    b"X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Used, X-RateLimit-Resource, "
    b"X-RateLimit-Reset, X-OAuth-Scopes, X-Accepted-OAuth-Scopes, X-Poll-Interval, "
    b"X-GitHub-Media-Type, X-GitHub-SSO, X-GitHub-Request-Id, Deprecation, Sunset, Warning\r\n"
    b"Access-Control-Allow-Origin: *\r\n"
    b"Strict-Transport-Security: max-age=31536000; includeSubdomains; preload\r\n"
    b"X-Frame-Options: deny\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"X-XSS-Protection: 0\r\n"
    b"Referrer-Policy: origin-when-cross-origin, strict-origin-when-cross-origin\r\n"
    b"Content-Security-Policy: default-src 'none'\r\n"
)
_STATUS_LINES = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
}
_EDGE = b"X-GitHub-Edge-Region: sim\r\n"


def status_line(status: int) -> bytes:
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status


def not_modified(rendering: Rendering, exchange: Exchange, tag: bytes) -> bytes:
    """A 304: always the strong tag; Link and the media type only where the edge replays them."""
    credential, moment, limits = exchange.credential, exchange.moment, exchange.limits
    if credential.is_anonymous:
        return (
            b"HTTP/1.1 304 Not Modified\r\nDate: %s\r\n%sETag: \"%s\"\r\n%s"
            b"x-github-api-version-selected: %s\r\n%sServer: github.com\r\n"
            b"Content-Type: %s\r\nX-GitHub-Media-Type: %s\r\n%s%sAccept-Ranges: bytes\r\n%s"
            b"X-GitHub-Request-Id: %s\r\n\r\n"
            % (
                moment.date, rendering.public_lines, tag, rendering.last_modified,
                moment.api_version, _BROWSERS, rendering.reply.content_type,
                rendering.media_field, _poll(rendering), rendering.link, limits,
                moment.request_id,
            )
        )  # fmt: skip
    lines = rendering.private_lines if credential.selects else rendering.public_lines
    return (
        b"HTTP/1.1 304 Not Modified\r\nServer: GitHub.com\r\nDate: %s\r\n%sETag: \"%s\"\r\n%s"
        b"x-github-api-version-selected: %s\r\n%s%sX-GitHub-Request-Id: %s\r\n\r\n"
        % (
            moment.date, lines, tag, rendering.last_modified, moment.api_version, limits,
            _BROWSERS, moment.request_id,
        )
    )  # fmt: skip


def success(
    rendering: Rendering, exchange: Exchange, tag_line: bytes, coding: tuple[bytes, bytes]
) -> bytes:
    """An answer with content of its own and, usually, an entity tag.

    `coding` is the Content-Encoding line, if any, and the line that frames the content.
    """
    credential, moment, limits = exchange.credential, exchange.moment, exchange.limits
    if credential.is_anonymous:
        return _anonymous_success(rendering, exchange, tag_line, coding)
    reply = rendering.reply
    encoding, framing = coding
    is_plain = framing.startswith(b"Content-Length")
    return b"".join(
        (
            status_line(reply.status),
            b"Date: ", moment.date,
            b"\r\nContent-Type: ", reply.content_type, b"\r\n",
            framing if is_plain else b"",
            rendering.private_lines if credential.selects else rendering.public_lines,
            tag_line,
            rendering.last_modified,
            _poll(rendering),
            _scopes(rendering.operation.scopes, credential),
            credential.expiry_fields,
            _location(reply.location),
            b"X-GitHub-Media-Type: ", rendering.media_field, b"\r\n",
            rendering.link,
            _permissions(rendering.operation.permissions, credential),
            b"x-github-api-version-selected: ", moment.api_version, b"\r\n",
            _BROWSERS,
            encoding,
            b"" if is_plain else framing,
            b"Server: github.com\r\n",
            limits,
            b"X-GitHub-Request-Id: ", moment.request_id, b"\r\n",
            _EDGE if credential.selects else b"",
            b"\r\n",
        )
    )  # fmt: skip


def _anonymous_success(
    rendering: Rendering, exchange: Exchange, tag_line: bytes, coding: tuple[bytes, bytes]
) -> bytes:
    reply, moment = rendering.reply, exchange.moment
    return b"".join(
        (
            status_line(reply.status),
            b"Date: ", moment.date, b"\r\n",
            rendering.public_lines,
            tag_line,
            rendering.last_modified,
            b"x-github-api-version-selected: ", moment.api_version, b"\r\n",
            _BROWSERS,
            b"Server: github.com\r\nContent-Type: ", reply.content_type,
            b"\r\nX-GitHub-Media-Type: ", rendering.media_field, b"\r\n",
            _poll(rendering),
            rendering.link,
            coding[0],
            b"Accept-Ranges: bytes\r\n",
            exchange.limits,
            coding[1],
            b"X-GitHub-Request-Id: ", moment.request_id, b"\r\n\r\n",
        )
    )  # fmt: skip


def plain(
    status: int,
    moment: Moment,
    *,
    content_type: bytes,
    framing: bytes,
    own_lines: bytes = b"",
    media_field: bytes = b"github.v3; format=json",
    limits: bytes = b"",
    location: str = "",
) -> bytes:
    """An answer nobody may keep: errors, redirects, 204, GraphQL; no tag, no Cache-Control."""
    return b"".join(
        (
            status_line(status),
            b"Date: ", moment.date, b"\r\n",
            b"Content-Type: %s\r\n" % content_type if content_type else b"",
            framing if framing.startswith(b"Content-Length") else b"",
            own_lines,
            _location(location),
            b"X-GitHub-Media-Type: ", media_field, b"\r\n",
            b"x-github-api-version-selected: %s\r\n" % moment.api_version
            if moment.api_version else b"",
            limits,
            _BROWSERS,
            b"Vary: ", FRONT_VARY, b"\r\n",
            b"" if framing.startswith(b"Content-Length") else framing,
            b"Server: github.com\r\nX-GitHub-Request-Id: ", moment.request_id, b"\r\n\r\n",
        )
    )  # fmt: skip


def own_lines(credential: Credential, scopes: str, permissions: str) -> bytes:
    """What an uncacheable answer says about the credential."""
    return (
        _scopes(scopes, credential)
        + credential.expiry_fields
        + _permissions(permissions, credential)
    )


def _scopes(accepted: str, credential: Credential) -> bytes:
    if not credential.shows_scopes:
        return b""
    return credential.scope_fields + b"X-Accepted-OAuth-Scopes: %s\r\n" % accepted.encode()


def _permissions(accepted: str, credential: Credential) -> bytes:
    if not credential.shows_permissions or not accepted:
        return b""
    return b"X-Accepted-GitHub-Permissions: %s\r\n" % accepted.encode()


def _poll(rendering: Rendering) -> bytes:
    seconds = rendering.operation.poll_interval
    return b"" if seconds is None else b"X-Poll-Interval: %d\r\n" % seconds


def _location(location: str) -> bytes:
    return b"Location: %s\r\n" % location.encode("latin-1") if location else b""
