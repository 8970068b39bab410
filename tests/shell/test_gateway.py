"""Clients through the gateway: what each gets, what the origin was asked, what stays behind."""

import asyncio
import gzip

import pytest

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.core.fields import first
from tests.support.house import ALICE, BOB, GZIP, House, settle
from tests.support.upstream import FakeResponse

REFUSED = UpstreamError(ProxyError.CONNECTION_REFUSED, "The origin refused the connection.")
CUT = UpstreamError(ProxyError.HTTP_RESPONSE_INCOMPLETE, "The origin's answer was cut short.")


class GitHub:
    """One resource under every target: a tag and content that the test may change."""

    def __init__(self, content=b"one", fields=()):
        self.content = content
        self.fields = fields
        self.failure = None

    @property
    def tag(self):
        return b'"%s"' % self.content.hex().encode()

    def __call__(self, request):
        if self.failure is not None:
            return self.failure() if callable(self.failure) else self.failure
        asked = first(request.fields, b"if-none-match")
        common = ((b"etag", self.tag), (b"x-ratelimit-remaining", b"7"), *self.fields)
        if asked is not None and asked == self.tag:
            return FakeResponse(304, common)
        length = (b"content-length", b"%d" % len(self.content))
        return FakeResponse(200, (*common, length), self.content)


def play(story, github=None, **settings):
    """Run a story of one house; at its end nothing may be left open."""
    github = github or GitHub()

    async def whole():
        house = House(github, **settings)
        await story(house, github)
        await settle()
        assert house.is_idle()

    asyncio.run(whole())


def conditions(house):
    return [first(request.fields, b"if-none-match") for request in house.upstream.requests]


# Miss, hit, change


def test_a_miss_then_free_validations_then_a_change():
    async def story(house, github):
        assert (await house.get(b"/x")).seen == (200, b"one", "MISS")
        hit = await house.get(b"/x", ALICE)
        assert hit.seen == (200, b"one", "MISS"), "another credential has its own"
        hit = await house.get(b"/x", ALICE)
        assert hit.seen == (200, b"one", "REVALIDATED")
        assert hit.first(b"x-ratelimit-remaining") == b"7"
        github.content = b"two"
        assert (await house.get(b"/x", ALICE)).seen == (200, b"two", "CHANGED")
        assert (await house.get(b"/x", ALICE)).seen == (200, b"two", "REVALIDATED")
        assert conditions(house) == [None, None, b'"6f6e65"', b'"6f6e65"', b'"74776f"']

    play(story)


def test_an_anonymous_validation_costs_one_and_says_so():
    async def story(house, _):
        await house.get(b"/x")
        hit = await house.get(b"/x")
        assert hit.mode == "CHANGED"
        assert hit.first(b"cache-status") == b"ghproxy; hit; fwd=stale; fwd-status=304"

    play(story)


def test_the_origin_sees_the_base_path_and_the_target_byte_for_byte():
    async def story(house, _):
        target = b"/repos/a%2Fb/..//c[]?q=%20&q"
        await house.get(target, ALICE)
        assert house.upstream.requests[0].target == b"/base" + target

    play(story)


def test_two_credentials_never_share_even_in_one_moment():
    async def story(house, _):
        house.upstream.gate.clear()
        clients = [house.client(b"/x", ALICE), house.client(b"/x", BOB), house.client(b"/x")]
        await house.upstream.asked(3)
        house.upstream.gate.set()
        assert [got.mode for got in await asyncio.gather(*clients)] == ["MISS"] * 3

    play(story)


def test_two_media_types_of_one_target_never_mix():
    async def story(house, github):
        house.upstream.answer = lambda request: FakeResponse(
            200, ((b"etag", b'"same"'),), first(request.fields, b"accept") or b""
        )
        house.upstream.gate.clear()
        types = (b"application/json", b"application/vnd.github.diff")
        clients = [house.client(b"/pulls/1", ALICE, (b"accept", kind)) for kind in types]
        await house.upstream.asked(2)
        house.upstream.gate.set()
        assert [got.content for got in await asyncio.gather(*clients)] == list(types)

    play(story)


def test_a_new_limit_reading_writes_nothing_but_a_changed_field_does():
    async def story(house, github):
        await house.get(b"/x", ALICE)
        freshened = []
        freshen = house.store.freshen

        async def spy(key, head):
            freshened.append(head)
            await freshen(key, head)

        house.store.freshen = spy
        github.fields = ((b"date", b"later"), (b"x-ratelimit-used", b"3"))
        await house.get(b"/x", ALICE)
        assert freshened == []
        github.fields = ((b"sunset", b"soon"),)
        await house.get(b"/x", ALICE)
        assert len(freshened) == 1
        github.fields = ()
        assert (await house.get(b"/x", ALICE)).first(b"sunset") == b"soon"

    play(story)


def test_a_304_with_a_length_of_zero_does_not_empty_the_answer():
    async def story(house, github):
        await house.get(b"/x", ALICE)
        house.upstream.answer = lambda _: FakeResponse(
            304, ((b"content-length", b"0"), (b"content-type", b"text/html"))
        )
        hit = await house.get(b"/x", ALICE)
        assert (hit.content, hit.first(b"content-length")) == (b"one", b"3")
        assert hit.first(b"content-type") is None

    play(story)


def test_a_304_for_another_tag_leads_to_one_unconditional_request():
    async def story(house, github):
        await house.get(b"/x", ALICE)
        answers = iter([FakeResponse(304, ((b"etag", b'"other"'),)), None])
        house.upstream.answer = lambda request: next(answers) or GitHub(b"two")(request)
        assert (await house.get(b"/x", ALICE)).seen == (200, b"two", "MISS")
        assert conditions(house)[1:] == [b'"6f6e65"', None]

    play(story)


# The client's own condition


def test_the_clients_condition_never_reaches_a_shared_flight_nor_the_store():
    async def story(house, github):
        await house.get(b"/x", ALICE)
        own = (b"if-none-match", github.tag)
        got = await house.get(b"/x", ALICE, own)
        assert (got.status, got.content, got.mode) == (304, b"", "REVALIDATED")
        assert (await house.get(b"/x", ALICE)).seen == (200, b"one", "REVALIDATED")
        other = await house.get(b"/x", ALICE, (b"if-none-match", b'"old"'))
        assert other.seen == (200, b"one", "REVALIDATED")

    play(story)


def test_on_a_cold_key_the_clients_condition_earns_its_free_304_and_poisons_nothing():
    async def story(house, github):
        got = await house.get(b"/x", ALICE, (b"if-none-match", github.tag))
        assert (got.status, got.content, got.mode) == (304, b"", "REVALIDATED")
        assert got.first(b"x-from-cache") is None
        assert house.store.snapshot().entries == 0
        assert (await house.get(b"/x", ALICE)).seen == (200, b"one", "MISS")

    play(story)


def test_an_anonymous_304_on_a_cold_key_is_not_called_free():
    async def story(house, github):
        assert (await house.get(b"/x", (b"if-none-match", github.tag))).mode == "CHANGED"

    play(story)


def test_on_a_cold_key_a_conditional_client_shares_no_flight():
    async def story(house, github):
        house.upstream.gate.clear()
        plain = house.client(b"/x", ALICE)
        conditional = house.client(b"/x", ALICE, (b"if-none-match", github.tag))
        await house.upstream.asked(2)
        house.upstream.gate.set()
        assert (await plain).seen == (200, b"one", "MISS")
        assert (await conditional).status == 304

    play(story)


def test_on_a_cold_key_what_a_conditional_client_fetches_is_stored():
    async def story(house, github):
        got = await house.get(b"/x", ALICE, (b"if-none-match", b'"old"'))
        assert got.seen == (200, b"one", "MISS")
        assert (await house.get(b"/x", ALICE)).mode == "REVALIDATED"

    play(story)


# HEAD


def test_head_of_a_stored_get_is_validated_and_answered_from_it():
    async def story(house, github):
        await house.get(b"/x", ALICE)
        head = await house.get(b"/x", ALICE, method="HEAD")
        assert (head.status, head.content, head.mode) == (200, b"", "REVALIDATED")
        assert head.first(b"content-length") == b"3"
        assert house.upstream.requests[1].method == "GET"
        github.content = b"two!"
        head = await house.get(b"/x", ALICE, method="HEAD")
        assert (head.mode, head.first(b"content-length")) == ("CHANGED", b"4")
        assert (await house.get(b"/x", ALICE)).seen == (200, b"two!", "REVALIDATED")

    play(story)


def test_head_of_a_cold_key_is_forwarded_and_not_stored():
    async def story(house, github):
        head = await house.get(b"/x", ALICE, method="HEAD")
        assert (head.status, head.mode) == (200, "NO-STORE")
        assert house.upstream.requests[0].method == "HEAD"
        assert house.store.snapshot().entries == 0
        again = await house.get(b"/x", ALICE, method="HEAD")
        assert again.status == 200, "never a 304 to somebody who asked for none"

    play(story)


# Errors never evict


@pytest.mark.parametrize(
    "failure",
    [
        lambda: FakeResponse(403, (), b"no"),
        lambda: FakeResponse(404, (), b"no"),
        lambda: FakeResponse(401, (), b"no"),
        lambda: FakeResponse(410, (), b"no"),
        lambda: FakeResponse(429, (), b"no"),
        lambda: FakeResponse(500, (), b"no"),
        lambda: FakeResponse(200, ((b"etag", b'"n"'),), b"par", CUT),
        REFUSED,
    ],
)
def test_a_failure_never_evicts(failure):
    async def story(house, github):
        await house.get(b"/x", ALICE)
        github.failure = failure
        try:
            assert (await house.get(b"/x", ALICE)).mode == "NO-STORE"
        except UpstreamError as error:
            assert error in {REFUSED, CUT}  # noqa: PT017 - both ways out are right here
        github.failure = None
        assert (await house.get(b"/x", ALICE)).seen == (200, b"one", "REVALIDATED")

    play(story)


def test_a_refusal_is_relayed_and_never_answered_from_the_store():
    async def story(house, github):
        await house.get(b"/x", ALICE)
        github.failure = lambda: FakeResponse(404, ((b"server", b"s"),), b"gone")
        got = await house.get(b"/x", ALICE)
        assert got.seen == (404, b"gone", "NO-STORE")
        assert got.first(b"cache-status") == b"ghproxy; fwd=stale; fwd-status=404"

    play(story)


@pytest.mark.parametrize("status", [502, None])
def test_while_github_fails_the_stored_response_is_given_if_the_operator_allows_it(status):
    async def story(house, github):
        await house.get(b"/x", ALICE)
        github.failure = (lambda: FakeResponse(status, (), b"!")) if status else REFUSED
        house.clock.advance(59)
        stale = await house.get(b"/x", ALICE)
        assert stale.seen == (200, b"one", "STALE")
        cause = "status-502" if status else "connection_refused"
        assert stale.first(b"cache-status") == f"ghproxy; hit; ttl=-59; detail={cause}".encode()
        assert stale.first(b"x-ratelimit-remaining") is None, "no reading is made up"
        house.clock.advance(2)
        if status:
            assert (await house.get(b"/x", ALICE)).status == 502
        else:
            with pytest.raises(UpstreamError):
                await house.get(b"/x", ALICE)

    play(story, stale_if_error_seconds=60)


def test_a_response_that_github_refused_since_does_not_come_back_while_it_fails():
    async def story(house, github):
        await house.get(b"/x", ALICE)
        github.failure = lambda: FakeResponse(404, (), b"gone")
        await house.get(b"/x", ALICE)
        github.failure = REFUSED
        with pytest.raises(UpstreamError):
            await house.get(b"/x", ALICE)
        github.failure = None
        assert (await house.get(b"/x", ALICE)).mode == "REVALIDATED"
        github.failure = REFUSED
        assert (await house.get(b"/x", ALICE)).mode == "STALE"

    play(story, stale_if_error_seconds=60)


def test_the_age_of_a_stale_response_counts_from_its_last_validation():
    async def story(house, github):
        await house.get(b"/x", ALICE)
        for _ in range(3):
            house.clock.advance(50)
            assert (await house.get(b"/x", ALICE)).mode == "REVALIDATED"
        github.failure = REFUSED
        house.clock.advance(59)
        stale = await house.get(b"/x", ALICE)
        assert (stale.mode, b"ttl=-59" in stale.first(b"cache-status")) == ("STALE", True)

    play(story, stale_if_error_seconds=60)


@pytest.mark.parametrize("slots", [1, 2])
def test_an_origin_that_hangs_is_a_failing_origin(slots):
    async def story(house, github):
        await house.get(b"/x", ALICE)
        house.upstream.gate.clear()
        occupant = house.client(b"/busy", ALICE)
        await house.upstream.asked(2)
        assert (await house.get(b"/x", ALICE)).mode == "STALE"
        assert house.upstream.cancelled == slots - 1, "what waited for its slot was never sent"
        house.upstream.gate.set()
        await occupant

    play(story, slots=slots, stale_if_error_seconds=60, answer_timeout_seconds=0.01)


def test_without_something_to_give_instead_a_slow_origin_is_waited_for():
    async def story(house, github):
        house.upstream.gate.clear()
        client = house.client(b"/x", ALICE)
        await house.upstream.asked(1)
        done, _ = await asyncio.wait([client], timeout=0.03)
        assert not done
        house.upstream.gate.set()
        assert (await client).mode == "MISS"

    play(story, stale_if_error_seconds=60, answer_timeout_seconds=0.01)


# Limits and lies


def test_content_up_to_the_limit_is_stored_and_beyond_it_streamed():
    async def story(house, github):
        github.content = bytes(1000)
        assert (await house.get(b"/x", ALICE)).mode == "MISS"
        github.content = bytes(1001)
        big = await house.get(b"/x", ALICE)
        assert (big.mode, big.content) == ("NO-STORE", bytes(1001))
        assert big.first(b"content-length") == b"1001"
        assert house.store.snapshot().entries == 1

    play(story)


def test_content_of_unknown_length_that_turns_out_large_arrives_whole():
    async def story(house, github):
        fields = ((b"etag", b'"t"'),)
        house.upstream.answer = lambda _: FakeResponse(200, fields, bytes(600), bytes(600), b"end")
        got = await house.get(b"/x", ALICE)
        assert got.content == bytes(1200) + b"end"
        assert house.store.snapshot().entries == 0

    play(story)


def test_a_stream_is_taken_as_it_comes_and_not_gathered():
    async def story(house, github):
        more = asyncio.Event()
        house.upstream.answer = lambda _: FakeResponse(200, (), b"first", more, b"second")
        reply = await house.open(b"/x", ALICE)
        assert await anext(reply.chunks) == b"first"
        more.set()
        assert [chunk async for chunk in reply.chunks] == [b"second"]
        assert house.throttle.snapshot().in_use == 0, "the slot goes with the content"
        await reply.aclose()

    play(story)


def test_a_slot_is_held_until_the_content_is_through():
    async def story(house, github):
        house.upstream.answer = lambda _: FakeResponse(200, (), b"1", b"2")
        reply = await house.open(b"/x", ALICE)
        second = house.client(b"/y", ALICE)
        await settle()
        assert (house.throttle.snapshot().in_use, house.throttle.snapshot().waiting) == (1, 1)
        await reply.aclose()
        assert (await second).content == b"12"

    play(story, slots=1)


def test_a_client_that_leaves_while_the_store_is_read_gives_its_slot_back():
    async def story(house, github):
        reading = asyncio.Event()

        async def load(key):
            reading.set()
            await asyncio.Event().wait()

        house.store.load = load
        client = house.client(b"/x", ALICE)
        await reading.wait()
        assert house.throttle.snapshot().in_use == 1
        client.cancel()
        await asyncio.wait([client])
        assert house.upstream.requests == []

    play(story)


def test_a_large_refusal_is_relayed_as_it_comes():
    async def story(house, github):
        content = bytes(200_000)
        house.upstream.answer = lambda _: FakeResponse(404, (), content, content)
        assert (await house.get(b"/x", ALICE)).seen == (404, content * 2, "NO-STORE")

    play(story)


@pytest.mark.parametrize("begun", [0, 1])
def test_a_client_that_leaves_a_stream_gives_everything_back(begun):
    async def story(house, github):
        house.upstream.answer = lambda _: FakeResponse(200, (), b"1", b"2")
        reply = await house.open(b"/x", ALICE)
        for _ in range(begun):
            await anext(reply.chunks)
        await reply.aclose()
        assert house.is_idle()

    play(story)


def test_little_gzip_that_uncompresses_to_much_is_stored_all_the_same():
    async def story(house, github):
        content = gzip.compress(bytes(3_000_000))
        fields = ((b"etag", b'"t"'), (b"content-encoding", b"gzip"))
        house.upstream.answer = lambda _: FakeResponse(200, fields, content)
        assert (await house.get(b"/x", ALICE, GZIP)).seen == (200, content, "MISS")
        assert (await house.get(b"/y", ALICE)).content == bytes(3_000_000)

    play(story, max_stored_bytes=100_000)


@pytest.mark.parametrize("content", [b"{}", gzip.compress(b"{}")[:-3]])
def test_damaged_gzip_is_an_error_and_is_not_stored(content):
    async def story(house, github):
        fields = ((b"etag", b'"t"'), (b"content-encoding", b"gzip"))
        house.upstream.answer = lambda _: FakeResponse(200, fields, content)
        with pytest.raises(UpstreamError, match="gzip"):
            await house.get(b"/x", ALICE, GZIP)
        assert house.store.snapshot().entries == 0

    play(story)


@pytest.mark.parametrize("field", [(), (b"if-none-match", b'"x"')])
def test_a_206_nobody_asked_for_is_an_error(field):
    async def story(house, github):
        house.upstream.answer = lambda _: FakeResponse(206, ((b"etag", b'"t"'),), b"par")
        with pytest.raises(UpstreamError, match="range"):
            await house.get(b"/x", ALICE, *([field] if field else []))
        with pytest.raises(UpstreamError, match="range"):
            await house.get(b"/x", ALICE, (b"cache-control", b"no-store"))
        ranged = await house.get(b"/x", ALICE, (b"range", b"bytes=0-2"))
        assert (ranged.status, ranged.mode) == (206, "SKIP")

    play(story)


def test_a_304_nobody_asked_for_is_an_error_and_is_not_stored():
    async def story(house, github):
        house.upstream.answer = lambda _: FakeResponse(304, ((b"etag", b'"t"'),))
        for method in ("GET", "HEAD"):
            with pytest.raises(UpstreamError, match="without if-none-match"):
                await house.get(b"/x", ALICE, method=method)
        starred = await house.get(b"/user/starred/a/b", ALICE, method="PUT")
        assert starred.status == 304, "GitHub's answer to a star that is there already"
        assert house.store.snapshot().entries == 0
        for field in (b"if-none-match", b"if-modified-since"):
            own = await house.get(b"/x", ALICE, (field, b'"t"'), method="HEAD")
            assert own.status == 304

    play(story)


# Content coding for each client


def test_each_client_gets_the_coding_it_reads_from_one_stored_response():
    async def story(house, github):
        packed = gzip.compress(b"plain")
        fields = ((b"etag", b'W/"t"'), (b"content-encoding", b"gzip"))

        def answer(request):
            assert first(request.fields, b"accept-encoding") == b"gzip"
            if first(request.fields, b"if-none-match"):
                return FakeResponse(304, ((b"etag", b'"t"'),))
            return FakeResponse(200, fields, packed)

        house.upstream.answer = answer
        plain = await house.get(b"/x", ALICE)
        assert (plain.content, plain.first(b"etag")) == (b"plain", b'"t"')
        zipped = await house.get(b"/x", ALICE, GZIP)
        assert (zipped.content, zipped.first(b"etag")) == (packed, b'W/"t"')

    play(story)


def test_a_stream_that_is_not_stored_is_uncompressed_on_its_way_for_those_who_need_it():
    async def story(house, github):
        packed = gzip.compress(b"found" * 1000)
        house.upstream.answer = lambda _: FakeResponse(
            200, ((b"content-encoding", b"gzip"),), packed[:20], packed[20:]
        )
        plain = await house.get(b"/search/issues?q=x", ALICE)
        assert (plain.content, plain.mode) == (b"found" * 1000, "NO-STORE")
        assert plain.first(b"content-encoding") is None
        assert (await house.get(b"/search/issues?q=x", ALICE, GZIP)).content == packed

    play(story)


def test_a_stream_whose_gzip_breaks_off_is_an_error_for_those_who_uncompress():
    async def story(house, github):
        packed = gzip.compress(b"found" * 1000)
        house.upstream.answer = lambda _: FakeResponse(
            200, ((b"content-encoding", b"gzip"),), packed[:-5]
        )
        with pytest.raises(UpstreamError, match="cut short"):
            await house.get(b"/search/issues?q=x", ALICE)

    play(story)


# Coalescing


def test_a_hundred_clients_cost_one_request():
    async def story(house, github):
        house.upstream.gate.clear()
        clients = [house.client(b"/x", ALICE) for _ in range(100)]
        await house.upstream.asked(1)
        await settle()
        house.upstream.gate.set()
        got = await asyncio.gather(*clients)
        assert {g.content for g in got} == {b"one"}
        assert sorted(g.mode for g in got) == ["COALESCED"] * 99 + ["MISS"]
        assert len(house.upstream.requests) == 1
        follower = next(g for g in got if g.mode == "COALESCED")
        assert follower.first(b"cache-status") == b"ghproxy; fwd=uri-miss; collapsed"

    play(story)


def test_followers_of_a_validation_get_their_own_304_head_and_coding():
    async def story(house, github):
        await house.get(b"/x", ALICE)
        house.upstream.gate.clear()
        clients = [
            house.client(b"/x", ALICE),
            house.client(b"/x", ALICE, (b"if-none-match", github.tag)),
            house.client(b"/x", ALICE, method="HEAD"),
        ]
        await house.upstream.asked(2)
        await settle()
        house.upstream.gate.set()
        got = await asyncio.gather(*clients)
        assert [(g.status, g.content) for g in got] == [(200, b"one"), (304, b""), (200, b"")]
        assert len(house.upstream.requests) == 2

    play(story)


def test_a_leader_that_leaves_takes_nobody_along_and_a_last_client_takes_the_request():
    async def story(house, github):
        house.upstream.gate.clear()
        leader, follower = house.client(b"/x", ALICE), house.client(b"/x", ALICE)
        await house.upstream.asked(1)
        leader.cancel()
        await settle()
        assert house.upstream.cancelled == 0
        house.upstream.gate.set()
        assert (await follower).content == b"one"
        house.upstream.gate.clear()
        alone = house.client(b"/y", ALICE)
        await house.upstream.asked(2)
        alone.cancel()
        await settle()
        assert house.upstream.cancelled == 1

    play(story)


def test_a_refused_lookup_is_shared_rather_than_repeated():
    async def story(house, github):
        house.upstream.gate.clear()
        github.failure = lambda: FakeResponse(404, (), b"gone")
        clients = [house.client(b"/x", ALICE) for _ in range(5)]
        await house.upstream.asked(1)
        await settle()
        house.upstream.gate.set()
        assert {g.seen[:2] for g in await asyncio.gather(*clients)} == {(404, b"gone")}
        assert len(house.upstream.requests) == 1

    play(story)


@pytest.mark.parametrize("failure", [REFUSED, lambda: FakeResponse(502, (), b"bad")])
def test_a_failure_is_tried_once_more_by_a_follower_and_then_shared(failure):
    async def story(house, github):
        house.upstream.gate.clear()
        github.failure = failure
        clients = [house.client(b"/x", ALICE) for _ in range(5)]
        await house.upstream.asked(1)
        await settle()
        house.upstream.gate.set()
        got = await asyncio.gather(*clients, return_exceptions=True)
        assert len(house.upstream.requests) == 2
        assert all(g is failure if isinstance(g, BaseException) else g.status == 502 for g in got)

    play(story)


def test_what_cannot_be_stored_is_asked_for_by_each_client_alone():
    async def story(house, github):
        house.upstream.gate.clear()
        answers = iter([b"1", b"2", b"3"])
        house.upstream.answer = lambda _: FakeResponse(200, (), next(answers))
        clients = [house.client(b"/search/code", ALICE) for _ in range(3)]
        await house.upstream.asked(1)
        await settle()
        house.upstream.gate.set()
        got = await asyncio.gather(*clients)
        assert sorted(g.content for g in got) == [b"1", b"2", b"3"]
        assert {g.mode for g in got} == {"NO-STORE"}

    play(story)


def test_a_read_after_a_write_never_joins_a_read_from_before_it():
    async def story(house, github):
        house.upstream.gate.clear()
        early = house.client(b"/x", ALICE)
        await house.upstream.asked(1)
        await house.get(b"/x", BOB, method="PATCH")
        late = house.client(b"/x", ALICE)
        await house.upstream.asked(3)
        house.upstream.gate.set()
        assert {got.content for got in await asyncio.gather(early, late)} == {b"one"}

    play(story)


@pytest.mark.parametrize("outcome", [lambda: FakeResponse(201, (), b"{}"), REFUSED])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_every_write_counts_even_one_whose_answer_was_lost(method, outcome):
    async def story(house, github):
        house.upstream.gate.clear()
        early = house.client(b"/x", ALICE)
        await house.upstream.asked(1)
        github.failure = outcome
        write = house.client(b"/x", ALICE, method=method)
        await asyncio.wait([write])
        assert isinstance(write.exception(), UpstreamError) is (outcome is REFUSED)
        github.failure = None
        late = house.client(b"/x", ALICE)
        await house.upstream.asked(3)
        house.upstream.gate.set()
        await asyncio.gather(early, late)

    play(story)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reads_that_go_alone_do_not_count_as_writes(method):
    async def story(house, github):
        house.upstream.gate.clear()
        early = house.client(b"/x", ALICE)
        await house.upstream.asked(1)
        alone = house.client(b"/rate_limit", ALICE, method=method)
        await house.upstream.asked(2)
        late = house.client(b"/x", ALICE)
        await settle()
        house.upstream.gate.set()
        await asyncio.gather(early, alone, late)
        assert len(house.upstream.requests) == 2

    play(story)


def test_clients_that_come_while_a_flight_waits_for_its_slot_pay_nothing():
    async def story(house, github):
        house.upstream.gate.clear()
        occupant = house.client(b"/busy", ALICE)
        await house.upstream.asked(1)
        clients = []
        for _ in range(4):
            clients.append(house.client(b"/x", ALICE))
            await settle()
            house.clock.advance(1.3)
        house.upstream.gate.set()
        assert sorted(got.mode for got in await asyncio.gather(*clients)) == [
            "COALESCED", "COALESCED", "COALESCED", "MISS",
        ]  # fmt: skip
        assert (await occupant).mode == "MISS"
        assert len(house.upstream.requests) == 2

    play(story, slots=1)


def test_what_was_stored_while_a_flight_waited_for_its_slot_is_what_it_validates():
    async def story(house, github):
        arrival = asyncio.Event()
        house.upstream.answer = lambda _: FakeResponse(
            200, ((b"etag", github.tag),), arrival, b"one"
        )
        early = house.client(b"/x", ALICE)
        await house.upstream.asked(1)
        await settle()
        late = house.client(b"/x", ALICE)  # the first one's head is there: another flight
        await settle()
        house.upstream.answer = github
        arrival.set()
        assert (await early).mode == "MISS"
        assert (await late).mode == "REVALIDATED"

    play(story, slots=1)


def test_a_graphql_query_of_somebody_else_does_not_part_those_who_share():
    async def story(house, github):
        house.upstream.gate.clear()
        clients = [house.client(b"/x", ALICE)]
        await house.upstream.asked(1)
        for content in (b'{"query":"{viewer{login}}"}', b'{"query":"mutation{x}"}'):
            await house.get(b"/graphql", BOB, method="POST", content=content)
            clients.append(house.client(b"/x", ALICE))
            await settle()
        house.upstream.gate.set()
        modes = sorted(got.mode for got in await asyncio.gather(*clients))
        assert modes == ["COALESCED", "MISS", "MISS"], (
            "only the mutation may have changed something"
        )

    play(story)


def test_a_cookie_for_the_leader_reaches_no_follower():
    async def story(house, github):
        github.fields = ((b"set-cookie", b"_gh_sess=leader"),)
        house.upstream.gate.clear()
        clients = [house.client(b"/x") for _ in range(3)]
        await house.upstream.asked(1)
        await settle()
        house.upstream.gate.set()
        got = {g.mode: g.first(b"set-cookie") for g in await asyncio.gather(*clients)}
        assert got == {"MISS": b"_gh_sess=leader", "COALESCED": None}

    play(story)


@pytest.mark.parametrize("status", [400, 413, 414, 431])
def test_a_refusal_of_the_leaders_own_fields_is_not_the_followers(status):
    async def story(house, github):
        house.upstream.gate.clear()

        def answer(request):
            is_odd = first(request.fields, b"x-junk") is not None
            return FakeResponse(status, (), b"no") if is_odd else github(request)

        house.upstream.answer = answer
        odd = house.client(b"/x", ALICE, (b"x-junk", b"x" * 9000))
        await house.upstream.asked(1)
        clean = [house.client(b"/x", ALICE) for _ in range(3)]
        await settle()
        house.upstream.gate.set()
        assert (await odd).status == status
        assert {got.status for got in await asyncio.gather(*clean)} == {200}
        assert len(house.upstream.requests) == 2

    play(story)


# What goes on without the cache


def test_a_write_is_sent_as_it_came_and_its_answer_is_relayed():
    async def story(house, github):
        house.upstream.answer = lambda _: FakeResponse(
            201, ((b"etag", b'"t"'), (b"location", b"/y")), b"made"
        )
        got = await house.get(
            b"/x", ALICE, (b"x-prow-secret", b"1"), (b"x-forwarded-for", b"1"),
            (b"content-length", b"2"), method="POST", content=b"{}",
        )  # fmt: skip
        assert got.seen == (201, b"made", "SKIP")
        assert house.upstream.contents == [b"{}"]
        names = {name for name, _ in house.upstream.requests[0].fields}
        assert names == {b"user-agent", b"authorization"}
        assert house.store.snapshot().entries == 0

    play(story)


def test_nothing_is_added_to_a_forwarded_request():
    async def story(house, github):
        fields = (ALICE, (b"accept", b"a"), (b"accept", b"b"), (b"accept-encoding", b"br"))
        await house.get(b"/rate_limit", *fields)
        assert house.upstream.requests[0].fields == ((b"user-agent", b"hook/1"), *fields)

    play(story)


# What was sent is told


def test_each_request_that_went_out_is_reported_with_its_limits():
    async def story(house, github):
        github.fields = (
            (b"x-ratelimit-limit", b"60"), (b"x-ratelimit-reset", b"5"),
            (b"x-ratelimit-resource", b"core"),
        )  # fmt: skip
        await house.get(b"/x", ALICE)
        github.failure = REFUSED
        with pytest.raises(UpstreamError):
            await house.get(b"/x", ALICE)
        assert [(sent.method, sent.target, sent.status) for sent in house.sent] == [
            ("GET", b"/x", 200), ("GET", b"/x", 0),
        ]  # fmt: skip
        limit = house.sent[0].rate_limit
        assert (limit.resource, limit.limit, limit.remaining, limit.reset_at) == ("core", 60, 7, 5)
        assert "alice" not in repr(house.sent)

    play(story)
