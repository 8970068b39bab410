"""Lists in pages, and the Link field that joins them (github-api.md 4).

Addresses in Link go by id (`/repositories/1`), parameters are echoed, `page` comes last; the
order is prev, next, last, first. Link is no part of the content, so the entity tag does not know
of it: a full last page hides the page that appeared after it.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

T = TypeVar("T")
DEFAULT_PER_PAGE = 30
LONGEST_PAGE = 100


class Page(msgspec.Struct, frozen=True):
    """Where a page begins and ends, and its Link field's value."""

    start: int
    stop: int
    link: str

    def of(self, items: Sequence[T]) -> Sequence[T]:
        return items[self.start : self.stop]


def page_of(total: int, address: str, query: dict[str, str], raw_query: str) -> Page:
    """The page that a query asks for, out of `total` items."""
    per_page = _number(query.get("per_page"), DEFAULT_PER_PAGE, LONGEST_PAGE)
    number = _number(query.get("page"), 1, 1_000_000)
    last = max(1, -(-total // per_page))
    numbers: list[tuple[str, int]] = []
    if number > 1:
        numbers.append(("prev", min(number - 1, last)))
    if number < last:
        numbers += [("next", number + 1), ("last", last)]
    if number > 1:
        numbers.append(("first", 1))
    kept = [part for part in raw_query.split("&") if part and not part.startswith("page=")]
    stem = f"{address}?{'&'.join([*kept, 'page='])}"
    link = ", ".join(f'<{stem}{each}>; rel="{rel}"' for rel, each in numbers)
    return Page((number - 1) * per_page, number * per_page, link)


def _number(text: str | None, default: int, most: int) -> int:
    """A number as GitHub reads it: nonsense means the default, too much means the most."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return default
    return min(int(text) or default, most)
