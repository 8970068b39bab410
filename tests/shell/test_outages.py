"""Spells of failure in the log: one line at the beginning, one at the end, no request in either."""

import asyncio
import logging

import pytest

from ghproxy.core.errors import ProxyError, UpstreamError
from ghproxy.outages import QUIET_SECONDS, Outages
from tests.support.clock import FakeClock
from tests.support.house import ALICE, House, settle
from tests.support.upstream import FakeResponse

REFUSED = UpstreamError(ProxyError.CONNECTION_REFUSED, "origin.test refused the connection.")
CUT = UpstreamError(ProxyError.HTTP_RESPONSE_INCOMPLETE, "The origin's response was cut short.")
FAILS = ("WARNING", "origin.test fails: connection_refused: origin.test refused the connection.")
FAILS_AGAIN = (FAILS[0], FAILS[1].replace("fails", "fails again"))


@pytest.fixture
def told(caplog):
    """Level and text of what was logged, as a function that may be called again."""
    caplog.set_level(logging.DEBUG, "ghproxy")
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records]


class Spells:
    def __init__(self):
        self.clock = FakeClock()
        self.outages = Outages("origin.test", self.clock, patience_seconds=15)

    def fail(self, seconds_later=0.0):
        self.clock.advance(seconds_later)
        self.outages.failed(REFUSED)

    def answer(self, seconds_later=0.0):
        self.clock.advance(seconds_later)
        self.outages.answered()


def test_a_spell_is_told_at_its_beginning_and_at_its_end(told):
    spells = Spells()
    spells.answer()
    assert told() == []
    for _ in range(1000):
        spells.fail(0.5)
    assert told() == [FAILS]
    for _ in range(1000):
        spells.answer(0.5)
    end = "origin.test answers again: 1000 request(s) had failed within 500 s"
    assert told() == [FAILS, ("INFO", end)]


def test_an_origin_that_fails_every_other_time_is_not_told_every_time(told):
    spells = Spells()
    for _ in range(1000):
        spells.fail(0.01)
        spells.answer(0.01)
    levels = [level for level, _ in told()]
    assert levels == ["WARNING", "INFO", "WARNING"]
    assert told()[2] == FAILS_AGAIN
    spells.answer(QUIET_SECONDS - 1)
    assert len(told()) == 3
    spells.answer(1)
    assert told()[3] == (
        "INFO",
        "origin.test answers again: 999 request(s) had failed within 80 s",
    )


def test_after_a_quiet_minute_a_spell_is_a_new_one(told):
    spells = Spells()
    for _ in range(3):
        spells.fail(QUIET_SECONDS)
        spells.answer()
    assert [level for level, _ in told()] == ["WARNING", "INFO"] * 3
    assert "again:" not in told()[-2][1]


def test_silence_that_nobody_waited_out_counts_once_it_is_long(told):
    spells = Spells()
    spells.outages.given_up(14.9)
    assert told() == []
    spells.outages.given_up(15)
    detail = "origin.test fails: http_response_timeout: No answer came within 15 s."
    assert told() == [("WARNING", detail)]


# What the origin's requests make of it


def play(story, answer):
    async def whole():
        house = House(answer)
        await story(house)
        await settle()
        assert house.is_idle()

    asyncio.run(whole())


def test_what_failed_is_told_without_its_target_or_credential_and_counted_by_its_kind(told):
    answers = [FakeResponse(200), REFUSED, REFUSED, REFUSED]

    async def story(house):
        for method in ("POST", "GET", "HEAD"):
            with pytest.raises(UpstreamError):
                await house.get(b"/secret?q=secret", ALICE, method=method)
        await house.get(b"/secret?q=secret", ALICE)
        assert [(sent.status, sent.error) for sent in house.sent] == [
            (0, "connection_refused"),
            (0, "connection_refused"),
            (0, "connection_refused"),
            (200, ""),
        ]

    play(story, lambda _: answers.pop())
    end = "origin.test answers again: 3 request(s) had failed within 0 s"
    assert told() == [FAILS, ("INFO", end)]


def test_an_answer_that_breaks_off_is_a_failure(told):
    async def story(house):
        with pytest.raises(UpstreamError):
            await house.get(b"/")

    play(story, lambda _: FakeResponse(200, (), b"begun", CUT))
    assert [level for level, _ in told()] == ["WARNING"]


def test_a_refusal_is_an_answer(told):
    async def story(house):
        await house.get(b"/")

    play(story, lambda _: FakeResponse(503))
    assert told() == []


@pytest.mark.parametrize(("seconds", "count"), [(9, 0), (10, 1)])
def test_a_client_that_leaves_is_no_failure_unless_the_origin_was_silent_for_long(
    told, seconds, count
):
    async def story(house):
        house.upstream.gate.clear()
        client = house.client(b"/", ALICE)
        await house.upstream.asked(1)
        house.clock.advance(seconds)
        client.cancel()
        await asyncio.wait({client})
        await settle()
        assert [(sent.status, sent.error) for sent in house.sent] == [(0, "")]

    play(story, lambda _: FakeResponse(200))
    assert len(told()) == count
