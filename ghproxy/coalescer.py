"""Several requests for one key share one flight towards the origin (`collapsed` in Cache-Status).

The coalescer owns each flight's task, so no client can take it down under the others; when nobody
waits any more, the flight is cancelled. How a flight ends for those who wait:

- it landed: everybody gets the result;
- it failed in passing: one more flight is made, led by a follower, and its failure is shared;
- it is not shareable: one gets it (the leader while it is there), the others go alone;
- its leader left: nothing happens, since the leader only waits like the others;
- it lasts: a follower that waited too long takes a seat in a newer flight as well, once, and goes
  with whichever lands first;
- it is too old, or the origin has already answered, or a write went through since it departed:
  newcomers do not board it, for its answer may be older than their question. A flight that still
  waits to depart is open to everybody.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from ghproxy.clock import Clock
from ghproxy.core.stored import CacheKey


class Sharing(enum.StrEnum):
    """Who may have what a flight brought."""

    EVERYBODY = "everybody"
    TRANSIENT = "transient"
    ONE = "one"


Result = TypeVar("Result")


class Landing(msgspec.Struct, Generic[Result], frozen=True):
    """What a flight brought and who may have it."""

    result: Result
    sharing: Sharing


class Arrival(msgspec.Struct, Generic[Result], frozen=True):
    """What one waiter gets; `result` is None where it has to go alone."""

    result: Result | None
    is_leader: bool


class CoalescerSettings(msgspec.Struct, frozen=True):
    """Seconds: how old a flight may be for newcomers, and how long a follower waits for one."""

    boarding_seconds: float = 1.0
    patience_seconds: float = 10.0


class CoalescerSnapshot(msgspec.Struct, frozen=True):
    """Flights under way and those who wait for them."""

    flights: int
    waiting: int


class Flight(Generic[Result]):
    """One request towards the origin and those who wait for it."""

    def __init__(self, depart: Callable[[], tuple[float, int]]) -> None:
        self._depart = depart
        self.departed_at: float | None = None
        self.writes = 0
        self.is_boarding = True
        self.is_claimed = False
        self.waiters: list[asyncio.Future[Landing[Result]]] = []
        self.task: asyncio.Task[Landing[Result]]

    def depart(self) -> None:
        """The request goes out now: from here on the flight grows old."""
        self.departed_at, self.writes = self._depart()

    def close_boarding(self) -> None:
        """Newcomers take another flight from now on: the origin has answered."""
        self.is_boarding = False


class Seat(msgspec.Struct, Generic[Result], frozen=True):
    """One waiter's place in a flight."""

    flight: Flight[Result]
    landing: asyncio.Future[Landing[Result]]
    is_leader: bool


Perform = Callable[[Flight[Result]], Coroutine[Any, Any, Landing[Result]]]
Dispose = Callable[[Result], Awaitable[None]]


class Coalescer(Generic[Result]):
    """Flights by key; `dispose` closes a result that one waiter was to get and nobody took."""

    def __init__(self, settings: CoalescerSettings, clock: Clock, dispose: Dispose[Result]) -> None:
        self._settings = settings
        self._clock = clock
        self._dispose = dispose
        self._flights: dict[CacheKey, Flight[Result]] = {}
        self._tasks: set[asyncio.Task[Landing[Result]]] = set()
        self._waiting = 0
        self._writes = 0

    def note_write(self) -> None:
        """After a write, nobody boards a flight that started before it."""
        self._writes += 1

    async def join(self, key: CacheKey, perform: Perform[Result]) -> Arrival[Result]:
        """Wait for the key's flight, or lead one that `perform` carries out."""
        seat = self._take_seat(key, perform)
        self._waiting += 1
        try:
            if seat.is_leader:
                return _arrival(seat, await self._wait(seat))
            return await self._follow(seat, key, perform)
        finally:
            self._waiting -= 1

    async def _follow(
        self, seat: Seat[Result], key: CacheKey, perform: Perform[Result]
    ) -> Arrival[Result]:
        """Wait with the patience of a follower, which may take one more seat."""
        try:
            async with asyncio.timeout(self._settings.patience_seconds):
                await asyncio.wait([seat.landing])
        except TimeoutError:
            return await self._wait_for_first(seat, self._take_seat(key, perform))
        except asyncio.CancelledError:
            await self._leave(seat)
            raise
        landing = seat.landing.result()
        if landing.sharing is not Sharing.TRANSIENT:
            return _arrival(seat, landing)
        another = self._take_seat(key, perform)
        return _arrival(another, await self._wait(another))

    async def _wait_for_first(self, old: Seat[Result], new: Seat[Result]) -> Arrival[Result]:
        """Go with the flight that lands first, unless it failed and the other may not."""
        try:
            await asyncio.wait([old.landing, new.landing], return_when=asyncio.FIRST_COMPLETED)
            chosen, other = (old, new) if old.landing.done() else (new, old)
            if not other.landing.done() and _has_failed(chosen):
                chosen, other = other, chosen
                await asyncio.wait([chosen.landing])
        except asyncio.CancelledError:
            await self._leave(old)
            await self._leave(new)
            raise
        await self._leave(other)
        return _arrival(chosen, chosen.landing.result())

    def snapshot(self) -> CoalescerSnapshot:
        return CoalescerSnapshot(len(self._tasks), self._waiting)

    async def aclose(self) -> None:
        """End every flight; those who wait are cancelled with it."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take_seat(self, key: CacheKey, perform: Perform[Result]) -> Seat[Result]:
        flight = self._boardable(key)
        is_leader = flight is None
        if flight is None:
            flight = self._start(key, perform)
        landing: asyncio.Future[Landing[Result]] = asyncio.get_running_loop().create_future()
        flight.waiters.append(landing)
        return Seat(flight, landing, is_leader)

    def _boardable(self, key: CacheKey) -> Flight[Result] | None:
        flight = self._flights.get(key)
        if flight is None or not flight.is_boarding:
            return None
        if flight.departed_at is None:
            return flight
        age_seconds = self._clock.monotonic() - flight.departed_at
        is_current = flight.writes == self._writes
        return flight if is_current and age_seconds <= self._settings.boarding_seconds else None

    def _start(self, key: CacheKey, perform: Perform[Result]) -> Flight[Result]:
        flight: Flight[Result] = Flight(lambda: (self._clock.monotonic(), self._writes))
        self._flights[key] = flight
        flight.task = asyncio.create_task(perform(flight))
        self._tasks.add(flight.task)
        flight.task.add_done_callback(partial(self._end, key, flight))
        return flight

    def _end(
        self, key: CacheKey, flight: Flight[Result], task: asyncio.Task[Landing[Result]]
    ) -> None:
        self._tasks.discard(task)
        if self._flights.get(key) is flight:
            del self._flights[key]
        for waiter in flight.waiters:
            if waiter.done():
                continue
            if task.cancelled():
                waiter.cancel()
            elif error := task.exception():
                waiter.set_exception(error)
            else:
                waiter.set_result(task.result())

    async def _wait(self, seat: Seat[Result]) -> Landing[Result]:
        try:
            return await seat.landing
        except asyncio.CancelledError:
            await self._leave(seat)
            raise

    async def _leave(self, seat: Seat[Result]) -> None:
        """Give up a seat; the last one to leave ends the flight, or closes what it brought."""
        flight = seat.flight
        flight.waiters.remove(seat.landing)
        if seat.landing.done() and not seat.landing.cancelled():
            seat.landing.exception()  # or the loop would report it as never looked at
        if flight.waiters:
            return
        if not flight.task.done():
            flight.close_boarding()
            flight.task.cancel()
        elif not flight.task.cancelled() and flight.task.exception() is None:
            # It landed in the very moment the last waiter left: nobody else will close it.
            await self._dispose(flight.task.result().result)


def _has_failed(seat: Seat[Result]) -> bool:
    landing = seat.landing
    if landing.cancelled() or landing.exception() is not None:
        return True
    return landing.result().sharing is Sharing.TRANSIENT


def _arrival(seat: Seat[Result], landing: Landing[Result]) -> Arrival[Result]:
    """What this seat brings; of what only one may have, the first to ask gets it."""
    if landing.sharing is not Sharing.ONE:
        return Arrival(landing.result, seat.is_leader)
    if seat.flight.is_claimed:
        return Arrival(None, seat.is_leader)
    seat.flight.is_claimed = True
    return Arrival(landing.result, is_leader=True)
