"""A reply as bytes: JSON, its pretty form, its gzip form, its entity tags; each made once.

Pretty-printing comes after hashing and gzip after both, as on GitHub (github-api.md 3.2, 3.5).
"""

import gzip
import re

import msgspec

from ghproxy.simulator.clock import http_date
from ghproxy.simulator.entity_tags import opaque_tag
from ghproxy.simulator.media import Media
from ghproxy.simulator.reply import JSON_TYPE, Reply
from ghproxy.simulator.routes import Operation

GZIP_MINIMUM_BYTES = 20
"""nginx's gzip_min_length; GitHub's front end is nginx (github-api.md 3.5), the value inferred."""
PRETTY_AGENTS = re.compile(rb"curl|Wget|Safari|Firefox")
_APP_VARY = b"Accept, Authorization, Cookie, X-GitHub-OTP,"
FRONT_VARY = b"Accept-Encoding, Accept, X-Requested-With"
_TAG_MEMO_LIMIT = 256
_GZIP_LEVEL = 6


class Rendering:
    """One reply to one operation, encoded on demand."""

    __slots__ = (
        "_forms",
        "_tags",
        "content",
        "last_modified",
        "link",
        "media_field",
        "operation",
        "private_lines",
        "public_lines",
        "reply",
        "version",
    )

    def __init__(self, operation: Operation, reply: Reply, media: Media) -> None:
        self.operation = operation
        self.reply = reply
        self.version = -1 if reply.scope is None else reply.scope.version
        self.content = reply.text if reply.text is not None else msgspec.json.encode(reply.value)
        self.media_field = reply.media_field or media.field
        self.last_modified = (
            b""
            if reply.last_modified is None
            else b"Last-Modified: %s\r\n" % http_date(reply.last_modified)
        )
        self.link = b"Link: %s\r\n" % reply.link.encode("latin-1") if reply.link else b""
        self.private_lines = _cache_lines(b"private", _APP_VARY, operation.max_age)
        self.public_lines = _cache_lines(b"public", b"Accept,", operation.max_age)
        self._tags: dict[tuple[bytes | None, bytes | None], bytes] = {}
        self._forms: dict[tuple[bool, bool], bytes] = {}

    def is_current(self) -> bool:
        scope = self.reply.scope
        return scope is not None and scope.version == self.version

    @property
    def has_tag(self) -> bool:
        reply = self.reply
        if reply.git_sha is not None:
            return True
        return self.operation.max_age is not None and reply.stream is None

    def opaque_tag(
        self, accept: bytes | None, authorization: bytes | None, cookie: bytes | None
    ) -> bytes:
        """The tag of this content for a request with these values.

        Accept is part of what a rendering was made for, so the memo need not hold it.
        """
        if self.reply.git_sha is not None:
            return self.reply.git_sha.encode("ascii")
        found = self._tags.get((authorization, cookie))
        if found is None:
            values = {"accept": accept, "authorization": authorization, "cookie": cookie}
            fields = {name: value for name, value in values.items() if value is not None}
            found = opaque_tag(self.content, fields, fields.keys())
            if len(self._tags) >= _TAG_MEMO_LIMIT:
                self._tags.clear()
            self._tags[authorization, cookie] = found
        return found

    def form(self, *, pretty: bool, zipped: bool) -> bytes:
        """The content as it leaves."""
        pretty = pretty and self.reply.content_type == JSON_TYPE
        key = (pretty, zipped)
        found = self._forms.get(key)
        if found is None:
            found = msgspec.json.format(self.content, indent=2) + b"\n" if pretty else self.content
            if zipped:
                found = gzip.compress(found, _GZIP_LEVEL, mtime=0)
            self._forms[key] = found
        return found

    def size(self) -> int:
        """Bytes held, about."""
        return len(self.content) + sum(map(len, self._forms.values())) + 1000


def _cache_lines(audience: bytes, app_vary: bytes, max_age: int | None) -> bytes:
    if max_age is None:
        control = b"no-cache"
    else:
        control = b"%s, max-age=%d, s-maxage=%d" % (audience, max_age, max_age)
    return b"Cache-Control: %s\r\nVary: %s%s\r\n" % (control, app_vary, FRONT_VARY)
