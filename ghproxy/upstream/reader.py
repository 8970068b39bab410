"""Reads responses off one connection: bytes in, one exchange filled, at most one error out.

No socket and no clock. llhttp (httptools) is the parser; this adds what it cannot know (that the
request was HEAD), what it does not bound (the head, trailers, chunk extensions) and what it lets
pass (other versions, leading or trailing line ends, transfer codings, a switch of protocols).
Whatever is not exactly one well-formed response leaves `is_reusable` false.
"""

from typing import Final

import httptools

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.core.message import ResponseHead
from ghproxy.upstream.exchange import Exchange
from ghproxy.upstream.framing import (
    ContentFraming,
    content_framing,
    may_persist,
    section_bytes,
)

_VERSIONS: Final = (b"HTTP/1.1 ", b"HTTP/1.0 ")
_END: Final = b"\r\n\r\n"
_EXCESS: Final = b"\r\n\r\n\r\n"


class ResponseReader:
    """One response after another; `begin` before each, `feed` until `is_over`."""

    __slots__ = (
        "_error",
        "_exchange",
        "_fields",
        "_has_excess",
        "_is_at_start",
        "_is_interim",
        "_is_persistent",
        "_last_piece",
        "_max_head_bytes",
        "_parser",
        "_start",
        "_uncounted_bytes",
        "ends_at_close",
        "is_over",
    )

    def __init__(self, max_head_bytes: int) -> None:
        self._max_head_bytes = max_head_bytes
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._error: UpstreamError | None = None
        self._start = b""
        self._last_piece = b""
        self._uncounted_bytes = 0
        self._has_excess = False
        self._is_at_start = True
        self._is_interim = False
        self._is_persistent = False
        self.ends_at_close = False
        """An orderly end of the connection is the end of the content."""
        self.is_over = False
        """The response has ended; nothing more may be fed before the next `begin`."""

    def begin(self, exchange: Exchange) -> None:
        """The next bytes belong to this exchange."""
        self._exchange = exchange
        self._is_at_start = True
        self._uncounted_bytes = 0
        self.ends_at_close = False
        self.is_over = False

    def feed(self, data: bytes) -> None:
        """Read on; raises UpstreamError where the origin broke the protocol or a limit."""
        if self._is_at_start:
            data = self._start + data
            self._start = b""
            if not data.startswith(_VERSIONS):
                self._keep_split_start(data)
                return
            self._is_at_start = False
        self._uncounted_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._has_excess = True
            if not self.is_over:
                raise self._error or _broken("a response that breaks HTTP's framing") from None
        if self._error is not None:
            raise self._error
        if self.is_over:
            self._has_excess = self._has_excess or not self._ends_with_message(data)
            self._forget()
        elif self._uncounted_bytes > self._max_head_bytes:
            raise self._too_large()

    @property
    def is_reusable(self) -> bool:
        """Whether the connection may carry another exchange, once this one is over."""
        return self._is_persistent and not self._has_excess

    def let_go(self) -> None:
        """Break the cycle with the parser, whose callbacks hold this object."""
        del self._parser

    # httptools calls these

    def on_message_begin(self) -> None:
        if self.is_over:
            self._has_excess = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        exchange = self._exchange
        if exchange is None or self.is_over or self._error is not None:
            return
        status = self._parser.get_status_code()
        fields = tuple(self._fields)
        self._fields = []
        limit = self._max_head_bytes
        if self._uncounted_bytes > limit and section_bytes(fields) > limit:
            self._error = self._too_large()
        elif 200 <= status <= 599:
            exchange.head = ResponseHead(status, fields)
            exchange.is_answered = True
            self._uncounted_bytes = 0
            self._frame_content(status, fields, is_head_only=exchange.is_head_only)
        elif 100 <= status < 200 and status != 101:
            self._is_interim = True
        else:
            self._error = _broken(f"the status {status} where it has no place")

    def on_body(self, piece: bytes) -> None:
        if self.is_over:
            self._has_excess = True
        elif self._exchange is not None and self._error is None:
            self._uncounted_bytes = 0
            self._last_piece = piece
            self._exchange.add(piece)

    def on_message_complete(self) -> None:
        self._fields = []  # trailers, if any, are not relayed
        if self._is_interim:
            self._is_interim = False
        else:
            self.is_over = True

    # Details

    def _frame_content(
        self, status: int, fields: tuple[tuple[bytes, bytes], ...], *, is_head_only: bool
    ) -> None:
        if is_head_only:
            self.is_over = True
            self._is_persistent = self._parser.get_http_version() == "1.1" and may_persist(fields)
            return
        self._is_persistent = self._parser.should_keep_alive()
        if status in (204, 304):
            return
        try:
            how = content_framing(fields)
        except ValueError as error:
            self._error = _broken(str(error))
            return
        self.ends_at_close = how is ContentFraming.CLOSE

    def _keep_split_start(self, data: bytes) -> None:
        """Keep what may still become a status line; raises UpstreamError for anything else."""
        if not any(version.startswith(data) for version in _VERSIONS):
            raise _broken("something that is not an HTTP/1 response")
        self._start = data

    def _forget(self) -> None:
        """An idle connection keeps nothing of the last exchange."""
        if self._exchange is not None and self._exchange.is_head_only:
            # This parser still waits for the content that an answer to HEAD does not have.
            self._parser = httptools.HttpResponseParser(self)
        self._exchange = None
        self._last_piece = b""

    def _ends_with_message(self, data: bytes) -> bool:
        """Whether the message's last byte was the input's.

        llhttp skips line ends after a message without a word. Where this cannot tell (an end cut
        into tiny pieces) the answer is no, which costs a connection and never an answer.
        """
        if self._last_piece and data.endswith(self._last_piece):
            return True
        return data.endswith(_END) and not data.endswith(_EXCESS)

    def _too_large(self) -> UpstreamError:
        return UpstreamError(
            ProxyError.HTTP_RESPONSE_HEADER_SECTION_SIZE,
            f"The origin's response head exceeds {self._max_head_bytes} bytes.",
        )


def _broken(what: str) -> UpstreamError:
    return UpstreamError(ProxyError.HTTP_PROTOCOL_ERROR, f"The origin sent {what}.")
