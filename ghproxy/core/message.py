"""HTTP messages as values (RFC 9110 6): heads here, content elsewhere.

Field lines stay a sequence, duplicates and order included, because a gateway relays them as they
came. Names are lower-cased once, at the doors (RFC 9110 5.1 makes them case-insensitive); values
are bytes, untouched but for the white space around them. Nothing here may parse content.
"""

import msgspec

Fields = tuple[tuple[bytes, bytes], ...]
"""Field lines as (lower-case name, value) pairs, in the order they came."""


class RequestHead(msgspec.Struct, frozen=True):
    """Method, target (path and query exactly as sent, starting with `/`) and field lines.

    `fields` may hold a credential: a head is never logged, stored or shown.
    """

    method: str
    target: bytes
    fields: Fields

    def __repr__(self) -> str:
        names = ", ".join(name.decode("latin-1") for name, _ in self.fields)
        return f"RequestHead({self.method} {self.target!r}, fields named: {names})"


class ResponseHead(msgspec.Struct, frozen=True):
    """Status code and field lines of a final (not 1xx) response."""

    status: int
    fields: Fields
