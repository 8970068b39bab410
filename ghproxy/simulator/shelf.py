"""Renderings kept for the next request: what makes a 304 cheap.

Bounded in bytes; the oldest go first. A rendering whose world changed is not found again.
"""

from ghproxy.simulator.representation import Rendering

ShelfKey = tuple[bytes, bytes | None, str, bytes, bytes | None]
"""Target, Accept, viewer, API version, Host: all that content depends on."""
_LIMIT_BYTES = 64 * 1024 * 1024


class Shelf:
    """Renderings by what they were made for."""

    def __init__(self, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._renderings: dict[ShelfKey, tuple[Rendering, int]] = {}
        self._bytes = 0
        self._limit_bytes = limit_bytes

    def find(self, key: ShelfKey) -> Rendering | None:
        found = self._renderings.get(key)
        if found is None:
            return None
        rendering, size = found
        if rendering.is_current():
            return rendering
        del self._renderings[key]
        self._bytes -= size
        return None

    def put(self, key: ShelfKey, rendering: Rendering) -> None:
        """Keep it; its compressed and pretty forms are counted as if as large again."""
        size = 2 * rendering.size()
        self._renderings[key] = (rendering, size)
        self._bytes += size
        while self._bytes > self._limit_bytes:
            oldest = next(iter(self._renderings))
            self._bytes -= self._renderings.pop(oldest)[1]
