"""A gateway with everything real but the network and the clock."""

import asyncio

from ghproxy.coalescer import Coalescer, CoalescerSettings
from ghproxy.core.caching import Policy
from ghproxy.core.credential import credential_from_fields
from ghproxy.core.fields import first
from ghproxy.core.message import RequestHead
from ghproxy.core.outcome import Sent
from ghproxy.gateway import Exchange, Gateway
from ghproxy.origin import Origin
from ghproxy.outages import Outages
from ghproxy.retrieval import Retrieval, RetrievalSettings
from ghproxy.retrieved import dispose
from ghproxy.stores.memory import MemoryStore
from ghproxy.throttle import Throttle
from tests.support.clock import FakeClock
from tests.support.upstream import FakeUpstream

AGENT = (b"user-agent", b"hook/1")
GZIP = (b"accept-encoding", b"gzip")
ALICE = (b"authorization", b"Bearer alice")
BOB = (b"authorization", b"Bearer bob")


class Got:
    """A reply, read to its end."""

    def __init__(self, reply, content):
        self.status = reply.status
        self.fields = reply.fields
        self.mode = reply.mode.value
        self.content = content

    def first(self, name):
        return first(self.fields, name)

    @property
    def seen(self):
        return (self.status, self.content, self.mode)


class House:
    def __init__(
        self,
        answer,
        *,
        slots=25,
        max_stored_bytes=1000,
        stale_if_error_seconds=0,
        store=None,
        answer_timeout_seconds=5,
    ):
        self.clock = FakeClock()
        self.upstream = FakeUpstream(answer)
        self.store = store or MemoryStore(1_000_000)
        self.sent: list[Sent] = []
        self.throttle = Throttle(slots)
        outages = Outages("origin.test", self.clock, patience_seconds=10)
        origin = Origin(
            self.upstream, self.throttle, b"/base", self.clock, self.sent.append, outages=outages
        )
        settings = RetrievalSettings(
            max_stored_bytes, Policy(stale_if_error_seconds), b"ghproxy/t", answer_timeout_seconds
        )
        self.coalescer = Coalescer(CoalescerSettings(), self.clock, dispose)
        retrieval = Retrieval(settings, origin, self.store, self.clock)
        self.gateway = Gateway(b"origin", self.store, origin, retrieval, self.coalescer)

    async def open(self, target, *fields, method="GET", content=b"", content_bytes=None):
        request = RequestHead(method, target, (AGENT, *fields))
        credential = credential_from_fields(request.fields)
        exchange = Exchange(request, credential, "hook/1", content, content_bytes)
        return await self.gateway.handle(exchange)

    async def get(self, target, *fields, method="GET", content=b""):
        reply = await self.open(target, *fields, method=method, content=content)
        try:
            read = reply.content
            if reply.chunks is not None and method != "HEAD":
                read = b"".join([chunk async for chunk in reply.chunks])
            return Got(reply, read)
        finally:
            await reply.aclose()

    def client(self, target, *fields, method="GET"):
        return asyncio.create_task(self.get(target, *fields, method=method))

    def is_idle(self):
        """Every slot given back, every response closed, every flight landed."""
        return (
            self.throttle.snapshot().in_use == 0
            and self.throttle.snapshot().waiting == 0
            and self.coalescer.snapshot().flights == 0
            and all(response.is_closed for response in self.upstream.responses)
        )


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)
