"""The main port's endpoint, driven as ASGI drives it, over a gateway with a fake origin."""

import asyncio
import json

import pytest

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.core.outcome import Outcome
from ghproxy.web.protocol import TornResponse
from ghproxy.web.proxy import ProxyEndpoint, ProxySettings
from ghproxy.web.request_content import RequestContentSettings
from ghproxy.web.response_writer import WritingSettings
from tests.support.house import ALICE, House, settle
from tests.support.upstream import FakeResponse

CUT = UpstreamError(ProxyError.HTTP_RESPONSE_INCOMPLETE, "The origin's answer was cut short.")


class Client:
    """One request through the endpoint; `sent` is what the server was given to write."""

    def __init__(self, answer, **settings):
        self.house = House(answer, max_stored_bytes=1_000_000)
        self.outcomes: list[Outcome] = []
        self.endpoint = ProxyEndpoint(
            ProxySettings(**settings), self.house.gateway, self.house.clock, self.outcomes.append
        )
        self.sent = []
        self.messages: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.reads = 1000

    async def send(self, message):
        if len(self.sent) == self.reads:
            await asyncio.Event().wait()
        self.sent.append(message)

    def say(self, body, *, more_body=False):
        self.messages.put_nowait({"type": "http.request", "body": body, "more_body": more_body})

    async def ask(self, target=b"/x", *fields, method="GET"):
        path, _, query = target.partition(b"?")
        scope = {
            "type": "http",
            "method": method,
            "raw_path": path,
            "query_string": query,
            "ghproxy.target": target,
            "headers": [(b"user-agent", b"hook/1"), *fields],
        }
        await self.endpoint(scope, self.messages.get, self.send)

    @property
    def status(self):
        return self.sent[0]["status"]

    @property
    def fields(self):
        return self.sent[0]["headers"]

    @property
    def content(self):
        return b"".join(message["body"] for message in self.sent[1:])

    def values(self, name):
        return [value for line, value in self.fields if line == name]


def tell(story, answer=None, **settings):
    async def whole():
        client = Client(
            answer or (lambda _: FakeResponse(200, ((b"etag", b'"t"'),), b"one")), **settings
        )
        await story(client)
        await settle()
        assert client.house.is_idle()

    asyncio.run(whole())


def test_an_answer_is_written_and_its_outcome_recorded_once():
    async def story(client):
        await client.ask(b"/x?", ALICE)
        assert (client.status, client.content) == (200, b"one")
        assert client.house.upstream.requests[0].target == b"/base/x?"
        (outcome,) = client.outcomes
        assert (outcome.mode, outcome.status, outcome.target) == ("MISS", 200, b"/x?")
        assert outcome.user_agent == "hook/1"
        assert "alice" not in repr(outcome)

    tell(story)


def test_a_field_that_goes_no_further_selects_nothing_either():
    async def story(client):
        nominated = ((b"connection", b"Accept, keep-alive"), (b"accept", b"raw"))
        await client.ask(b"/x", ALICE, *nominated)
        assert client.values(b"x-cache-mode") == [b"MISS"]
        client.sent.clear()
        await client.ask(b"/x", ALICE, (b"accept", b"raw"))
        assert client.values(b"x-cache-mode") == [b"MISS"], "another request than the first"
        accepted = [
            dict(request.fields).get(b"accept") for request in client.house.upstream.requests
        ]
        assert accepted == [None, b"raw"]

    tell(story)


def test_a_request_whose_user_agent_goes_no_further_leads_nobody():
    async def story(client):
        await client.ask(b"/x", ALICE, (b"connection", b"user-agent"))
        assert client.values(b"x-cache-mode") == [b"SKIP"]

    tell(story)


@pytest.mark.parametrize("given", [b"my-id", None])
def test_every_answer_has_one_request_id_the_clients_if_it_gave_one(given):
    async def story(client):
        await client.ask(b"/x", ALICE, *([(b"x-request-id", given)] if given else []))
        (request_id,) = client.values(b"x-request-id")
        assert request_id == given or (given is None and len(request_id) > 8)

    tell(story, lambda _: FakeResponse(200, ((b"x-request-id", b"origins"),), b"one"))


def test_generated_request_ids_differ():
    async def story(client):
        await client.ask()
        first = client.values(b"x-request-id")
        client.sent.clear()
        await client.ask()
        assert client.values(b"x-request-id") != first

    tell(story)


def test_no_answer_is_a_502_that_sdks_understand():
    async def story(client):
        await client.ask()
        assert client.status == 502
        told = json.loads(client.content)
        assert told["message"] == "Bad Gateway: The origin's answer was cut short."
        assert told["status"] == "502"
        assert client.values(b"proxy-status")[0].startswith(
            b"ghproxy; error=http_response_incomplete"
        )
        assert client.values(b"x-request-id")
        (outcome,) = client.outcomes
        assert (outcome.mode, outcome.status, outcome.error) == ("ERROR", 502, CUT.detail)

    tell(story, lambda _: CUT)


def test_an_origin_that_is_too_slow_is_a_504():
    async def story(client):
        await client.ask()
        assert client.status == 504

    tell(story, lambda _: UpstreamError(ProxyError.HTTP_RESPONSE_TIMEOUT, "Too slow."))


def test_content_that_breaks_before_its_first_byte_is_still_a_clean_502():
    async def story(client):
        await client.ask(b"/search/issues")
        assert client.status == 502

    tell(story, lambda _: FakeResponse(200, (), CUT))


def test_content_that_breaks_later_tears_the_connection():
    async def story(client):
        with pytest.raises(TornResponse):
            await client.ask(b"/search/issues")
        assert (client.status, client.content) == (200, b"par")
        assert all(message.get("more_body", True) for message in client.sent[1:])
        (outcome,) = client.outcomes
        assert (outcome.mode, outcome.status) == ("ERROR", 200)

    tell(story, lambda _: FakeResponse(200, (), b"par", CUT))


def test_a_request_that_takes_too_long_is_a_503_with_prows_text():
    async def story(client):
        client.house.upstream.gate.clear()
        await client.ask()
        assert (client.status, client.content) == (503, b"ghproxy timed out after 10ms")
        await settle()
        assert client.house.upstream.cancelled == 1

    tell(story, request_timeout_seconds=0.01)


def test_the_time_for_an_answer_does_not_limit_its_content():
    async def story(client):
        more = asyncio.Event()
        client.house.upstream.answer = lambda _: FakeResponse(200, (), b"1", more, b"2")
        asking = asyncio.create_task(client.ask(b"/search/issues"))
        while len(client.sent) < 2:  # noqa: ASYNC110 - the client reads until the first chunk
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.03, more.set)
        await asking
        assert client.content == b"12"

    tell(story, request_timeout_seconds=0.01)


def test_a_client_that_leaves_stops_its_request_and_is_recorded_without_a_status():
    async def story(client):
        client.house.upstream.gate.clear()
        asking = asyncio.create_task(client.ask())
        await client.house.upstream.asked(1)
        asking.cancel()
        await asyncio.wait([asking])
        await settle()
        assert client.house.upstream.cancelled == 1
        (outcome,) = client.outcomes
        assert (outcome.mode, outcome.status) == ("ERROR", 0)

    tell(story)


def test_a_client_that_leaves_during_the_content_lets_the_origin_go():
    async def story(client):
        client.house.upstream.answer = lambda _: FakeResponse(200, (), b"1", asyncio.Event(), b"2")
        asking = asyncio.create_task(client.ask(b"/search/issues"))
        while len(client.sent) < 2:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        await settle()
        assert client.house.is_idle()

    tell(story)


@pytest.mark.parametrize("reads", [0, 1, 2, 3])
def test_a_client_that_does_not_read_is_cut_off(reads):
    async def story(client):
        client.reads = reads
        with pytest.raises(TornResponse):
            await client.ask(b"/search/issues")
        assert len(client.sent) == reads

    tell(
        story,
        lambda _: FakeResponse(200, (), b"1", b"2"),
        writing=WritingSettings(piece_timeout_seconds=0.01),
    )


@pytest.mark.parametrize("reads", [0, 1])
def test_a_client_that_does_not_read_a_whole_answer_is_cut_off_too(reads):
    async def story(client):
        client.reads = reads
        with pytest.raises(TornResponse):
            await client.ask(b"/x", ALICE)

    tell(story, writing=WritingSettings(piece_timeout_seconds=0.01))


@pytest.mark.parametrize("pace", ["stops", "crawls"])
def test_a_client_that_only_reads_slowly_gives_its_slot_to_others(pace):
    async def story(client):
        throttle = client.house.throttle
        released = asyncio.Event()
        send, pieces = client.send, []

        async def slowly(message):
            pieces.append(message)
            if pace == "stops" and len(pieces) == 3:
                await released.wait()
            await asyncio.sleep(0.004)
            await send(message)
            if throttle.snapshot().in_use == 0:
                released.set()

        client.send = slowly
        asking = asyncio.create_task(client.ask(b"/search/issues"))
        while throttle.snapshot().in_use == 0:  # noqa: ASYNC110 - until it is admitted
            await asyncio.sleep(0)
        while throttle.snapshot().in_use:  # noqa: ASYNC110 - until it is called slow
            await asyncio.sleep(0.001)
        released.set()
        assert not asking.done()
        await asking
        assert client.content == bytes(50)

    tell(
        story,
        lambda _: FakeResponse(200, (), *[b"\0"] * 50),
        writing=WritingSettings(slow_seconds=0.02),
    )


def test_a_client_that_keeps_up_holds_its_slot_to_the_end():
    async def story(client):
        more = asyncio.Event()
        client.house.upstream.answer = lambda _: FakeResponse(200, (), b"1", more, b"2")
        asking = asyncio.create_task(client.ask(b"/search/issues"))
        while len(client.sent) < 2:  # noqa: ASYNC110 - the client reads until the first chunk
            await asyncio.sleep(0)
        await asyncio.wait([asking], timeout=0.03)
        assert client.house.throttle.snapshot().in_use == 1, "the origin is slow, not the client"
        more.set()
        await asking

    tell(story, writing=WritingSettings(slow_seconds=0.01))


def test_content_whose_first_byte_does_not_come_is_a_503():
    async def story(client):
        await client.ask(b"/search/issues")
        assert (client.status, client.content) == (503, b"ghproxy timed out after 10ms")

    tell(
        story, lambda _: FakeResponse(200, (), asyncio.Event(), b"1"), request_timeout_seconds=0.01
    )


def test_head_and_304_have_no_content_and_a_304_no_length():
    async def story(client):
        await client.ask(b"/x", ALICE)
        client.sent.clear()
        await client.ask(b"/x", ALICE, method="HEAD")
        assert (client.status, client.content) == (200, b"")
        assert client.values(b"content-length") == [b"3"]
        client.sent.clear()
        client.house.upstream.answer = lambda _: FakeResponse(304, ((b"content-length", b"0"),))
        await client.ask(b"/x", ALICE, (b"if-none-match", b'"t"'))
        assert (client.status, client.content) == (304, b"")
        assert client.values(b"content-length") == []

    tell(story)


def test_a_forwarded_304_with_a_length_is_written_without_it():
    async def story(client):
        await client.ask(b"/x", ALICE, (b"cache-control", b"no-store"), (b"if-none-match", b'"t"'))
        assert (client.status, client.values(b"content-length")) == (304, [])

    tell(story, lambda _: FakeResponse(304, ((b"content-length", b"9"),)))


def test_large_stored_content_is_written_in_pieces():
    async def story(client):
        await client.ask(b"/x", ALICE)
        assert client.content == bytes(200_000)
        assert max(len(message["body"]) for message in client.sent[1:]) == 65_536

    tell(story, lambda _: FakeResponse(200, ((b"etag", b'"t"'),), bytes(200_000)))


# The request's content


def created(_):
    return FakeResponse(201, (), b"{}")


def test_small_content_is_gathered_before_the_origin_is_asked():
    async def story(client):
        asking = asyncio.create_task(
            client.ask(b"/x", ALICE, (b"content-length", b"6"), method="POST")
        )
        client.say(b"abc", more_body=True)
        await settle()
        assert client.house.upstream.requests == [], "a trickling client holds no connection"
        client.say(b"def")
        await asking
        assert client.house.upstream.contents == [b"abcdef"]
        assert client.house.upstream.requests[0].content_bytes == 6
        assert client.status == 201

    tell(story, created)


def test_a_chunked_request_states_no_length():
    async def story(client):
        client.say(b"abc")
        await client.ask(b"/x", ALICE, (b"transfer-encoding", b"chunked"), method="POST")
        assert client.house.upstream.requests[0].content_bytes in {None, 3}
        assert client.house.upstream.contents == [b"abc"]

    tell(story, created)


def test_a_request_without_content_never_waits_for_any():
    async def story(client):
        await client.ask(b"/x", ALICE, method="DELETE")
        await client.ask(b"/x", ALICE, (b"content-length", b"0"), method="POST")
        assert client.house.upstream.contents == [b"", b""]

    tell(story, created)


SMALL = RequestContentSettings(gathered_bytes=10, block_bytes=4, block_timeout_seconds=0.01)


def test_large_content_streams_in_blocks():
    async def story(client):
        asking = asyncio.create_task(
            client.ask(b"/x", ALICE, (b"content-length", b"26"), method="PUT")
        )
        for letter in b"abcdefghijklmnopqrstuvwxyz":
            client.say(bytes([letter]), more_body=letter != ord("z"))
        await asking
        assert client.house.upstream.contents == [b"abcdefghijklmnopqrstuvwxyz"]

    tell(story, created, content=SMALL)


@pytest.mark.parametrize("begun", [b"", b"abc", b"abcdefghijklmnop"])
def test_content_that_stalls_is_a_408_and_reaches_nobody_whole(begun):
    async def story(client):
        if begun:
            client.say(begun, more_body=True)
        await client.ask(b"/x", ALICE, (b"content-length", b"26"), method="PUT")
        assert client.status == 408
        assert json.loads(client.content)["status"] == "408"
        assert client.values(b"connection") == [b"close"]
        assert client.house.upstream.contents == []

    tell(story, created, content=SMALL)


def test_a_client_that_disconnects_amid_its_content_ends_the_request():
    async def story(client):
        client.say(b"abc", more_body=True)
        client.messages.put_nowait({"type": "http.disconnect"})
        await client.ask(b"/x", ALICE, (b"content-length", b"26"), method="PUT")
        assert client.house.upstream.requests == []
        assert client.outcomes[0].error == "the client left"

    tell(story, created)


def test_a_large_upload_that_waits_for_a_slot_has_its_time_too():
    async def story(client):
        client.house.upstream.gate.clear()
        occupants = [client.house.client(b"/%d" % number) for number in range(25)]
        await client.house.upstream.asked(25)
        client.say(b"x" * 20)
        await client.ask(b"/x", ALICE, (b"content-length", b"20"), method="PUT")
        assert client.status == 503
        client.house.upstream.gate.set()
        await asyncio.gather(*occupants)

    tell(story, created, content=SMALL, request_timeout_seconds=0.02)


def test_the_time_for_an_answer_runs_from_the_end_of_the_content():
    async def story(client):
        client.house.upstream.gate.clear()
        asking = asyncio.create_task(client.ask(b"/rate_limit", ALICE, (b"content-length", b"2")))
        loop = asyncio.get_running_loop()
        loop.call_later(0.03, client.say, b"{}")
        await asking
        assert client.status == 503

    tell(story, created, request_timeout_seconds=0.02)
