"""One way to answer with a page of a list."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from ghproxy.simulator.pages import page_of
from ghproxy.simulator.reply import Call, Reply, Versioned

T = TypeVar("T")


def listed(
    call: Call,
    items: Sequence[T],
    document: Callable[[T], dict[str, object]],
    address: str,
    scope: Versioned,
    *,
    key: str | None = None,
    last_modified: float | None = None,
) -> Reply:
    """The page that was asked for; below `total_count` and `key` where the list is wrapped."""
    raw_query = call.request.target.partition(b"?")[2].decode("latin-1")
    page = page_of(len(items), call.base + address, call.query, raw_query)
    documents = [document(item) for item in page.of(items)]
    value: object = documents
    if key is not None:
        value = {"total_count": len(items), key: documents}
    return Reply(value=value, scope=scope, link=page.link, last_modified=last_modified)
