"""A small real Upstream: answers from a function, holds at a gate, counts what it was asked."""

import asyncio

from ghproxy.core.message import ResponseHead
from ghproxy.upstream.base import UpstreamSnapshot


class FakeResponse:
    """`chunks` may hold bytes, an exception to raise, or an asyncio.Event to wait for."""

    def __init__(self, status, fields=(), *chunks):
        if chunks and not any(name == b"content-length" for name, _ in fields):
            fields = (*fields, (b"transfer-encoding", b"chunked"))
        self.head = ResponseHead(status, tuple(fields))
        self.chunks = chunks
        self.is_closed = False

    async def content(self):
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            if isinstance(chunk, asyncio.Event):
                await chunk.wait()
            else:
                yield chunk

    async def aclose(self):
        self.is_closed = True


class FakeUpstream:
    """`answer(request)` gives a FakeResponse or an exception; `gate` holds reads while clear."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.responses = []
        self.contents = []
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._arrival = asyncio.Condition()

    async def send(self, request):
        self.requests.append(request)
        content = request.content
        if not isinstance(content, bytes):
            content = b"".join([chunk async for chunk in content])
        self.contents.append(content)
        async with self._arrival:
            self._arrival.notify_all()
        try:
            if request.method in {"GET", "HEAD"}:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        answer = self.answer(request)
        if isinstance(answer, Exception):
            raise answer
        self.responses.append(answer)
        return answer

    async def asked(self, count):
        """Wait until so many requests have arrived in all."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.requests) >= count)

    def snapshot(self):
        return UpstreamSnapshot(0, 0, 0)

    async def aclose(self):
        pass
