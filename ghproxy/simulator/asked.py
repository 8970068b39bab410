"""The request fields that GitHub's answers depend on, read in one pass."""

import msgspec

from ghproxy.simulator.message import FieldLines

_SLOTS = {
    b"accept": 0,
    b"authorization": 1,
    b"cookie": 2,
    b"user-agent": 3,
    b"if-none-match": 4,
    b"if-modified-since": 5,
    b"accept-encoding": 6,
    b"x-github-api-version": 7,
    b"host": 8,
}


class Asked(msgspec.Struct, frozen=True):
    """Values as sent; a field sent on several lines is one list (RFC 9110 5.2)."""

    accept: bytes | None
    authorization: bytes | None
    cookie: bytes | None
    user_agent: bytes | None
    if_none_match: bytes | None
    if_modified_since: bytes | None
    accept_encoding: bytes | None
    api_version: bytes | None
    host: bytes | None

    @property
    def takes_gzip(self) -> bool:
        """Whether Accept-Encoding lists gzip with a weight above zero."""
        if self.accept_encoding is None:
            return False
        if self.accept_encoding == b"gzip":
            return True
        for member in self.accept_encoding.lower().split(b","):
            coding, _, weight = member.partition(b";")
            if coding.strip() in {b"gzip", b"*"}:
                return weight.replace(b" ", b"").rstrip(b"0").rstrip(b".") != b"q="
        return False


def asked_from_fields(fields: FieldLines) -> Asked:
    found: list[bytes | None] = [None] * 9
    for name, value in fields:
        slot = _SLOTS.get(name.lower())
        if slot is not None:
            earlier = found[slot]
            found[slot] = value if earlier is None else earlier + b", " + value
    return Asked(*found)
