"""One whole request head in, one request or one refusal out: llhttp and `hygiene` must both agree.

llhttp sees heads only, each in one piece; where content ends is found by `framing`, which knows
the place in the bytes, as llhttp's callbacks do not.
"""

from typing import NamedTuple

import httptools

from ghproxy.web import hygiene
from ghproxy.web.errors import Fault


class Request(NamedTuple):
    """What a head says; field names in lower case, values without the white space around them."""

    line: hygiene.RequestLine
    fields: list[tuple[bytes, bytes]]
    terms: hygiene.Terms


class Refused(NamedTuple):
    """Why a head is refused; `detail` is llhttp's reason, which quotes nothing of the head."""

    fault: Fault
    detail: str = ""


class HeadReader:
    """Reads the heads of one connection, one after another."""

    def __init__(self, limits: hygiene.Limits) -> None:
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._fields: list[tuple[bytes, bytes]] = []
        self._is_complete = False

    def read(self, head: bytes) -> Request | Refused:
        """The head ends with the empty line, and nothing follows it."""
        line = hygiene.read_request_line(head, self._limits)
        if isinstance(line, Fault):
            return Refused(line)
        if len(head) > self._limits.head_bytes:
            return Refused(Fault.HEAD_TOO_LARGE)
        if (refused := self._parse(head)) is not None:
            return refused
        fields = self._fields
        if b" \r\n" in head or b"\t\r\n" in head:
            fields = [(name, value.rstrip(b" \t")) for name, value in fields]
        terms = hygiene.read_terms(line, head, fields, self._limits)
        if isinstance(terms, Fault):
            return Refused(terms)
        if terms.content_bytes != 0:
            self._parser = httptools.HttpRequestParser(self)  # the old one waits for content
        return Request(line, fields, terms)

    def _parse(self, head: bytes) -> Refused | None:
        self._fields = []
        self._is_complete = False
        try:
            self._parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            self._parser = httptools.HttpRequestParser(self)  # the old one has left HTTP
        except httptools.HttpParserInvalidMethodError:
            return Refused(Fault.METHOD_UNKNOWN)
        except httptools.HttpParserError as error:
            return Refused(Fault.FIELD_LINE, str(error))
        return None if self._is_complete else Refused(Fault.FIELD_LINE)

    # Called back by llhttp

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._is_complete = True
