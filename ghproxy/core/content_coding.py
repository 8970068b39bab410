"""Content codings (RFC 9110 8.4): what a client accepts, and gzip taken off in bounded steps."""

import zlib
from collections.abc import Iterator
from typing import Final

from ghproxy.core.fields import members, values
from ghproxy.core.message import Fields

_STEP_BYTES: Final = 262_144
_GZIP_WINDOW: Final = 31


def accepts_gzip(fields: Fields) -> bool:
    """Whether a request asks for gzip.

    Without Accept-Encoding GitHub sends identity, so that is what its clients expect.
    """
    accepted = False
    for member in members(values(fields, b"accept-encoding")):
        coding, _, parameters = member.partition(b";")
        weight = parameters.replace(b" ", b"")
        is_refused = weight.startswith(b"q=0") and not weight[2:].strip(b"0.")
        match coding.strip():
            case b"gzip" | b"x-gzip":
                return not is_refused
            case b"*":
                accepted = not is_refused
    return accepted


def is_gzip(fields: Fields) -> bool:
    """Whether a response's content is gzip, and nothing else on top."""
    return members(values(fields, b"content-encoding")) == [b"gzip"]


class Gunzip:
    """Takes gzip off content that arrives in pieces; no step yields more than 256 KiB at once.

    Any number of members may follow each other (RFC 1952 2.2); no content at all is none.
    """

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(_GZIP_WINDOW)
        self._is_between = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these bytes uncompress to; raises ValueError where they are damaged."""
        while data:
            if self._decoder.eof:
                self._decoder = zlib.decompressobj(_GZIP_WINDOW)
            try:
                chunk = self._decoder.decompress(data, _STEP_BYTES)
            except zlib.error as error:
                raise ValueError("the gzip content is damaged") from error
            self._is_between = self._decoder.eof
            if chunk:
                yield chunk
            data = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail

    def finish(self) -> None:
        """Say that nothing more comes; raises ValueError where something is missing."""
        if not self._is_between:
            raise ValueError("the gzip content is cut short")


def gunzip(content: bytes) -> Iterator[bytes]:
    """The uncompressed content in bounded chunks; raises ValueError where damaged."""
    decoder = Gunzip()
    yield from decoder.feed(content)
    decoder.finish()


def is_intact(content: bytes, limit_bytes: int | None = None) -> bool | None:
    """Whether this is whole gzip; None where it uncompresses to more than the limit."""
    size = 0
    try:
        for chunk in gunzip(content):
            size += len(chunk)
            if limit_bytes is not None and size > limit_bytes:
                return None
    except ValueError:
        return False
    return True
