"""The six endings of a flight, and what must never happen to those who wait for one."""

import asyncio
import gc

import pytest

from ghproxy.coalescer import Coalescer, CoalescerSettings, Landing, Sharing
from ghproxy.core.stored import CacheKey
from tests.support.clock import FakeClock

KEY = CacheKey(b"r", b"p")


class Result:
    def __init__(self, name):
        self.name = name
        self.is_closed = False


class Airport:
    """Flights whose landing the test decides."""

    def __init__(self, settings=None):
        self.clock = FakeClock()
        self.coalescer = Coalescer(settings or CoalescerSettings(), self.clock, self.dispose)
        self.flights = []
        self.landings = []
        self.may_depart = True

    async def dispose(self, result):
        result.is_closed = True

    async def perform(self, flight):
        landing = asyncio.get_running_loop().create_future()
        if self.may_depart:
            flight.depart()
        self.flights.append(flight)
        self.landings.append(landing)
        return await landing

    def passenger(self, key=KEY):
        return asyncio.create_task(self.coalescer.join(key, self.perform))

    def land(self, number, sharing=Sharing.EVERYBODY):
        result = Result(f"flight {number}")
        self.landings[number].set_result(Landing(result, sharing))
        return result


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


def test_everybody_gets_what_one_flight_brought():
    async def story():
        airport = Airport()
        passengers = [airport.passenger() for _ in range(100)]
        await settle()
        assert len(airport.flights) == 1
        assert airport.coalescer.snapshot().waiting == 100
        result = airport.land(0)
        arrivals = await asyncio.gather(*passengers)
        assert {arrival.result for arrival in arrivals} == {result}
        assert [arrival.is_leader for arrival in arrivals].count(True) == 1
        assert airport.coalescer.snapshot().flights == 0
        assert airport.coalescer.snapshot().waiting == 0

    asyncio.run(story())


def test_different_keys_never_share():
    async def story():
        airport = Airport()
        airport.passenger(), airport.passenger(CacheKey(b"r", b"q"))
        await settle()
        assert len(airport.flights) == 2
        await airport.coalescer.aclose()

    asyncio.run(story())


def test_a_follower_is_not_cancelled_with_its_leader():
    async def story():
        airport = Airport()
        leader, follower = airport.passenger(), airport.passenger()
        await settle()
        leader.cancel()
        await settle()
        result = airport.land(0)
        assert (await follower).result is result
        assert leader.cancelled()

    asyncio.run(story())


def test_a_flight_that_nobody_waits_for_is_cancelled_and_boards_nobody():
    async def story():
        airport = Airport()
        passengers = [airport.passenger(), airport.passenger()]
        await settle()
        for passenger in passengers:
            passenger.cancel()
        await asyncio.wait(passengers)
        late = airport.passenger()
        await settle()
        assert airport.landings[0].cancelled()
        assert len(airport.flights) == 2
        result = airport.land(1)
        assert (await late).result is result

    asyncio.run(story())


def test_nobody_boards_a_flight_that_is_being_cancelled():
    async def story():
        airport = Airport()
        passenger = airport.passenger()
        await settle()
        passenger.cancel()
        await asyncio.sleep(0)  # it has left, and the flight does not know its end yet
        late = airport.passenger()
        await settle()
        result = airport.land(1)
        assert (await late).result is result

    asyncio.run(story())


def test_whoever_leaves_as_the_flight_breaks_down_just_leaves():
    async def story():
        airport = Airport()
        passenger = airport.passenger()
        await settle()
        airport.landings[0].set_exception(ZeroDivisionError())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        passenger.cancel()
        await asyncio.wait([passenger])
        assert passenger.cancelled()

    asyncio.run(story())


def test_a_passenger_that_leaves_before_the_flight_has_begun_leaves_nothing_behind():
    async def story():
        airport = Airport()
        passenger = airport.passenger()
        await asyncio.sleep(0)  # the flight's task exists and has not run yet
        passenger.cancel()
        await settle()
        assert airport.coalescer.snapshot().flights == 0
        assert airport.coalescer._flights == {}

    asyncio.run(story())


def test_after_a_passing_failure_one_follower_leads_a_new_flight_for_the_others():
    async def story():
        airport = Airport()
        passengers = [airport.passenger() for _ in range(4)]
        await settle()
        first = airport.land(0, Sharing.TRANSIENT)
        await settle()
        assert passengers[0].result().result is first, "the leader is told at once"
        assert len(airport.flights) == 2
        second = airport.land(1)
        assert {arrival.result for arrival in await asyncio.gather(*passengers[1:])} == {second}

    asyncio.run(story())


def test_a_second_failure_is_shared():
    async def story():
        airport = Airport()
        passengers = [airport.passenger() for _ in range(4)]
        await settle()
        airport.land(0, Sharing.TRANSIENT)
        await settle()
        second = airport.land(1, Sharing.TRANSIENT)
        assert {arrival.result for arrival in await asyncio.gather(*passengers[1:])} == {second}
        assert len(airport.flights) == 2

    asyncio.run(story())


def test_what_is_not_shareable_goes_to_one_and_the_others_go_alone():
    async def story():
        airport = Airport()
        passengers = [airport.passenger() for _ in range(3)]
        await settle()
        result = airport.land(0, Sharing.ONE)
        arrivals = await asyncio.gather(*passengers)
        assert [arrival.result for arrival in arrivals] == [result, None, None]
        assert not result.is_closed

    asyncio.run(story())


def test_a_follower_takes_what_its_departed_leader_does_not_take():
    async def story():
        airport = Airport()
        leader, follower = airport.passenger(), airport.passenger()
        await settle()
        result = airport.land(0, Sharing.ONE)
        leader.cancel()  # it has landed, and the leader has not looked yet
        arrival = await follower
        assert (arrival.result, arrival.is_leader) == (result, True)
        assert not result.is_closed

    asyncio.run(story())


def test_what_nobody_takes_is_closed():
    async def story():
        airport = Airport()
        passengers = [airport.passenger(), airport.passenger()]
        await settle()
        result = airport.land(0, Sharing.ONE)
        await asyncio.sleep(0)
        for passenger in passengers:
            passenger.cancel()
        await asyncio.wait(passengers)
        assert result.is_closed

    asyncio.run(story())


def test_what_one_took_is_not_closed_when_another_leaves():
    async def story():
        airport = Airport()
        leader, follower = airport.passenger(), airport.passenger()
        await settle()
        result = airport.land(0, Sharing.ONE)
        follower.cancel()
        assert (await leader).result is result
        await settle()
        assert not result.is_closed

    asyncio.run(story())


IMPATIENT = CoalescerSettings(boarding_seconds=1, patience_seconds=0)


async def impatient_follower(airport):
    """A leader in flight 0, and a follower in it whose patience has ended: it has a seat in 1."""
    leader = airport.passenger()
    await settle()
    follower = airport.passenger()
    await asyncio.sleep(0)  # it has boarded; its patience ends in the next round
    airport.clock.advance(2)
    await settle()
    assert len(airport.flights) == 2
    return leader, follower


@pytest.mark.parametrize("first", [0, 1])
def test_a_follower_that_waited_too_long_goes_with_whichever_flight_lands_first(first):
    async def story():
        airport = Airport(IMPATIENT)
        leader, follower = await impatient_follower(airport)
        result = airport.land(first)
        assert (await follower).result is result
        await settle()
        if first == 0:
            assert airport.landings[1].cancelled(), "nobody waits for the newer one any more"
        else:
            airport.land(0)
        await leader
        assert airport.coalescer.snapshot().flights == 0

    asyncio.run(story())


@pytest.mark.parametrize("failed", [0, 1])
def test_a_failed_flight_does_not_end_the_wait_for_the_other(failed):
    async def story():
        airport = Airport(IMPATIENT)
        leader, follower = await impatient_follower(airport)
        airport.land(failed, Sharing.TRANSIENT)
        await settle()
        assert not follower.done()
        result = airport.land(1 - failed)
        assert (await follower).result is result
        await leader

    asyncio.run(story())


def test_an_unexpected_error_in_one_flight_does_not_end_the_wait_for_the_other():
    async def story():
        airport = Airport(IMPATIENT)
        leader, follower = await impatient_follower(airport)
        airport.landings[0].set_exception(ZeroDivisionError())
        await settle()
        result = airport.land(1)
        assert (await follower).result is result
        with pytest.raises(ZeroDivisionError):
            await leader

    asyncio.run(story())


def test_two_failed_flights_end_the_wait():
    async def story():
        airport = Airport(IMPATIENT)
        leader, follower = await impatient_follower(airport)
        airport.land(0, Sharing.TRANSIENT)
        await settle()
        last = airport.land(1, Sharing.TRANSIENT)
        assert (await follower).result is last
        assert len(airport.flights) == 2
        await leader

    asyncio.run(story())


def test_a_follower_with_two_seats_that_leaves_gives_up_both():
    async def story():
        airport = Airport(IMPATIENT)
        leader, follower = await impatient_follower(airport)
        follower.cancel()
        await asyncio.wait([follower])
        await settle()
        assert airport.landings[1].cancelled()
        result = airport.land(0)
        assert (await leader).result is result

    asyncio.run(story())


def test_a_last_follower_with_two_seats_ends_both_flights():
    async def story():
        airport = Airport(IMPATIENT)
        leader, follower = await impatient_follower(airport)
        for passenger in (leader, follower):
            passenger.cancel()
        await asyncio.wait([leader, follower])
        await settle()
        assert [landing.cancelled() for landing in airport.landings] == [True, True]

    asyncio.run(story())


def test_what_the_other_flight_brought_for_one_is_closed():
    async def story():
        airport = Airport(IMPATIENT)
        leader, follower = await impatient_follower(airport)
        old, new = airport.land(0), airport.land(1, Sharing.ONE)
        assert (await follower).result is old
        assert (await leader).result is old
        assert new.is_closed

    asyncio.run(story())


def test_a_flight_that_waits_to_depart_is_open_to_everybody():
    async def story():
        airport = Airport()
        airport.may_depart = False
        passengers = [airport.passenger()]
        await settle()
        airport.clock.advance(1000)
        airport.coalescer.note_write()
        passengers.append(airport.passenger())
        await settle()
        assert len(airport.flights) == 1
        airport.flights[0].depart()
        passengers.append(airport.passenger())
        await settle()
        assert len(airport.flights) == 1
        airport.coalescer.note_write()
        passengers.append(airport.passenger())
        await settle()
        assert len(airport.flights) == 2
        old, new = airport.land(0), airport.land(1)
        arrivals = await asyncio.gather(*passengers)
        assert [arrival.result for arrival in arrivals] == [old, old, old, new]

    asyncio.run(story())


def test_nobody_boards_a_flight_that_is_too_old():
    async def story():
        airport = Airport(CoalescerSettings(boarding_seconds=1))
        airport.passenger()
        await settle()
        airport.clock.advance(1)
        airport.passenger()
        await settle()
        assert len(airport.flights) == 1
        airport.clock.advance(0.001)
        airport.passenger()
        await settle()
        assert len(airport.flights) == 2
        await airport.coalescer.aclose()

    asyncio.run(story())


def test_nobody_boards_once_the_origin_has_answered():
    async def story():
        airport = Airport()
        airport.passenger()
        await settle()
        airport.flights[0].close_boarding()
        airport.passenger()
        await settle()
        assert len(airport.flights) == 2
        await airport.coalescer.aclose()

    asyncio.run(story())


def test_nobody_boards_a_flight_that_started_before_a_write():
    async def story():
        airport = Airport()
        first = airport.passenger()
        await settle()
        airport.coalescer.note_write()
        second = airport.passenger()
        await settle()
        assert len(airport.flights) == 2
        new, old = airport.land(1), airport.land(0)
        assert (await first).result is old
        assert (await second).result is new

    asyncio.run(story())


def test_the_end_of_an_old_flight_does_not_unlist_its_successor():
    async def story():
        airport = Airport()
        first = airport.passenger()
        await settle()
        airport.coalescer.note_write()
        airport.passenger()
        await settle()
        airport.land(0)
        await first
        airport.passenger()
        await settle()
        assert len(airport.flights) == 2
        await airport.coalescer.aclose()

    asyncio.run(story())


def test_an_unexpected_error_reaches_everybody_and_nobody_hangs():
    async def story():
        airport = Airport()
        passengers = [airport.passenger() for _ in range(3)]
        await settle()
        airport.landings[0].set_exception(ZeroDivisionError())
        results = await asyncio.gather(*passengers, return_exceptions=True)
        assert [type(result) for result in results] == [ZeroDivisionError] * 3

    asyncio.run(story())


def test_a_passenger_that_leaves_as_its_flight_lands_keeps_nobody_from_landing():
    async def story():
        airport = Airport()
        leader, follower = airport.passenger(), airport.passenger()
        await settle()
        result = airport.land(0)
        await asyncio.sleep(0)  # the flight has ended, and its passengers are told next
        leader.cancel()
        assert (await follower).result is result

    asyncio.run(story())


def test_an_error_that_nobody_looked_at_any_more_is_not_reported_as_forgotten():
    async def story():
        reported = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(what))
        airport = Airport(IMPATIENT)
        leader, follower = await impatient_follower(airport)
        airport.land(0)
        airport.landings[1].set_exception(ZeroDivisionError())
        await asyncio.gather(leader, follower)
        await settle()
        del airport
        gc.collect()
        await settle()
        assert reported == []

    asyncio.run(story())


@pytest.mark.parametrize("count", [1, 3])
def test_closing_ends_every_flight(count):
    async def story():
        airport = Airport()
        passengers = [airport.passenger(CacheKey(b"r", b"%d" % n)) for n in range(count)]
        await settle()
        await airport.coalescer.aclose()
        await asyncio.wait(passengers)
        assert all(passenger.cancelled() for passenger in passengers)
        assert airport.coalescer.snapshot().flights == 0

    asyncio.run(story())
