"""Every request that arrived, in order, and what became of it: the proof of what reached GitHub.

The newest are kept, up to a limit; the totals count them all.
"""

from collections import Counter, deque

from ghproxy.simulator.message import Request

DEFAULT_LIMIT = 20_000


class Journal:
    """A bounded list of requests and unbounded counts of them."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._requests: deque[Request] = deque(maxlen=limit)
        self._unknown: Counter[tuple[str, str]] = Counter()
        self._statuses: Counter[int] = Counter()
        self._charged: Counter[str] = Counter()
        self.arrived = 0

    def open(self, request: Request) -> None:
        self.arrived += 1
        self._requests.append(request)

    def close(self, request: Request) -> None:
        """Its status and charge are known."""
        self._statuses[request.status] += 1
        if request.charged:
            self._charged[request.resource] += request.charged

    def note_unknown(self, method: str, path: str) -> None:
        """No operation answers this; a missing one shall be seen."""
        self._unknown[method, path] += 1

    def clear(self) -> None:
        self._requests.clear()
        self._statuses.clear()
        self._charged.clear()
        self._unknown.clear()
        self.arrived = 0

    def entries(self, ended: str | None = None) -> list[dict[str, object]]:
        """All of them, or those that ended so (`pending`, `answered`, `aborted`)."""
        return [
            _entry(request) for request in self._requests if ended is None or request.ended == ended
        ]

    def unknown(self) -> list[dict[str, object]]:
        return [
            {"method": method, "path": path, "count": count}
            for (method, path), count in self._unknown.items()
        ]

    def totals(self) -> dict[str, object]:
        return {
            "arrived": self.arrived,
            "statuses": {str(status): count for status, count in self._statuses.items()},
            "charged": dict(self._charged),
        }


def _entry(request: Request) -> dict[str, object]:
    return {
        "at": request.at,
        "connection": request.connection,
        "nth": request.nth,
        "method": request.method,
        "target": request.target.decode("latin-1"),
        "fields": [
            [name.decode("latin-1"), value.decode("latin-1")] for name, value in request.fields
        ],
        "content_bytes": request.content_bytes,
        "content_sha256": request.content_sha256,
        "credential": request.credential,
        "kind": request.kind,
        "status": request.status,
        "charged": request.charged,
        "resource": request.resource,
        "ended": request.ended,
    }
