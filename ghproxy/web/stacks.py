"""What every task and thread is doing, as text: the stand-in for Go's pprof port of Prow.

Module, function and line only. No local variables, no task names, no source text: none of them is
known to be free of secrets. Serve it on LOOPBACK only.
"""

import asyncio
import collections
import sys
import threading
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

LOOPBACK: Final = "127.0.0.1"
_INDEX: Final = (
    "<!doctype html><title>ghproxy: stacks</title>"
    '<ul><li><a href="goroutine">goroutine</a>: stacks of all tasks and threads</ul>'
)
_Stack = tuple[str, ...]


def stacks_app() -> Starlette:
    """`/debug/pprof/` lists, `/debug/pprof/goroutine` shows."""

    async def index(_: Request) -> HTMLResponse:
        return HTMLResponse(_INDEX)

    async def goroutine(_: Request) -> PlainTextResponse:
        return PlainTextResponse(stacks())

    return Starlette(
        routes=[Route("/debug/pprof/", index), Route("/debug/pprof/goroutine", goroutine)]
    )


def stacks() -> str:
    """Stacks of the running loop's tasks and of all threads; equal ones are counted, not repeated.

    The innermost call is the last line of each.
    """
    tasks = collections.Counter(tuple(_of_task(task)) for task in asyncio.all_tasks())
    frames = sys._current_frames()  # noqa: SLF001  documented, for exactly this purpose
    threads = collections.Counter(
        tuple(_of_thread(frames[thread.ident]))
        for thread in threading.enumerate()
        if thread.ident in frames
    )
    return "".join([*_section("task", tasks), *_section("thread", threads)])


def _section(word: str, found: collections.Counter[_Stack]) -> Iterator[str]:
    yield f"{found.total()} {word}{'' if found.total() == 1 else 's'}\n\n"
    for stack, count in found.most_common():
        yield f"{count} x\n"
        yield from (f"    {line}\n" for line in stack)
        yield "\n"


def _of_task(task: asyncio.Task[Any]) -> Iterator[str]:
    """Along what each coroutine awaits: a suspended frame does not know who it waits for."""
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame, deeper = _suspended(awaited)
        if frame is None:
            return
        yield _line(frame.f_code, frame.f_globals, frame.f_lineno)
        awaited = deeper


def _suspended(awaited: Any) -> tuple[FrameType | None, Any]:
    """Frame and next awaitable of a coroutine, a generator or an asynchronous generator."""
    for frame, deeper in (
        ("cr_frame", "cr_await"),
        ("gi_frame", "gi_yieldfrom"),
        ("ag_frame", "ag_await"),
    ):
        if hasattr(awaited, frame):
            return getattr(awaited, frame), getattr(awaited, deeper)
    return None, None


def _of_thread(frame: FrameType) -> Iterator[str]:
    lines: list[str] = []
    innermost: FrameType | None = frame
    while innermost is not None:
        lines.append(_line(innermost.f_code, innermost.f_globals, innermost.f_lineno))
        innermost = innermost.f_back
    return reversed(lines)


def _line(code: CodeType, module: dict[str, Any], number: int) -> str:
    return f"{module.get('__name__', '?')}.{code.co_qualname}:{number}"
