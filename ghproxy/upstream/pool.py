"""Who may use which connection: slots, idle ones (last in, first out), and those who wait (FIFO).

Pure bookkeeping over connections it never looks into; opening and closing them is the owner's.
Invariant: while somebody waits, nothing is idle and every slot is taken.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

from ghproxy.upstream.base import UpstreamSnapshot

T = TypeVar("T")


class Pool(Generic[T]):
    """At most `max_connections` slots; a slot is an open, opening or idle connection."""

    def __init__(self, max_connections: int, max_idle: int) -> None:
        self._max_connections = max_connections
        self._max_idle = max_idle
        self._idle: list[T] = []
        self._waiters: deque[asyncio.Future[T | None]] = deque()
        self._taken = 0

    def take(self) -> T | None:
        """The connection used last, if one is idle."""
        return self._idle.pop() if self._idle else None

    def reserve(self) -> bool:
        """Take a slot for a connection to be opened, if one is free."""
        if self.is_full:
            return False
        self._taken += 1
        return True

    @property
    def is_full(self) -> bool:
        """Every slot is taken, be it by idle connections."""
        return self._taken >= self._max_connections

    def oldest_idle(self) -> T | None:
        """The connection that has been idle longest; it stays where it is."""
        return self._idle[0] if self._idle else None

    async def wait(self) -> T | None:
        """In turn: a connection another request has finished with, or None, a reserved slot.

        Cancelling hands on what had been handed over at the same moment.
        """
        waiter: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                with suppress(ValueError):  # passed over already
                    self._waiters.remove(waiter)
            else:
                self._hand_on(waiter.result())
            raise

    def give(self, connection: T) -> bool:
        """Hand a connection to whoever waits longest, else keep it idle.

        False where enough are idle: the owner closes it and the slot is free already.
        """
        if self._wake(connection):
            return True
        if len(self._idle) >= self._max_idle:
            self._taken -= 1
            return False
        self._idle.append(connection)
        return True

    def free(self) -> None:
        """The connection of a slot is gone; whoever waits longest may open another."""
        if not self._wake(None):
            self._taken -= 1

    def forget(self, connection: T) -> None:
        """Like `free`, for a connection that may have been idle."""
        if connection in self._idle:
            self._idle.remove(connection)
        self.free()

    def release_waiting(self) -> None:
        """Give everybody who waits a slot above the limit, so that each learns that it is over."""
        while self._waiters:
            self._taken += 1
            self._wake(None)

    def snapshot(self) -> UpstreamSnapshot:
        idle = len(self._idle)
        return UpstreamSnapshot(idle=idle, in_use=self._taken - idle, waiting=len(self._waiters))

    def _hand_on(self, connection: T | None) -> None:
        if connection is None:
            self.free()
        elif not self._wake(connection):
            self._idle.append(connection)

    def _wake(self, connection: T | None) -> bool:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.cancelled():
                waiter.set_result(connection)
                return True
        return False
