"""What a stored response is found by: the partition, and everything GitHub selects on.

GitHub's Vary names Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding and
X-Requested-With; it selects on X-GitHub-Api-Version, Time-Zone and further X-GitHub fields without
saying so. Requests with Cookie or X-GitHub-OTP never get here (`caching.before_lookup`), content
coding is settled per client (`answering`). The target counts byte for byte.
"""

import hashlib
from typing import Final

from ghproxy.core.credential import Credential
from ghproxy.core.message import Fields, RequestHead
from ghproxy.core.stored import CacheKey

_SELECTING: Final = frozenset({b"accept", b"time-zone", b"x-requested-with"})
_COVERED: Final = _SELECTING | {b"authorization", b"cookie", b"accept-encoding"}


def is_selecting(name: bytes) -> bool:
    """Whether a request field takes part in the key."""
    return name in _SELECTING or name.startswith(b"x-github-")


def is_covered(name: bytes) -> bool:
    """Whether a field that Vary names is accounted for by the key, the partition or `answering`."""
    return name in _COVERED or name.startswith(b"x-github-")


def selecting_fields(fields: Fields) -> list[tuple[bytes, bytes]]:
    """The lines that select, by name; lines of one name keep their order."""
    selected = [line for line in fields if is_selecting(line[0])]
    selected.sort(key=_name)
    return selected


def cache_key(origin: bytes, request: RequestHead, credential: Credential) -> CacheKey:
    """The key; `origin` (scheme, authority, base path) keeps two upstreams apart in one store."""
    parts = [origin, request.target]
    for line in selecting_fields(request.fields):
        parts += line
    # LF cannot occur in a target or a field, so the joined parts cannot be split another way.
    return CacheKey(hashlib.sha256(b"\n".join(parts)).digest(), credential.partition)


def _name(line: tuple[bytes, bytes]) -> bytes:
    return line[0]
