import pytest

from ghproxy.core.cache_key import cache_key
from ghproxy.core.credential import credential_from_fields
from ghproxy.core.message import RequestHead

ORIGIN = b"https://api.github.com"


def key(target=b"/repos/a/b", *fields, origin=ORIGIN, method="GET"):
    request = RequestHead(method, target, fields)
    return cache_key(origin, request, credential_from_fields(fields))


BASE = key(b"/repos/a/b", (b"accept", b"application/json"))


@pytest.mark.parametrize(
    "other",
    [
        key(b"/repos/a/b"),
        key(b"/repos/a/B", (b"accept", b"application/json")),
        key(b"/repos/a/b?", (b"accept", b"application/json")),
        key(b"/repos/a%2Fb", (b"accept", b"application/json")),
        key(b"/repos/a/b", (b"accept", b"application/vnd.github.diff")),
        key(b"/repos/a/b", (b"accept", b"application/json"), (b"accept", b"text/plain")),
        key(b"/repos/a/b", (b"accept", b"application/json"), (b"time-zone", b"UTC")),
        key(b"/repos/a/b", (b"accept", b"application/json"), (b"x-github-api-version", b"1")),
        key(b"/repos/a/b", (b"accept", b"application/json"), (b"x-github-next-global-id", b"1")),
        key(b"/repos/a/b", (b"accept", b"application/json"), (b"x-requested-with", b"x")),
        key(b"/repos/a/b", (b"accept", b"application/json"), origin=b"http://ghes/api/v3"),
    ],
)
def test_whatever_selects_a_representation_is_in_the_resource_part(other):
    assert other.resource != BASE.resource


@pytest.mark.parametrize(
    "field",
    [
        (b"user-agent", b"x"),
        (b"if-none-match", b'"x"'),
        (b"accept-encoding", b"gzip"),
        (b"x-request-id", b"1"),
        (b"x-prow-ghcache-token-budget-identifier", b"x"),
        (b"authorization", b"Bearer x"),
    ],
)
def test_what_does_not_select_is_not_in_the_resource_part(field):
    assert key(b"/repos/a/b", (b"accept", b"application/json"), field).resource == BASE.resource


def test_get_and_head_share_a_key():
    assert key(method="HEAD") == key(method="GET")


def test_the_order_of_differently_named_fields_does_not_matter_but_that_of_one_name_does():
    accept, zone, other = (b"accept", b"a"), (b"time-zone", b"z"), (b"accept", b"b")
    assert key(b"/", accept, zone) == key(b"/", zone, accept)
    assert key(b"/", accept, other) != key(b"/", other, accept)


def test_two_accept_lines_are_not_one_list():
    assert key(b"/", (b"accept", b"a, b")) != key(b"/", (b"accept", b"a"), (b"accept", b"b"))


def test_the_partition_is_the_whole_authorization_value():
    partitions = {
        key(b"/", (b"authorization", value)).partition
        for value in (b"Bearer x", b"bearer x", b"token x", b"Bearer y", b"")
    } | {key(b"/").partition}
    assert len(partitions) == 6


def test_a_budget_identifier_labels_and_gives_no_access():
    name = b"x-prow-ghcache-token-budget-identifier"
    one = credential_from_fields(((b"authorization", b"Bearer x"), (name, b"acme - org")))
    two = credential_from_fields(((b"authorization", b"Bearer y"), (name, b"acme - org")))
    assert one.budget == two.budget == "acme - org"
    assert one.partition != two.partition


def test_the_budget_is_the_digest_that_prow_computes():
    assert credential_from_fields(((b"authorization", b"Bearer abc"),)).budget == (
        "c355dce96c1612880d11940ffdd9014d386c253e0c3652a6cd06a7226f7bd2b6"
    )
    assert credential_from_fields(()).budget == (
        "b23a6a8439c0dde5515893e7c90c1e3233b8616e634470f20dc4928bcf3609bc"  # sha256("unknown")
    )


def test_an_empty_authorization_is_anonymous_in_a_partition_of_its_own():
    empty = credential_from_fields(((b"authorization", b""),))
    none = credential_from_fields(())
    assert empty.is_anonymous
    assert none.is_anonymous
    assert empty.budget == none.budget
    assert empty.partition != none.partition
    assert not credential_from_fields(((b"authorization", b"Bearer x"),)).is_anonymous
