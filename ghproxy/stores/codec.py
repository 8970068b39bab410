"""Frames: how heads and contents look where they outlive the process, whatever keeps them.

A frame carries magic, version, kind, its own key, both lengths and a digest; all are checked on
read, and a frame with any defect, or of another version or key, is absent. Nothing here raises on
foreign bytes, and nothing may ever be unpickled (CVE-2025-69872).
"""

import hashlib
import struct
from typing import Final

import msgspec

from ghproxy.core.stored import CacheKey, StoredHead, content_digest

VERSION: Final = 1
"""To be raised whenever a StoredHead or a frame of the old shape would be read wrongly."""

_PREFIX: Final = struct.Struct(">4sBcHQ")  # magic, version, kind, key bytes, payload bytes
_MAGIC: Final = b"ghpx"
_HEAD: Final = b"h"
_CONTENT: Final = b"c"
_DIGEST_BYTES: Final = 32
FRAME_TRACES: Final = tuple(
    _PREFIX.pack(_MAGIC, VERSION, kind, name_bytes, 0)[:12]
    for kind, name_bytes in ((_HEAD, 2 * _DIGEST_BYTES), (_CONTENT, _DIGEST_BYTES))
)
"""How frames begin: enough to tell that a file is ours, even if it is no database any more."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(StoredHead).decode


def pack_head(head: StoredHead) -> bytes:
    """A head as one block, without the checks of a frame: for memory."""
    # The encoder's own result keeps its over-allocated buffer; the copy is exact.
    return bytes(memoryview(_encode(head)))


def unpack_head(block: bytes) -> StoredHead:
    return _decode(block)


def frame_from_head(key: CacheKey, head: StoredHead) -> bytes:
    """Prefix, key, packed head, and SHA-256 over all of them."""
    name = key.resource + key.partition
    payload = _encode(head)
    checked = _prefix(_HEAD, name, len(payload)) + name + payload
    return checked + hashlib.sha256(checked).digest()


def head_from_frame(key: CacheKey, frame: bytes) -> StoredHead | None:
    """The head that was framed under this key, or None."""
    name = key.resource + key.partition
    start = _PREFIX.size + len(name)
    end = len(frame) - _DIGEST_BYTES
    if end < start or frame[:start] != _prefix(_HEAD, name, end - start) + name:
        return None
    if hashlib.sha256(memoryview(frame)[:end]).digest() != frame[end:]:
        return None
    try:
        return _decode(memoryview(frame)[start:end])
    except msgspec.MsgspecError:
        return None


def frame_from_content(digest: bytes, content: bytes) -> bytes:
    """Prefix, key, content; the key is the content's own digest."""
    return b"".join((_prefix(_CONTENT, digest, len(content)), digest, content))


def content_from_frame(digest: bytes, frame: bytes) -> bytes | None:
    """The content of that digest, or None."""
    start = _PREFIX.size + len(digest)
    expected = _prefix(_CONTENT, digest, max(0, len(frame) - start)) + digest
    if len(frame) < start or frame[:start] != expected:
        return None
    content = frame[start:]
    return content if content_digest(content) == digest else None


def _prefix(kind: bytes, name: bytes, payload_bytes: int) -> bytes:
    return _PREFIX.pack(_MAGIC, VERSION, kind, len(name), payload_bytes)
