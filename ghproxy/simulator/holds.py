"""Holds: requests wait until a test lets them go, and the test can ask how many do.

That is how concurrency is arranged without sleeping: hold, start clients, await the count, release.
"""

import asyncio
import enum

import msgspec

from ghproxy.simulator.matching import Match
from ghproxy.simulator.message import Request

_Watcher = tuple[int, float, asyncio.Future[None]]


class Place(enum.StrEnum):
    """Where a request is held.

    `head`: it has arrived whole and is not handled. `upload`: its head has arrived, its content is
    not read from the connection. `content`: the head of the answer has been sent, no content yet.
    """

    HEAD = "head"
    UPLOAD = "upload"
    CONTENT = "content"


class HoldOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the control port is asked for; `count` is how many requests to hold, None for all."""

    path: str | None = None
    pattern: str | None = None
    method: str | None = None
    field: tuple[str, str] | None = None
    count: int | None = None
    at: Place = Place.HEAD


class Hold:
    """One order and those that wait because of it."""

    def __init__(self, number: int, order: HoldOrder, holds: "Holds") -> None:
        self.number = number
        self.order = order
        self.matched = 0
        self.waiting: set[asyncio.Future[None]] = set()
        self._match = Match(
            path=order.path, pattern=order.pattern, method=order.method, field=order.field
        )
        self._holds = holds

    def claims(self, request: Request, place: Place) -> bool:
        """Whether this request is to wait there; counts it where so."""
        if self.order.at is not place or not self._match.matches(request):
            return False
        if self.order.count is not None and self.matched >= self.order.count:
            return False
        self.matched += 1
        return True

    async def wait(self) -> None:
        """Until released; a client that leaves is no longer counted."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.add(future)
        self._holds.changed()
        try:
            await future
        finally:
            self.waiting.discard(future)
            self._holds.changed()

    def release(self) -> None:
        for future in self.waiting:
            if not future.done():
                future.set_result(None)


class Holds:
    """All holds in force."""

    def __init__(self) -> None:
        self._holds: dict[int, Hold] = {}
        self._next_number = 1
        self._watchers: list[_Watcher] = []
        self.is_armed = False

    def add(self, order: HoldOrder) -> Hold:
        hold = Hold(self._next_number, order, self)
        self._holds[hold.number] = hold
        self._next_number += 1
        self.is_armed = True
        return hold

    def claim(self, request: Request, place: Place) -> Hold | None:
        for hold in self._holds.values():
            if hold.claims(request, place):
                return hold
        return None

    def release(self, number: int | None = None) -> bool:
        """Let go of one hold's requests, or of all; whether there was such a hold."""
        numbers = list(self._holds) if number is None else [number]
        if any(each not in self._holds for each in numbers):
            return False
        for each in numbers:
            self._holds.pop(each).release()
        self.is_armed = bool(self._holds)
        return True

    @property
    def held(self) -> int:
        return sum(len(hold.waiting) for hold in self._holds.values())

    def changed(self) -> None:
        """Tell those who wait for a number of held requests."""
        for least, most, future in self._watchers:
            if least <= self.held <= most and not future.done():
                future.set_result(None)

    async def reached(self, least: int, most: float, timeout_seconds: float) -> bool:
        """Whether so many requests, and no more than that, were held within the time."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        watcher = (least, most, future)
        self._watchers.append(watcher)
        self.changed()
        try:
            await asyncio.wait_for(future, timeout_seconds)
        except TimeoutError:
            return False
        finally:
            self._watchers.remove(watcher)
        return True

    def snapshot(self) -> dict[str, object]:
        return {
            "held": self.held,
            "holds": [
                {"id": hold.number, "held": len(hold.waiting), "matched": hold.matched,
                 **msgspec.to_builtins(hold.order)}
                for hold in self._holds.values()
            ],
        }  # fmt: skip
