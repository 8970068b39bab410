"""Primary rate limits (github-api.md 1): fixed windows per identity and resource.

All tokens of a user share one identity, an installation is its own, the anonymous are their
addresses. A window opens with its first use and its reset does not move until it passes.
"""

from collections.abc import Mapping

import msgspec

HOUR = 3600
MINUTE = 60
RESOURCES = {"core": HOUR, "search": MINUTE, "code_search": MINUTE, "graphql": HOUR}
USER_LIMITS = {"core": 5000, "search": 30, "code_search": 10, "graphql": 5000}
ANONYMOUS_LIMITS = {"core": 60, "search": 10, "code_search": 10, "graphql": 0}


class Window(msgspec.Struct):
    """One running count."""

    limit: int
    used: int
    reset_at: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)


class Accounts:
    """Every identity's windows."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], Window] = {}
        self._limits: dict[tuple[str, str], int] = {}

    def window(self, identity: str, resource: str, limits: Mapping[str, int], now: int) -> Window:
        """The window that counts now; a new one where the last has passed."""
        key = (identity, resource)
        window = self._windows.get(key)
        if window is None or window.reset_at <= now:
            limit = self._limits.get(key, limits.get(resource, limits["core"]))
            window = Window(limit, 0, now + RESOURCES.get(resource, HOUR))
            self._windows[key] = window
        return window

    def change(
        self, identity: str, resource: str, now: int, limit: int | None, used: int | None
    ) -> Window:
        """Set a limit, for the windows to come too, and what is used of the running one."""
        if limit is not None:
            self._limits[identity, resource] = limit
        window = self.window(identity, resource, USER_LIMITS, now)
        if limit is not None:
            window.limit = limit
        if used is not None:
            window.used = used
        return window

    def snapshot(self) -> list[dict[str, object]]:
        return [
            {
                "identity": identity,
                "resource": resource,
                "limit": window.limit,
                "used": window.used,
                "remaining": window.remaining,
                "reset": window.reset_at,
            }
            for (identity, resource), window in self._windows.items()
        ]


def field_lines(window: Window, resource: bytes, is_anonymous: bool) -> bytes:  # noqa: FBT001  hot
    """The five fields in the order of the recordings of 2026; the edge's is another."""
    used, remaining = window.used, max(0, window.limit - window.used)
    if is_anonymous:
        return (
            b"X-RateLimit-Limit: %d\r\nX-RateLimit-Remaining: %d\r\nX-RateLimit-Used: %d\r\n"
            b"X-RateLimit-Resource: %s\r\nX-RateLimit-Reset: %d\r\n"
            % (window.limit, remaining, used, resource, window.reset_at)
        )
    return (
        b"X-RateLimit-Limit: %d\r\nX-RateLimit-Remaining: %d\r\nX-RateLimit-Reset: %d\r\n"
        b"X-RateLimit-Used: %d\r\nX-RateLimit-Resource: %s\r\n"
        % (window.limit, remaining, window.reset_at, used, resource)
    )


def as_json(window: Window) -> dict[str, object]:
    """One resource as `GET /rate_limit` shows it."""
    return {
        "limit": window.limit,
        "used": window.used,
        "remaining": window.remaining,
        "reset": window.reset_at,
    }
