"""Whatever happens at once: every answer is what GitHub would have sent this credential for this
request at some moment while it was waiting, and a hit never costs a download.

Steps are drawn at random: clients arrive and leave, GitHub changes contents and permissions, writes
go through, requests are answered in any order, fail, or are cut.
"""

import asyncio
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.core.fields import first
from tests.support.house import House, settle
from tests.support.upstream import FakeResponse

TARGETS = (b"/a", b"/b")
TOKENS = (None, b"alice", b"bob")
TYPES = (b"json", b"diff")
FAILURES = ("refused", "503", "cut")

STEPS = {
    "client": 8,
    "answer": 6,
    "change": 2,
    "permit": 1,
    "write": 1,
    "fail": 1,
    "leave": 1,
    "wait": 1,
}


def story_from_seed(seed):
    """Sixty weighted steps: stories drawn step by step come out short and tame."""
    random = Random(seed)  # noqa: S311 - a story, not a secret
    for word in random.choices(list(STEPS), list(STEPS.values()), k=60):
        match word:
            case "client":
                yield (
                    word,
                    (
                        random.choice(TARGETS),
                        random.choice(TOKENS),
                        random.choice(TYPES),
                        random.choice(["GET", "GET", "GET", "HEAD"]),
                        random.choice([None, None, "current", "old"]),
                    ),
                )
            case "change" | "write":
                yield word, random.choice(TARGETS)
            case "permit":
                yield word, (random.choice(TARGETS), random.choice(TOKENS))
            case "fail":
                yield word, (random.randrange(6), random.choice(FAILURES))
            case "wait":
                yield word, random.choice([0.5, 1.1])
            case _:
                yield word, random.randrange(6)


class World:
    """GitHub's state over time; `moments` holds all of its past, newest last."""

    def __init__(self):
        self.versions = dict.fromkeys(TARGETS, 0)
        self.hidden: frozenset[tuple[bytes, bytes | None]] = frozenset()
        self.moments = []
        self.mark()

    def mark(self):
        self.moments.append((dict(self.versions), self.hidden))

    def answer(self, moment, target, token, kind):
        versions, hidden = self.moments[moment]
        if (target, token) in hidden:
            return 404, b"Not Found", None
        content = b"%s|%s|%s|%d" % (target, token or b"-", kind, versions[target])
        # Tags by version only: the same for every credential and media type, as for git SHAs.
        return 200, content, b'"v%d"' % versions[target]


class _Gate:
    """Content that is on its way, let through like an answer."""

    def __init__(self, arrival):
        self.done = arrival.is_set
        self.set_result = lambda _: arrival.set()


class Play:
    def __init__(self):
        self.world = World()
        self.pending = []
        self.house = House(self._unused)
        self.house.upstream.send = self._send  # type: ignore[method-assign]  # answers on cue
        self.visits = []

    def _unused(self, _):
        raise AssertionError

    async def _send(self, request):
        if request.method == "PATCH":
            self.world.versions[request.target.removeprefix(b"/base")] += 1
            self.world.mark()
            return FakeResponse(200, (), b"done")
        gate = asyncio.get_running_loop().create_future()
        self.pending.append((request, gate))
        failure = await gate
        if failure == "refused":
            raise UpstreamError(ProxyError.CONNECTION_REFUSED, "refused")
        if failure == "503":
            return FakeResponse(503, (), b"unavailable")
        return self._answered(request, failure)

    def _answered(self, request, failure):
        authorization = first(request.fields, b"authorization")
        token = authorization and authorization.removeprefix(b"Bearer ")
        target = request.target.removeprefix(b"/base")
        kind = first(request.fields, b"accept")
        status, content, tag = self.world.answer(-1, target, token, kind)
        fields = ((b"etag", tag),) if tag else ()
        if tag and first(request.fields, b"if-none-match") == tag:
            return FakeResponse(304, fields)
        if failure == "cut":
            cut = UpstreamError(ProxyError.HTTP_RESPONSE_INCOMPLETE, "cut")
            return FakeResponse(status, fields, content[:2], cut)
        chunks: tuple[object, ...] = ()
        if request.method == "GET":
            arrival = asyncio.Event()
            self.pending.append((request, _Gate(arrival)))
            chunks = (arrival, content)
        return FakeResponse(status, (*fields, (b"content-length", b"%d" % len(content))), *chunks)

    async def run(self, story):
        for word, detail in story:
            getattr(self, word)(detail)
            await settle()
        while self.pending:
            self.answer(0)
            await settle()
        await asyncio.gather(*(task for task, _ in self.visits), return_exceptions=True)
        await settle()
        for task, check in self.visits:
            if not task.cancelled():
                check(task)
        assert self.house.is_idle()

    def client(self, asked):
        target, token, kind, method, condition = asked
        fields = [(b"accept", kind)]
        if token is not None:
            fields.append((b"authorization", b"Bearer " + token))
        tag = None
        if condition:
            version = self.world.versions[target] - (condition == "old")
            tag = b'"v%d"' % version
            fields.append((b"if-none-match", tag))
        begun = len(self.world.moments) - 1
        task = self.house.client(target, *fields, method=method)
        ended = []
        task.add_done_callback(lambda _: ended.append(len(self.world.moments)))

        def check(task):
            if isinstance(task.exception(), UpstreamError):
                return
            got = task.result()
            if got.status == 503:
                return
            allowed = [
                self.world.answer(moment, target, token, kind) for moment in range(begun, ended[0])
            ]
            seen = {(status, content) for status, content, _ in allowed}
            if got.status == 304:
                assert tag in {current for _, _, current in allowed}
                assert got.content == b""
            elif method == "HEAD":
                assert got.status in {status for status, _ in seen}
                assert got.content == b""
            else:
                assert (got.status, got.content) in seen

        self.visits.append((task, check))

    def change(self, target):
        self.world.versions[target] += 1
        self.world.mark()

    def permit(self, pair):
        self.world.hidden ^= {pair}
        self.world.mark()

    def write(self, target):
        task = self.house.client(target, method="PATCH")
        self.visits.append((task, lambda task: task.result()))

    def answer(self, number, failure=None):
        self.pending = [(request, gate) for request, gate in self.pending if not gate.done()]
        if self.pending:
            _, gate = self.pending.pop(number % len(self.pending))
            gate.set_result(failure)

    def fail(self, detail):
        self.answer(*detail)

    def leave(self, number):
        waiting = [task for task, _ in self.visits if not task.done()]
        if waiting:
            waiting[number % len(waiting)].cancel()

    def wait(self, seconds):
        self.house.clock.advance(seconds)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_every_answer_was_true_for_this_credential_while_it_waited(seed):
    asyncio.run(Play().run(story_from_seed(seed)))


@pytest.mark.parametrize("token", TOKENS)
def test_a_hit_downloads_nothing(token):
    async def whole():
        play = Play()
        for _ in range(5):
            play.client((b"/a", token, b"json", "GET", None))
            await settle()
            while play.pending:
                play.answer(0)
                await settle()
        statuses = [sent.status for sent in play.house.sent]
        assert statuses == [200, 304, 304, 304, 304]

    asyncio.run(whole())
