"""What a client wants to receive: Accept, and GitHub's custom media types (github-api.md 5)."""

import re

import msgspec

_CUSTOM = re.compile(
    r"application/vnd\.github(?:\.(?P<version>v3|v4|[a-z-]+-preview))?"
    r"(?:\.(?P<param>raw|text|html|full|diff|patch|sha|object|star|text-match))?"
    r"(?P<json>\+json)?$"
)


class Media(msgspec.Struct, frozen=True):
    """`param` is GitHub's word (`raw`, `diff`, ...), empty for plain JSON."""

    param: str
    field: bytes


JSON = Media("", b"github.v3; format=json")
_memo: dict[bytes | None, Media] = {None: JSON}
_MEMO_LIMIT = 1000


def media_from_accept(accept: bytes | None) -> Media:
    """The first custom media type named; JSON where there is none."""
    found = _memo.get(accept)
    if found is None:
        found = _read(accept or b"")
        if len(_memo) < _MEMO_LIMIT:
            _memo[accept] = found
    return found


def _read(accept: bytes) -> Media:
    for member in accept.decode("latin-1").lower().split(","):
        match = _CUSTOM.match(member.partition(";")[0].strip())
        if match is not None:
            return _media(match)
    return JSON


def _media(match: re.Match[str]) -> Media:
    version = match["version"] or "v3"
    param = match["param"] or ""
    parts = [f"github.{version}"]
    if param:
        parts.append(f"param={param}")
    if match["json"] or not param:
        parts.append("format=json")
    return Media(param, "; ".join(parts).encode("ascii"))
