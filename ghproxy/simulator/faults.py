"""Faults: what goes wrong on purpose, for which requests, and how many times.

The order is a value from the control port; `distorted` turns an honest answer into the broken one.
Effects can be combined in one order where that makes sense (latency with anything).
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from ghproxy.simulator.matching import Match
from ghproxy.simulator.message import Answer, Ending, Pace, Request

_ENDLESS_LINE = b"X-Padding: " + b"p" * 4000 + b"\r\n"
_BROKEN_VALUES = {"cr": b"one\rtwo", "nul": b"one\0two", "lf": b"one\ntwo"}
_FRAMING = (b"content-length:", b"transfer-encoding:")


class FaultOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the control port is asked for. `times` is how many requests it befalls, None for all.

    `skip` lets the first matching ones pass. `fields` set (or, with null, remove) field lines of
    the answer; `status` and `content` replace the answer, uncharged unless `charged`.
    """

    path: str | None = None
    pattern: str | None = None
    method: str | None = None
    field: tuple[str, str] | None = None
    times: int | None = None
    skip: int = 0
    latency_seconds: float = 0.0
    status: int | None = None
    content: str | None = None
    content_type: str = "application/json; charset=utf-8"
    charged: bool = False
    fields: list[tuple[str, str | None]] = msgspec.field(default_factory=list)
    cut_at: int | None = None
    reset: bool = False
    content_length: int | Literal["longer", "shorter"] | None = None
    both_lengths: bool = False
    bad_chunk: bool = False
    head: Literal["endless", "oversized"] | None = None
    broken_field: Literal["cr", "nul", "lf"] | None = None
    bytes_per_second: float | None = None
    close_after: int | None = None


class Fault:
    """An order in force."""

    def __init__(self, number: int, order: FaultOrder) -> None:
        self.number = number
        self.order = order
        self.matched = 0
        self.befallen = 0
        self._match = Match(
            path=order.path, pattern=order.pattern, method=order.method, field=order.field
        )

    def claims(self, request: Request) -> bool:
        order = self.order
        if order.times is not None and self.befallen >= order.times:
            return False
        if not self._match.matches(request):
            return False
        if order.close_after is not None and request.nth < order.close_after:
            return False
        self.matched += 1
        if self.matched <= order.skip:
            return False
        self.befallen += 1
        return True


class Faults:
    """All faults in force; the first that claims a request befalls it."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._next_number = 1
        self.is_armed = False

    def add(self, order: FaultOrder) -> Fault:
        fault = Fault(self._next_number, order)
        self._faults[fault.number] = fault
        self._next_number += 1
        self.is_armed = True
        return fault

    def claim(self, request: Request) -> FaultOrder | None:
        for fault in self._faults.values():
            if fault.claims(request):
                return fault.order
        return None

    def remove(self, number: int | None = None) -> bool:
        if number is not None and number not in self._faults:
            return False
        if number is None:
            self._faults.clear()
        else:
            del self._faults[number]
        self.is_armed = bool(self._faults)
        return True

    def snapshot(self) -> list[dict[str, object]]:
        return [
            {
                "id": fault.number,
                "befallen": fault.befallen,
                **msgspec.to_builtins(fault.order),
            }
            for fault in self._faults.values()
        ]


def distorted(answer: Answer, order: FaultOrder) -> Answer:
    """The answer with everything the order does to it."""
    head, content, ending = answer.head, answer.content, answer.ending
    if order.fields:
        head = _with_fields(head, order.fields)
    if order.content_length is not None:
        head = _with_length(head, order.content_length)
        content = _unchunked(answer)
        ending = Ending.CLOSE
    if order.both_lengths:
        content = _unchunked(answer)
        length = len(content) if isinstance(content, bytes) else _stated_length(head)
        head = _reframed(head, b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % length)
        content = itertools.chain(_chunked(_parts(content)), (b"0\r\n\r\n",))
    if order.bad_chunk:
        head = _reframed(head, b"Transfer-Encoding: chunked\r\n")
        content = (b"5\r\nhello\r\nNOT-A-SIZE\r\nworld\r\n0\r\n\r\n",)
        ending = Ending.CLOSE
    if order.broken_field is not None:
        head = _with_line(head, b"X-Broken: " + _BROKEN_VALUES[order.broken_field])
    if order.head is not None:
        content = itertools.chain(_grown_head(head, order.head), _parts(content))
        head = b""
    if order.cut_at is not None:
        head, content = b"", _cut(itertools.chain((head,), _parts(content)), order.cut_at)
        ending = Ending.CLOSE
    if order.close_after is not None:
        ending = Ending.CLOSE
    if order.reset and ending is Ending.CLOSE:
        ending = Ending.RESET
    pace = Pace(bytes_per_second=order.bytes_per_second) if order.bytes_per_second else None
    return Answer(answer.status, head, content, ending, pace)


def _parts(content: bytes | Iterable[bytes]) -> Iterable[bytes]:
    return (content,) if isinstance(content, bytes) else content


def _lines(head: bytes) -> list[bytes]:
    return head.removesuffix(b"\r\n\r\n").split(b"\r\n")


def _with_line(head: bytes, line: bytes) -> bytes:
    return head.removesuffix(b"\r\n") + line + b"\r\n\r\n"


def _with_fields(head: bytes, fields: list[tuple[str, str | None]]) -> bytes:
    lines = _lines(head)
    replaced = tuple(name.lower().encode("latin-1") + b":" for name, _ in fields)
    kept = [line for line in lines if not line.lower().startswith(replaced)]
    added = [f"{name}: {value}".encode("latin-1") for name, value in fields if value is not None]
    return b"\r\n".join([*kept, *added, b"", b""])


def _reframed(head: bytes, framing: bytes) -> bytes:
    kept = [line for line in _lines(head) if not line.lower().startswith(_FRAMING)]
    return b"\r\n".join(kept) + b"\r\n" + framing + b"\r\n"


def _with_length(head: bytes, length: int | str) -> bytes:
    if isinstance(length, str):
        length = _stated_length(head) + (10 if length == "longer" else -10)
    return _reframed(head, b"Content-Length: %d\r\n" % max(0, length))


def _stated_length(head: bytes) -> int:
    for line in _lines(head):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 1000


def _unchunked(answer: Answer) -> bytes | Iterable[bytes]:
    """Streams are never chunked here, and what is chunked is one chunk."""
    content = answer.content
    if not isinstance(content, bytes) or b"Transfer-Encoding: chunked" not in answer.head:
        return content
    size, _, rest = content.partition(b"\r\n")
    return rest[: int(size or b"0", 16)]


def _chunked(parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        if part:
            yield b"%x\r\n%s\r\n" % (len(part), part)


def _grown_head(head: bytes, kind: Literal["endless", "oversized"]) -> Iterator[bytes]:
    yield head.removesuffix(b"\r\n")
    for _ in itertools.count() if kind == "endless" else range(100):
        yield _ENDLESS_LINE
    yield b"\r\n"


def _cut(parts: Iterable[bytes], at: int) -> Iterator[bytes]:
    for part in parts:
        if at <= 0:
            return
        yield part[:at]
        at -= len(part)
