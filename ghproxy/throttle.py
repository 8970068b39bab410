"""Slots towards the origin: how many requests may be under way at once, over all credentials.

A request holds its slot until its content is through, not merely its head, and one that is
cancelled while it waits leaves its place at once.
"""

import asyncio

import msgspec


class ThrottleSnapshot(msgspec.Struct, frozen=True):
    """Requests that hold a slot, and those that wait for one."""

    in_use: int
    waiting: int


class Throttle:
    """At most `slots` requests at once, first come, first served."""

    def __init__(self, slots: int) -> None:
        self._semaphore = asyncio.Semaphore(slots)
        self._in_use = 0
        self._waiting = 0

    async def admit(self) -> None:
        """Wait for a slot and take it; whoever is admitted calls `release` once."""
        self._waiting += 1
        try:
            await self._semaphore.acquire()
        finally:
            self._waiting -= 1
        self._in_use += 1

    def release(self) -> None:
        """Give a slot back."""
        self._in_use -= 1
        self._semaphore.release()

    def snapshot(self) -> ThrottleSnapshot:
        return ThrottleSnapshot(self._in_use, self._waiting)
