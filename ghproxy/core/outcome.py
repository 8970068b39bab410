"""What happened to one exchange, frozen; log line, counters and fields are renderings of it.

Nothing here may hold a credential: labels and digests only.
"""

import enum

import msgspec

from ghproxy.core.rate_limit import RateLimit


class CacheMode(enum.StrEnum):
    """X-Cache-Mode, in Prow's words (STALE is ours)."""

    MISS = "MISS"
    CHANGED = "CHANGED"
    REVALIDATED = "REVALIDATED"
    COALESCED = "COALESCED"
    NO_STORE = "NO-STORE"
    SKIP = "SKIP"
    STALE = "STALE"
    ERROR = "ERROR"


class Outcome(msgspec.Struct, frozen=True):
    """One client request and what became of it.

    `budget` is the label Prow calls token_hash: the budget identifier the client stated, else the
    hex digest of its Authorization value. `status` is what the client was sent, 0 where it left
    before an answer. `error` is a sentence where something failed.
    """

    method: str
    target: bytes
    user_agent: str
    budget: str
    mode: CacheMode
    status: int
    duration_seconds: float
    error: str = ""


class Sent(msgspec.Struct, frozen=True):
    """One request that went upstream; `status` is 0 where no answer came.

    `error` is the kind of failure (RFC 9209), empty where nothing failed: there is an answer, or
    nobody waited for it any more.
    """

    method: str
    target: bytes
    user_agent: str
    budget: str
    status: int
    duration_seconds: float
    rate_limit: RateLimit | None = None
    error: str = ""
