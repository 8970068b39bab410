"""Writing to the database: what the one thread that writes decides for itself."""

import msgspec
import pytest

from ghproxy.stores.budget import budget, growth_of, pages_of
from ghproxy.stores.database import Database
from ghproxy.stores.faults import StoreError, translated
from ghproxy.stores.pending import Batch, Change, Freshen, Remove, Save
from ghproxy.stores.writing import DatabaseWriter
from tests.support.stores import MEBIBYTE, key, noise, response

OLDER, NEWER = response(b"older"), response(b"newer")


def saved(stored):
    return Save(stored.head, stored.content)


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "c", 8 * MEBIBYTE)
    yield database
    database.close()


@pytest.fixture
def apply(database):
    writer = DatabaseWriter(database)

    def apply(*changes: Change, now=1.0):
        for change in changes:
            writer.apply(Batch(0, {key(): change}), now)

    return apply


def test_freshening_meets_content_that_another_process_has_replaced(database, apply):
    apply(saved(NEWER), Freshen(OLDER.head))
    assert database.head(key()) == NEWER.head


def test_freshening_meets_a_key_that_was_evicted(database, apply):
    apply(Freshen(OLDER.head))
    assert database.head(key()) is None


def test_content_goes_with_the_last_head_and_not_before(database, apply):
    apply(saved(OLDER))
    DatabaseWriter(database).apply(Batch(0, {key("another"): saved(OLDER)}), 1.0)
    apply(Remove())
    assert database.content(OLDER.head.content_digest) == b"older"
    DatabaseWriter(database).apply(Batch(0, {key("another"): Remove()}), 1.0)
    assert database.content(OLDER.head.content_digest) is None


def test_the_coldest_goes_first(database):
    writer = DatabaseWriter(database)
    for at in (3.0, 1.0, 2.0):
        stored = response(noise(at, 2 * MEBIBYTE - 200_000))
        writer.apply(Batch(0, {key(str(at)): saved(stored)}), at)
    assert writer.evictions == 1
    assert [at for at in (1.0, 2.0, 3.0) if database.head(key(str(at)))] == [2.0, 3.0]


def test_sqlite_itself_holds_the_file_to_its_share(database):
    assert database.number("PRAGMA max_page_count") == database.budget.pages
    with pytest.raises(StoreError, match="full"), translated():
        database.put(b"cx", bytes(8 * MEBIBYTE))


def test_shares_of_the_bound_add_up_to_less_than_the_bound():
    for limit in (4 * MEBIBYTE, 50 * MEBIBYTE, 1024 * MEBIBYTE, 2**40):
        shares = budget(limit)
        index_bytes = (shares.wal_bytes // 4120 // 4062 + 1) * 32_768
        assert shares.pages * 4096 + shares.wal_bytes + index_bytes <= limit
        assert shares.group_rows >= 1


def test_the_default_bound_keeps_the_largest_response_that_is_stored_by_default():
    large = saved(response(bytes(16 * MEBIBYTE), fields=bytes(64_000)))
    assert budget(1024 * MEBIBYTE).may_keep(large)
    assert budget(64 * MEBIBYTE).may_keep(large)
    assert not budget(32 * MEBIBYTE).may_keep(large)


def test_a_change_costs_at_least_its_bytes():
    for size in (0, 100, 5_000, 300_000, 16 * MEBIBYTE):
        change = saved(response(bytes(size)))
        assert growth_of(change) * 4096 >= size + 500
        assert pages_of(change) > growth_of(change)
    assert growth_of(Remove()) == growth_of(Freshen(OLDER.head)) == 0


def test_a_head_is_what_a_save_replaces(database, apply):
    fresher = msgspec.structs.replace(OLDER.head, validated_at=8.0)
    apply(saved(OLDER), Freshen(fresher))
    assert database.head(key()) == fresher
    assert database.entries() == 1
