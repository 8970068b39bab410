"""Reading, filtering and packing field lines (RFC 9110 5 and 7.6.1)."""

from collections.abc import Container, Iterable
from typing import Final

from ghproxy.core.message import Fields

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


def values(fields: Fields, name: bytes) -> list[bytes]:
    """The values of every line of that (lower-case) name, in order."""
    return [value for line, value in fields if line == name]


def first(fields: Fields, name: bytes) -> bytes | None:
    """The first line's value, or None."""
    for line, value in fields:
        if line == name:
            return value
    return None


def has(fields: Fields, name: bytes) -> bool:
    return any(line == name for line, _ in fields)


def members(lines: Iterable[bytes]) -> list[bytes]:
    """Members of a list-valued field over all its lines, lower-cased (RFC 9110 5.6.1).

    For lists of tokens only: a comma inside a quoted string would split it.
    """
    return [
        member
        for line in lines
        for part in line.split(b",")
        if (member := part.strip(b" \t").lower())
    ]


def without(fields: Fields, names: Container[bytes]) -> Fields:
    """Every line but those named."""
    return tuple(line for line in fields if line[0] not in names)


def without_nominated(fields: Fields) -> Fields:
    """Field lines without those that Connection nominates for this hop only (RFC 9110 7.6.1).

    A request is read like this from the start: what goes no further may not select either.
    """
    nominated = members(values(fields, b"connection"))
    return without(fields, nominated) if nominated else fields


def end_to_end(fields: Fields) -> Fields:
    """Field lines that travel on: no hop-by-hop field, none that Connection nominates."""
    nominated = members(values(fields, b"connection"))
    dropped = HOP_BY_HOP.union(nominated) if nominated else HOP_BY_HOP
    return without(fields, dropped)


def pack(fields: Fields) -> bytes:
    """One block of bytes; neither names nor values may contain LF, which HTTP forbids anyway."""
    return b"\n".join([part for line in fields for part in line])


def unpack(block: bytes) -> Fields:
    """The field lines of a packed block."""
    if not block:
        return ()
    parts = iter(block.split(b"\n"))
    return tuple(zip(parts, parts, strict=True))
