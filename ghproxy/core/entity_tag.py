"""Entity tags (RFC 9110 8.8.3) and the condition made of them (13.1.2), compared weakly.

GitHub marks one and the same tag weak or strong by content coding, so `W/` never means a change.
"""

import re
from collections.abc import Iterable
from typing import Final

_ENTITY_TAG: Final = re.compile(rb'(?:W/)?"([\x21\x23-\x7e\x80-\xff]+)"')
_LIST: Final = re.compile(rb'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def opaque_tag(entity_tag: bytes) -> bytes | None:
    """The part between the quotes; None for what is no entity tag, or an empty one.

    GitHub has answered `W/""`: as a validator it says nothing, so it counts as none.
    """
    match = _ENTITY_TAG.fullmatch(entity_tag)
    return match[1] if match else None


def strong_form(entity_tag: bytes) -> bytes:
    """The tag without its weakness mark."""
    return entity_tag.removeprefix(b"W/")


def is_current(conditions: Iterable[bytes], entity_tag: bytes) -> bool:
    """Whether If-None-Match lines name this tag (weak comparison) or `*`.

    What cannot be read matches nothing: the client then gets the content, which is always right.
    """
    wanted = opaque_tag(entity_tag)
    for line in conditions:
        if line.strip() == b"*":
            return True
        if wanted is not None and wanted in _LIST.findall(line):
            return True
    return False
