"""GitHub's entity tags (github-api.md 3.2) and the comparison of conditions (RFC 9110 13.1.2).

The tag is SHA-256 over the values of those of Accept, Authorization and Cookie that the request
has and that Vary names, each followed by a colon, and the content before pretty-printing.
"""

import hashlib
import re
from collections.abc import Collection, Mapping

_SELECTING = ("accept", "authorization", "cookie")
_OPAQUE_TAGS = re.compile(rb'(?:W/)?"([^"]*)"')


def opaque_tag(content: bytes, request_fields: Mapping[str, bytes], vary: Collection[str]) -> bytes:
    """Sixty-four hexadecimal digits; names are lower-case, `*` in Vary names them all."""
    digest = hashlib.sha256()
    for name in _SELECTING:
        if name in request_fields and (name in vary or "*" in vary):
            digest.update(request_fields[name] + b":")
    digest.update(content)
    return digest.hexdigest().encode("ascii")


def matches(condition: bytes, opaque: bytes) -> bool:
    """Whether an If-None-Match value names this tag: weak comparison, lists, `*`."""
    if condition == b'"%s"' % opaque or condition == b'W/"%s"' % opaque:
        return True
    return condition.strip() == b"*" or opaque in _OPAQUE_TAGS.findall(condition)
