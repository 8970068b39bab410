"""The client's condition against what there is (RFC 9110 13.2.2)."""

from email.utils import parsedate_to_datetime

from ghproxy.simulator.asked import Asked
from ghproxy.simulator.entity_tags import matches


def is_unmodified(asked: Asked, opaque: bytes | None, last_modified: float | None) -> bool:
    """Whether a 304 is the answer; If-None-Match, where there is one, decides alone."""
    if asked.if_none_match is not None:
        return opaque is not None and matches(asked.if_none_match, opaque)
    if asked.if_modified_since is None or last_modified is None:
        return False
    try:
        since = parsedate_to_datetime(asked.if_modified_since.decode("latin-1"))
    except ValueError:
        return False
    return int(last_modified) <= since.timestamp()
