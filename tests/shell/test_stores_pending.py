"""Writes on their way: what a read sees of them at each moment, and beyond the limit."""

import threading

import msgspec

from ghproxy.stores.pending import (
    MAX_CHANGES,
    MAX_OUTDATED,
    USES_PER_WAKE,
    Batch,
    Freshen,
    PendingWrites,
    Remove,
    Save,
)
from tests.support.stores import key, response

A, B = response(b"a"), response(b"b")
FRESHER = msgspec.structs.replace(A.head, validated_at=9.0)


def saved(stored):
    return Save(stored.head, stored.content)


def take(pending: PendingWrites) -> Batch:
    batch = pending.take()
    assert batch
    return batch


def test_a_change_is_seen_until_the_disk_shows_it():
    pending = PendingWrites(10_000)
    assert pending.find(key()) is None
    pending.save(key(), A)
    assert pending.find(key()) == saved(A)
    batch = take(pending)
    assert pending.find(key()) == saved(A)
    pending.done(batch)
    assert pending.find(key()) is None


def test_the_newer_change_hides_the_one_being_written():
    pending = PendingWrites(10_000)
    pending.save(key(), A)
    batch = take(pending)
    pending.save(key(), B)
    assert pending.find(key()) == saved(B)
    pending.done(batch)
    assert pending.find(key()) == saved(B)
    assert take(pending).changes == {key(): saved(B)}


def test_freshening_a_pending_save_stays_a_save():
    """Also while it is being written: should that fail, the content would be missing."""
    pending = PendingWrites(10_000)
    pending.save(key(), A)
    pending.freshen(key(), FRESHER)
    assert pending.find(key()) == Save(FRESHER, b"a")
    batch = take(pending)
    pending.freshen(key(), A.head)
    pending.failed(batch)
    assert take(pending).changes == {key(): saved(A)}


def test_freshening_what_is_on_the_disk_writes_a_head_only():
    pending = PendingWrites(10_000)
    pending.freshen(key(), FRESHER)
    assert take(pending).changes == {key(): Freshen(FRESHER)}


def test_what_does_not_fit_is_dropped_and_its_key_outdated():
    pending = PendingWrites(10_000)
    pending.save(key("large"), response(bytes(10_000)))
    assert pending.find(key("large")) == Remove()
    assert pending.dropped == 1


def test_dropping_the_newer_takes_the_older_with_it():
    pending = PendingWrites(10_000)
    pending.save(key(), A)
    pending.save(key(), response(bytes(10_000)))
    assert pending.find(key()) == Remove()
    assert take(pending).changes == {key(): Remove()}


def test_dropping_the_newer_hides_the_older_that_is_being_written():
    pending = PendingWrites(10_000)
    pending.save(key(), A)
    batch = take(pending)
    pending.save(key(), response(bytes(10_000)))
    assert pending.find(key()) == Remove()
    pending.done(batch)
    assert pending.find(key()) == Remove()


def test_a_key_is_no_longer_outdated_once_a_save_of_it_was_written():
    pending = PendingWrites(10_000)
    pending.save(key(), response(bytes(10_000)))
    pending.save(key(), A)
    assert pending.find(key()) == saved(A)
    batch = take(pending)
    assert pending.find(key()) == saved(A)
    pending.done(batch)
    assert pending.find(key()) is None


def test_a_failed_batch_outdates_its_keys():
    pending = PendingWrites(10_000)
    pending.save(key("a"), A)
    pending.freshen(key("b"), B.head)
    pending.failed(take(pending))
    assert pending.find(key("a")) == pending.find(key("b")) == Remove()
    assert pending.dropped == 2


def test_what_is_being_written_counts_towards_the_limit():
    pending = PendingWrites(10_000)
    pending.save(key("first"), response(bytes(6_000)))
    batch = take(pending)
    pending.save(key("second"), response(bytes(6_000)))
    assert pending.dropped == 1
    pending.done(batch)
    pending.save(key("third"), response(bytes(6_000)))
    assert pending.dropped == 1


def test_one_key_saved_again_and_again_takes_the_room_of_one():
    pending = PendingWrites(10_000)
    for number in range(100):
        pending.save(key(), response(bytes([number]) * 6_000))
    assert pending.dropped == 0
    assert pending.find(key()) == saved(response(bytes([99]) * 6_000))


def test_changes_are_bounded_in_number_and_so_is_what_is_known_of_the_dropped():
    pending = PendingWrites(2**40)
    for number in range(MAX_CHANGES + MAX_OUTDATED + 10):
        pending.save(key(str(number)), A)
    assert pending.dropped == MAX_OUTDATED + 10
    assert len(pending._outdated) == MAX_OUTDATED
    assert len(take(pending).changes) == MAX_CHANGES


def test_uses_alone_wake_the_writer_only_when_there_are_many():
    pending = PendingWrites(10_000)
    taken = threading.Event()
    batches = []

    def wait():
        batches.append(take(pending))
        taken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    for number in range(USES_PER_WAKE - 1):
        pending.use(key(str(number)), 1.0)
    assert not pending._is_urgent
    pending.use(key("last"), 1.0)
    assert taken.wait(10)
    thread.join()
    assert len(batches[0].uses) == USES_PER_WAKE


def test_uses_do_not_pile_up_behind_a_writer_that_is_stuck():
    pending = PendingWrites(10_000)
    for number in range(MAX_CHANGES + 100):
        pending.use(key(str(number)), 1.0)
    assert len(take(pending).uses) == MAX_CHANGES


def test_waiting_for_a_writer_that_does_not_come_ends():
    pending = PendingWrites(10_000)
    pending.save(key(), A)
    assert pending.wait_until_written(0.01) is False


def test_after_closing_what_is_pending_is_still_taken_and_then_nothing():
    pending = PendingWrites(10_000)
    pending.save(key(), A)
    pending.close()
    pending.done(take(pending))
    assert pending.take() is None
