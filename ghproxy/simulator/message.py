"""What crosses the wire, as values: a request that arrived, an answer about to leave.

Nothing here knows GitHub. Field names keep the spelling they came in, because the journal shows
requests exactly as they arrived.
"""

import enum
import hashlib
from collections.abc import Awaitable, Callable, Iterable

import msgspec

FieldLines = list[tuple[bytes, bytes]]
"""Field lines as (name, value) pairs in the order, and the spelling, of the wire."""

NO_CONTENT_SHA256 = hashlib.sha256(b"").hexdigest()


class Request(msgspec.Struct):
    """One request and, once known, what became of it: the journal is a list of these.

    `content` is kept up to the wire's limit until the answer is made; it is counted and digested
    whatever its length. `connection` numbers the TCP connection, `nth` the requests on it (from
    1). The fields from `at` on are written by the application.
    """

    method: str
    target: bytes
    fields: FieldLines
    peer: str
    connection: int
    nth: int
    content: bytes = b""
    content_bytes: int = 0
    content_sha256: str = NO_CONTENT_SHA256
    at: float = 0.0
    credential: str = ""
    kind: str = ""
    status: int = 0
    charged: int = 0
    resource: str = ""
    ended: str = "pending"


Gate = Callable[[], Awaitable[None]]
"""Called and awaited where something is to wait."""


class Ending(enum.Enum):
    """What becomes of the connection once the answer is written."""

    KEEP = enum.auto()
    CLOSE = enum.auto()
    RESET = enum.auto()


class Pace(msgspec.Struct, frozen=True):
    """How an answer leaves when not at once: a gate after the head, a rate for the content."""

    gate: Gate | None = None
    bytes_per_second: float | None = None


class Answer(msgspec.Struct):
    """Status line, field lines and the empty line as bytes, then the content, ready to be written.

    Framing is the maker's business: faults need to lie about it.
    """

    status: int
    head: bytes
    content: bytes | Iterable[bytes] = b""
    ending: Ending = Ending.KEEP
    pace: Pace | None = None
