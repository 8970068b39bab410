"""Where a request's content ends: counted, or chunked and read strictly (RFC 9112 6 and 7.1).

Pure and incremental: bytes in, content and what follows it out. Extensions are checked and
dropped, trailer fields too: a field that arrives after the content was routed must not count.
"""

import enum
import re
from typing import Final, NamedTuple

MAX_LINE_BYTES: Final = 4_096
MAX_EXTENSION_BYTES: Final = 4_096
"""Of all chunks of one message together."""
MAX_TRAILER_BYTES: Final = 8_192

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_SIZE_LINE: Final = re.compile(
    rb"([0-9A-Fa-f]{1,15})((?:;" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?)*)"
)
_TRAILER_LINE: Final = re.compile(rb"(" + _TOKEN + rb"):[\t -~\x80-\xff]*")
_UNFINISHED_LINE: Final = re.compile(rb"[\t -~\x80-\xff]*\r?")
_NEVER_A_TRAILER: Final = frozenset(
    {b"authorization", b"content-length", b"host", b"transfer-encoding"}
)


class ChunkError(ValueError):
    """The chunked framing is broken; nothing that follows can be understood."""


class Piece(NamedTuple):
    """Content found, and the bytes after its end; `rest` is None while the end is not reached."""

    content: bytes
    rest: bytes | None


class SizedContent:
    """Content of a stated length, at least one byte."""

    def __init__(self, length: int) -> None:
        self._left = length

    def feed(self, data: bytes) -> Piece:
        if len(data) < self._left:
            self._left -= len(data)
            return Piece(data, None)
        left, self._left = self._left, 0
        return Piece(data[:left], data[left:])


class _Expect(enum.Enum):
    SIZE = enum.auto()
    DATA = enum.auto()
    DATA_END = enum.auto()
    TRAILER = enum.auto()


class ChunkedContent:
    """Content in chunks; nothing but one unfinished line is ever kept."""

    def __init__(self) -> None:
        self._expect = _Expect.SIZE
        self._left = 0
        self._line = b""
        self._extension_bytes = 0
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> Piece:
        """Raises ChunkError."""
        if self._line:
            data, self._line = self._line + data, b""
        position = 0
        pieces: list[bytes] = []
        while position < len(data):
            if self._expect is _Expect.DATA:
                piece = data[position : position + self._left]
                pieces.append(piece)
                position += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._expect = _Expect.DATA_END
                continue
            end = data.find(b"\r\n", position)
            if end < 0:
                self._keep_line(data[position:])
                break
            if self._read_line(data[position:end]):
                return Piece(b"".join(pieces), data[end + 2 :])
            position = end + 2
        return Piece(b"".join(pieces), None)

    def _keep_line(self, line: bytes) -> None:
        if len(line) > MAX_LINE_BYTES or not _UNFINISHED_LINE.fullmatch(line):
            raise ChunkError
        if self._expect is _Expect.DATA_END and line != b"\r":
            raise ChunkError
        self._line = line

    def _read_line(self, line: bytes) -> bool:
        """Whether this line, which ended, was the last of the message."""
        if self._expect is _Expect.DATA_END:
            if line:
                raise ChunkError
            self._expect = _Expect.SIZE
        elif self._expect is _Expect.SIZE:
            self._read_size(line)
        else:
            return self._read_trailer(line)
        return False

    def _read_size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line) if len(line) <= MAX_LINE_BYTES else None
        if match is None:
            raise ChunkError
        self._extension_bytes += len(match[2])
        if self._extension_bytes > MAX_EXTENSION_BYTES:
            raise ChunkError
        self._left = int(match[1], 16)
        self._expect = _Expect.DATA if self._left else _Expect.TRAILER

    def _read_trailer(self, line: bytes) -> bool:
        if not line:
            return True
        self._trailer_bytes += len(line)
        match = _TRAILER_LINE.fullmatch(line)
        if self._trailer_bytes > MAX_TRAILER_BYTES or match is None:
            raise ChunkError
        if match[1].lower() in _NEVER_A_TRAILER:
            raise ChunkError
        return False
