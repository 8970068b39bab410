"""A token that is nobody's, and the search for it in everything a program wrote.

Give SENTINEL_TOKEN to the program under test as a credential; `traces` then says where it came out.
"""

import base64
import urllib.parse
from pathlib import Path

SENTINEL_TOKEN = "ghp_" + "S3nt1nelThatMustNeverBeWritten987654"


def traces(secret: str, *places: str | bytes | Path) -> list[str]:
    """Where `secret` can be read: one line for each place, empty when nowhere.

    A place is a text, bytes, a file, or a directory with all below it, names included. Found are
    the secret itself, a piece of it long enough to matter, and its base64 and percent-encoded
    forms; a digest of it is no trace.
    """
    forms = _forms(secret)
    return [
        f"{name}: {form!r}"
        for place in places
        for name, content in _contents(place)
        for form in forms
        if form in content
    ]


def _forms(secret: str) -> list[bytes]:
    """What would give the secret away; a piece of 16 characters stands for every longer one."""
    raw = secret.encode()
    pieces = {raw[start : start + 16] for start in range(0, max(1, len(raw) - 15), 8)}
    pieces.add(raw[-16:])
    encoded = {_base64_core(raw, offset) for offset in range(3)}
    quoted = urllib.parse.quote(secret, safe="").encode()
    return sorted(pieces | encoded | {quoted})


def _base64_core(raw: bytes, offset: int) -> bytes:
    """The base64 digits that depend on `raw` alone, `offset` unknown bytes (mod 3) before it.

    Basic credentials are base64 of `user:token`, so the token may start at any of three places.
    """
    digits = base64.b64encode(b"\0" * offset + raw).rstrip(b"=")
    return digits[(0, 2, 3)[offset] : -2]


def _contents(place: str | bytes | Path) -> list[tuple[str, bytes]]:
    if isinstance(place, bytes):
        return [("bytes", place)]
    if isinstance(place, str):
        return [("text", place.encode())]
    if place.is_file():
        return [(str(place), place.read_bytes())]
    below = sorted(place.rglob("*"))
    return [
        *((f"name of {path}", path.name.encode()) for path in below),
        *((str(path), path.read_bytes()) for path in below if path.is_file()),
    ]
