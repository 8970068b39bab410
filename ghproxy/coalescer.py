"""Several requests for one key share one flight towards the origin (`collapsed` in Cache-Status).

The coalescer owns each flight's task, so no client can take it down under the others; when nobody
waits any more, the flight is cancelled. How a flight ends for those who wait:

- it landed: everybody gets the result;
- it failed in passing: one more flight is made, led by a follower, and its failure is shared;
- it is not shareable: one gets it (the leader while it is there), the others go alone;
- its leader left: nothing happens, since the leader only waits like the others;
- it lasts: a follower that waited too long joins or leads a newer flight, once;
- it is too old, or the origin has already answered, or a write went through since it started:
  newcomers do not board it, for its answer may be older than their question.
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

    def __init__(self, started_at: float, writes: int) -> None:
        self.started_at = started_at
        self.writes = writes
        self.is_boarding = True
        self.is_claimed = False
        self.waiters: list[asyncio.Future[Landing[Result]]] = []
        self.task: asyncio.Task[Landing[Result]]

    def close_boarding(self) -> None:
        """Newcomers take another flight from now on: the origin has answered."""
        self.is_boarding = False


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
        may_try_again = True
        while True:
            flight = self._boardable(key)
            is_leader = flight is None
            if flight is None:
                flight = self._start(key, perform)
            may_change = may_try_again and not is_leader
            landing = await self._wait(
                flight, self._settings.patience_seconds if may_change else None
            )
            if landing is None or (may_change and landing.sharing is Sharing.TRANSIENT):
                may_try_again = False
                continue
            if landing.sharing is not Sharing.ONE:
                return Arrival(landing.result, is_leader)
            if flight.is_claimed:
                return Arrival(None, is_leader)
            flight.is_claimed = True
            return Arrival(landing.result, is_leader=True)

    def snapshot(self) -> CoalescerSnapshot:
        return CoalescerSnapshot(len(self._tasks), self._waiting)

    async def aclose(self) -> None:
        """End every flight; those who wait are cancelled with it."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _boardable(self, key: CacheKey) -> Flight[Result] | None:
        flight = self._flights.get(key)
        if flight is None or not flight.is_boarding or flight.writes != self._writes:
            return None
        age_seconds = self._clock.monotonic() - flight.started_at
        return flight if age_seconds <= self._settings.boarding_seconds else None

    def _start(self, key: CacheKey, perform: Perform[Result]) -> Flight[Result]:
        flight: Flight[Result] = Flight(self._clock.monotonic(), self._writes)
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

    async def _wait(
        self, flight: Flight[Result], patience_seconds: float | None
    ) -> Landing[Result] | None:
        """What the flight brought; None where patience ran out first."""
        waiter: asyncio.Future[Landing[Result]] = asyncio.get_running_loop().create_future()
        flight.waiters.append(waiter)
        self._waiting += 1
        try:
            if patience_seconds is None:
                return await waiter
            async with asyncio.timeout(patience_seconds):
                return await waiter
        except TimeoutError:
            await self._leave(flight, waiter)
            return None
        except asyncio.CancelledError:
            await self._leave(flight, waiter)
            raise
        finally:
            self._waiting -= 1

    async def _leave(self, flight: Flight[Result], waiter: asyncio.Future[Landing[Result]]) -> None:
        flight.waiters.remove(waiter)
        if flight.waiters:
            return
        if not flight.task.done():
            flight.close_boarding()
            flight.task.cancel()
        elif not flight.task.cancelled() and flight.task.exception() is None:
            # It landed in the very moment the last waiter left: nobody else will close it.
            await self._dispose(flight.task.result().result)
