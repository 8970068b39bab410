import msgspec
import pytest

from ghproxy.core import caching
from ghproxy.core.caching import (
    Fetch,
    FetchAlone,
    Forward,
    ForwardReason,
    Freshen,
    GiveUp,
    LookUp,
    Policy,
    Refetch,
    Relay,
    ReuseStale,
    Store,
)
from ghproxy.core.errors import UpstreamError
from ghproxy.core.fields import pack
from ghproxy.core.message import RequestHead, ResponseHead
from ghproxy.core.stored import StoredHead

AGENT = (b"user-agent", b"hook/1")
NEVER = Policy()
HOUR = Policy(stale_if_error_seconds=3600)
STORED = StoredHead(200, pack(((b"vary", b"Accept"),)), b"", b'W/"t"', b"d", 1, 1000.0, 1000.0)
NOW = 1100.0


def validated(at):
    return msgspec.structs.replace(STORED, validated_at=at)


def before(*fields, method="GET", target=b"/user"):
    return caching.before_lookup(RequestHead(method, target, (AGENT, *fields)))


LENGTH = (b"content-length", b"2")


def after(status, *fields, stored=None, policy=NEVER, now=NOW):
    return caching.on_response(stored, ResponseHead(status, fields), policy, now)


# May the cache be asked?


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_cache_may_be_asked_for_get_and_head(method):
    assert before(method=method) == LookUp()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"])
def test_no_other_method_asks_the_cache(method):
    assert before(method=method) == Forward(ForwardReason.METHOD)


@pytest.mark.parametrize(
    "target",
    [b"/rate_limit", b"/rate_limit?x", b"/rate_limit/", b"/graphql", b"/api/v3/rate_limit",
     b"/api/graphql"],
)  # fmt: skip
def test_limits_and_graphql_bypass_the_cache(target):
    assert before(target=target) == Forward(ForwardReason.BYPASS)


@pytest.mark.parametrize("target", [b"/rate_limits", b"/repos/a/graphql", b"/"])
def test_similar_targets_do_not(target):
    assert before(target=target) == LookUp()


@pytest.mark.parametrize(
    "field",
    [
        (b"range", b"bytes=0-1"),
        (b"if-range", b'"x"'),
        (b"if-match", b'"x"'),
        (b"if-unmodified-since", b"x"),
        (b"cookie", b"a=b"),
        (b"x-github-otp", b"123456"),
        (b"content-length", b"2"),
        (b"transfer-encoding", b"chunked"),
        (b"cache-control", b"max-age=0, No-Store"),
    ],
)
def test_a_request_that_the_key_cannot_tell_apart_goes_alone(field):
    assert before(field) == Forward(ForwardReason.REQUEST)


@pytest.mark.parametrize(
    "field",
    [(b"content-length", b"0"), (b"cache-control", b"no-cache"), (b"if-none-match", b'"x"'),
     (b"if-modified-since", b"x"), (b"accept-encoding", b"br")],
)  # fmt: skip
def test_conditions_and_no_cache_do_not_keep_a_request_from_the_cache(field):
    assert before(field) == LookUp()


@pytest.mark.parametrize("fields", [(), ((b"user-agent", b""),)])
def test_a_request_without_a_user_agent_never_leads_others(fields):
    request = RequestHead("GET", b"/user", fields)
    assert caching.before_lookup(request) == Forward(ForwardReason.REQUEST)


# What to ask


@pytest.mark.parametrize(
    ("method", "fields", "stored", "decision"),
    [
        ("GET", (), None, Fetch()),
        ("GET", (), STORED, Fetch()),
        ("HEAD", (), None, Forward(ForwardReason.URI_MISS)),
        ("HEAD", (), STORED, Fetch()),
        ("GET", ((b"if-none-match", b'"x"'),), None, FetchAlone()),
        ("GET", ((b"if-none-match", b'"x"'),), STORED, Fetch()),
        ("HEAD", ((b"if-none-match", b'"x"'),), None, Forward(ForwardReason.URI_MISS)),
        ("GET", ((b"if-modified-since", b"x"),), None, Fetch()),
    ],
)
def test_what_is_asked_depends_on_the_method_the_condition_and_what_is_stored(
    method, fields, stored, decision
):
    assert caching.on_request(RequestHead(method, b"/user", fields), stored) == decision


# What to do with the answer


def test_a_200_with_an_entity_tag_is_stored():
    fields = ((b"etag", b'W/"n"'), LENGTH, (b"cache-control", b"private, max-age=60"))
    assert after(200, *fields) == Store(b'W/"n"', pack(fields), b"")


@pytest.mark.parametrize(
    "line",
    [(b"cache-control", b"no-cache"), (b"cache-control", b"public, max-age=60"),
     (b"vary", b"Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, X-Requested-With"),
     (b"content-encoding", b"gzip"), (b"content-encoding", b"identity")],
)  # fmt: skip
def test_what_the_key_and_the_answer_account_for_does_not_prevent_storing(line):
    assert isinstance(after(200, (b"etag", b'"n"'), LENGTH, line), Store)


@pytest.mark.parametrize(
    ("framing", "decision"),
    [((), Relay), ((LENGTH,), Store), (((b"transfer-encoding", b"chunked"),), Store)],
)
def test_content_that_ends_with_its_connection_may_have_been_cut_and_is_not_stored(
    framing, decision
):
    assert isinstance(after(200, (b"etag", b'"n"'), *framing), decision)


@pytest.mark.parametrize(
    "fields",
    [
        (),
        ((b"etag", b'W/""'),),
        ((b"etag", b"n"),),
        ((b"etag", b'"n"'), (b"etag", b'"m"')),
        ((b"etag", b'"n"'), (b"vary", b"*")),
        ((b"etag", b'"n"'), (b"vary", b"Accept"), (b"vary", b"Accept-Language")),
        ((b"etag", b'"n"'), (b"cache-control", b"private, no-store")),
        ((b"etag", b'"n"'), (b"content-encoding", b"br")),
        ((b"etag", b'"n"'), (b"content-encoding", b"gzip, br")),
    ],
)
def test_a_200_that_cannot_be_validated_or_told_apart_is_relayed(fields):
    assert after(200, *fields, LENGTH) == Relay()


@pytest.mark.parametrize(
    "status", [201, 202, 204, 301, 302, 307, 403, 404, 409, 410, 422, 429, 500]
)
def test_no_other_status_is_stored_even_with_an_entity_tag(status):
    assert after(status, (b"etag", b'"n"')) == Relay()


@pytest.mark.parametrize("status", [206, 304])
def test_an_answer_to_a_question_nobody_asked_is_an_error(status):
    with pytest.raises(UpstreamError):
        after(status)


def test_a_206_is_an_error_on_a_validation_too():
    with pytest.raises(UpstreamError):
        after(206, stored=STORED)


@pytest.mark.parametrize("fields", [(), ((b"etag", b'"t"'),), ((b"etag", b'W/"t"'),)])
def test_a_304_that_changes_nothing_writes_nothing(fields):
    assert after(304, *fields, stored=STORED) == Freshen(validated(NOW), is_worth_writing=False)


def test_a_304_with_news_is_written_with_its_time():
    freshen = after(304, (b"vary", b"Accept, Cookie"), stored=STORED)
    expected = msgspec.structs.replace(
        STORED, fields=pack(((b"vary", b"Accept, Cookie"),)), validated_at=NOW
    )
    assert freshen == Freshen(expected, is_worth_writing=True)


@pytest.mark.parametrize(("now", "is_worth_writing"), [(3599.9, False), (3600.0, True), (-1, True)])
def test_an_hour_of_validations_is_written_once(now, is_worth_writing):
    assert after(304, stored=STORED, now=now) == Freshen(validated(now), is_worth_writing)


def test_a_304_for_another_entity_tag_confirms_nothing():
    assert after(304, (b"etag", b'"other"'), stored=STORED) == Refetch()


@pytest.mark.parametrize("status", [401, 404, 410])
def test_a_refusal_makes_the_stored_head_unfit_for_reuse_without_validation(status):
    refused = msgspec.structs.replace(STORED, is_reusable=False)
    assert after(status, stored=STORED) == Relay(refused=refused)
    assert after(status, stored=refused) == Relay(), "already known: nothing to write"


@pytest.mark.parametrize("status", [403, 409, 429, 500, 502, 503])
def test_other_errors_leave_the_stored_head_alone(status):
    assert after(status, stored=STORED) == Relay()


def test_a_validation_revives_a_refused_head():
    refused = msgspec.structs.replace(STORED, is_reusable=False)
    assert after(304, stored=refused) == Freshen(validated(NOW), is_worth_writing=True)


@pytest.mark.parametrize(
    ("method", "status", "field", "is_refused"),
    [
        ("GET", 206, b"accept", True),
        ("GET", 206, b"if-none-match", True),
        ("GET", 206, b"range", False),
        ("GET", 304, b"accept", True),
        ("HEAD", 304, b"range", True),
        ("GET", 304, b"if-none-match", False),
        ("HEAD", 304, b"if-modified-since", False),
        ("PUT", 304, b"accept", False),
        ("POST", 206, b"accept", True),
        ("GET", 200, b"accept", False),
        ("GET", 416, b"accept", False),
    ],
)
def test_a_forwarded_request_is_answered_only_with_what_it_asked_for(
    method, status, field, is_refused
):
    request = RequestHead(method, b"/user", ((field, b"x"),))
    try:
        caching.refuse_unasked(request, status)
    except UpstreamError:
        assert is_refused
    else:
        assert not is_refused


# When GitHub fails


@pytest.mark.parametrize("now", [1000.0, 4599.9])
def test_a_stored_response_stands_in_while_the_operator_allows_it(now):
    assert caching.on_failure(STORED, HOUR, now) == ReuseStale()
    assert after(502, stored=STORED, policy=HOUR, now=now) == ReuseStale()


@pytest.mark.parametrize(
    ("stored", "policy", "now"),
    [
        (None, HOUR, 1000.0),
        (STORED, NEVER, 1000.0),
        (STORED, HOUR, 4600.0),
        (STORED, HOUR, 999.9),  # the clock went back: the age is unknown
        (msgspec.structs.replace(STORED, is_reusable=False), HOUR, 1000.0),
    ],
)
def test_otherwise_the_failure_is_told(stored, policy, now):
    assert caching.on_failure(stored, policy, now) == GiveUp()
    assert after(502, stored=stored, policy=policy, now=now) == Relay()


@pytest.mark.parametrize("status", [500, 501, 599])
def test_every_server_error_is_a_failure(status):
    assert after(status, stored=STORED, policy=HOUR) == ReuseStale()


@pytest.mark.parametrize(
    ("method", "target", "content", "writes"),
    [
        ("POST", b"/repos/a/b/issues", b"{}", True),
        ("DELETE", b"/x", b"", True),
        ("GET", b"/x", b"", False),
        ("HEAD", b"/x", b"", False),
        ("OPTIONS", b"/x", b"", False),
        ("POST", b"/graphql", b'{"query":"{viewer{login}}"}', False),
        ("POST", b"/api/graphql", b'{"query":"query q {viewer{login}}"}', False),
        ("POST", b"/graphql?x", b'{"query":"mutation m {addStar}"}', True),
        ("POST", b"/graphql", iter(()), True),
        ("POST", b"/x/graphql", b"{}", True),
    ],
)
def test_a_write_is_what_may_have_changed_something(method, target, content, writes):
    assert caching.may_write(RequestHead(method, target, ()), content) is writes


@pytest.mark.parametrize("status", [403, 404, 429, 499])
def test_a_refusal_is_not_a_failure(status):
    assert isinstance(after(status, stored=STORED, policy=HOUR), Relay)
