import gzip

import pytest

from ghproxy.core import answering
from ghproxy.core.answering import (
    STORED_CHANGE,
    STORED_MISS,
    CacheReport,
    answer_from_fetched,
    answer_from_stored,
    collapsed_report,
    confirmed_report,
    forwarded_report,
    relayed_fields,
    relayed_report,
    stale_report,
)
from ghproxy.core.caching import ForwardReason
from ghproxy.core.fields import first, pack, values
from ghproxy.core.message import RequestHead, ResponseHead
from ghproxy.core.outcome import CacheMode
from ghproxy.core.stored import StoredHead, StoredResponse, content_digest

REPORT = confirmed_report(is_free=True)
GZIP = (b"accept-encoding", b"gzip, deflate")
PLAIN = b'{"id":1}'
PACKED = gzip.compress(PLAIN)


def request(*fields, method="GET"):
    return RequestHead(method, b"/x", fields)


def stored(content=PACKED, *fields, own=()):
    lines = fields or (
        (b"content-type", b"application/json"),
        (b"etag", b'W/"t"'),
        (b"content-encoding", b"gzip"),
        (b"link", b"<x>"),
        (b"vary", b"Accept"),
    )
    head = StoredHead(
        200, pack(lines), pack(own), first(lines, b"etag") or b"", content_digest(content),
        len(content), 0.0, 0.0,
    )  # fmt: skip
    return StoredResponse(head, content)


def answer(*fields, method="GET", response=None, newest=()):
    return answer_from_stored(request(*fields, method=method), response or stored(), newest, REPORT)


# Content coding


def test_a_client_that_reads_gzip_gets_the_stored_bytes():
    given = answer(GZIP)
    assert given.content == PACKED
    assert first(given.fields, b"content-encoding") == b"gzip"
    assert first(given.fields, b"etag") == b'W/"t"'
    assert values(given.fields, b"content-length") == [b"%d" % len(PACKED)]


@pytest.mark.parametrize(
    "fields", [(), ((b"accept-encoding", b"br"),), ((b"accept-encoding", b"gzip;q=0"),)]
)
def test_a_client_that_does_not_gets_identity_as_github_would_send_it(fields):
    given = answer(*fields)
    assert given.content == PLAIN
    assert first(given.fields, b"content-encoding") is None
    assert first(given.fields, b"etag") == b'"t"'
    assert values(given.fields, b"content-length") == [b"8"]


def test_identity_content_is_given_to_everybody_as_it_is():
    given = answer(GZIP, response=stored(PLAIN, (b"etag", b'"t"')))
    assert (given.content, first(given.fields, b"etag")) == (PLAIN, b'"t"')


def test_large_content_is_uncompressed_piece_by_piece():
    plain = bytes(3_000_000)
    response = stored(gzip.compress(plain), (b"etag", b'W/"t"'), (b"content-encoding", b"gzip"))
    given = answer(response=response)
    assert given.chunks is not None
    pieces = list(given.chunks)
    assert b"".join(pieces) == plain
    assert max(map(len, pieces)) <= 262_144
    assert first(given.fields, b"content-length") is None


@pytest.mark.parametrize("content", [b"no gzip", PACKED[:-1], PACKED + b"x"])
def test_damaged_content_is_an_error_and_not_an_answer(content):
    lines = ((b"etag", b'W/"t"'), (b"content-encoding", b"gzip"))
    with pytest.raises(ValueError, match="gzip"):
        answer(response=stored(content, *lines))


# The client's own condition


@pytest.mark.parametrize("tag", [b'"t"', b'W/"t"', b'"a", W/"t"', b"*"])
def test_a_client_that_has_the_current_response_gets_a_304(tag):
    newest = ((b"date", b"now"), (b"x-ratelimit-remaining", b"9"), (b"etag", b'"t"'))
    own = (
        b"x-oauth-scopes", b"x-accepted-oauth-scopes", b"x-oauth-client-id",
        b"x-accepted-github-permissions", b"github-authentication-token-expiration",
    )  # fmt: skip
    lines = (
        (b"etag", b'W/"t"'), (b"vary", b"Accept"), (b"content-type", b"x"), (b"link", b"<x>"),
        (b"content-encoding", b"gzip"), (b"content-length", b"9"), (b"x-github-media-type", b"x"),
    )  # fmt: skip
    response = stored(PACKED, *lines, own=tuple((name, b"x") for name in own))
    given = answer((b"if-none-match", tag), GZIP, response=response, newest=newest)
    assert (given.status, given.content) == (304, b"")
    assert values(given.fields, b"etag") == [b'"t"'], "always the strong form, as GitHub's"
    names = {name for name, _ in given.fields}
    assert names.isdisjoint(
        {
            b"content-encoding", b"content-length", b"content-type", b"link",
            b"github-authentication-token-expiration", b"x-accepted-github-permissions",
            b"x-accepted-oauth-scopes", b"x-github-media-type", b"x-oauth-client-id",
            b"x-oauth-scopes",
        }
    )  # fmt: skip
    assert names >= {b"vary", b"date", b"x-ratelimit-remaining", b"x-cache-mode"}


def test_a_client_with_an_older_response_gets_the_content():
    given = answer((b"if-none-match", b'"older"'), GZIP)
    assert (given.status, given.content) == (200, PACKED)


def test_if_modified_since_alone_never_makes_a_304():
    assert answer((b"if-modified-since", b"Thu, 01 Jan 2099 00:00:00 GMT")).status == 200


def test_a_refusal_is_not_turned_into_a_304():
    response = ResponseHead(404, ((b"etag", b'"t"'),))
    given = answer_from_fetched(request((b"if-none-match", b'"t"')), response, b"{}", REPORT)
    assert (given.status, given.content) == (404, b"{}")


# HEAD


def test_head_gets_the_fields_of_the_get_and_no_content():
    got, head = answer(GZIP), answer(GZIP, method="HEAD")
    assert (head.status, head.fields, head.content) == (200, got.fields, b"")
    assert answer(method="HEAD").content == b""


# Fields


def test_the_origins_fields_come_first_in_their_order_then_the_newest_then_ours():
    lines = ((b"vary", b"a"), (b"etag", b'"t"'), (b"vary", b"b"), (b"content-length", b"8"))
    newest = ((b"date", b"now"), (b"vary", b"ignored"), (b"x-ratelimit-used", b"1"))
    given = answer(
        response=stored(PLAIN, *lines, own=((b"x-oauth-scopes", b"repo"),)), newest=newest
    )
    assert given.fields == (
        *lines,
        (b"x-oauth-scopes", b"repo"),
        (b"date", b"now"),
        (b"x-ratelimit-used", b"1"),
        (b"x-cache-mode", b"REVALIDATED"),
        (b"cache-status", b"ghproxy; hit; fwd=stale; fwd-status=304"),
        (b"x-from-cache", b"1"),
        (b"via", b"1.1 ghproxy"),
    )


def test_what_another_cache_said_stays_but_our_own_names_are_ours():
    fields = (
        (b"cache-status", b"edge; hit"),
        (b"via", b"1.1 edge"),
        (b"x-cache-mode", b"MISS"),
        (b"x-from-cache", b"1"),
    )
    given = relayed_fields(fields, forwarded_report(ForwardReason.METHOD, 200, is_free=True))
    assert given == (
        (b"cache-status", b"edge; hit"),
        (b"via", b"1.1 edge"),
        (b"x-cache-mode", b"SKIP"),
        (b"cache-status", b"ghproxy; fwd=method"),
        (b"via", b"1.1 ghproxy"),
    )


def test_hop_by_hop_fields_end_here():
    fields = ((b"connection", b"x-hop"), (b"x-hop", b"1"), (b"keep-alive", b"5"), (b"server", b"s"))
    given = relayed_fields(fields, forwarded_report(ForwardReason.METHOD, 200, is_free=True))
    assert given[0] == (b"server", b"s")
    assert not {name for name, _ in given} & {b"connection", b"x-hop", b"keep-alive"}


def test_exactly_one_length_is_stated_and_it_is_the_contents():
    response = ResponseHead(404, ((b"content-length", b"3"), (b"content-length", b"3")))
    given = answer_from_fetched(request(), response, b"{}", REPORT)
    assert values(given.fields, b"content-length") == [b"2"]


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_content_states_no_length_and_is_not_uncompressed(status):
    response = ResponseHead(status, ((b"content-encoding", b"gzip"),))
    given = answer_from_fetched(request(), response, b"", REPORT)
    assert (given.status, given.content) == (status, b"")
    assert first(given.fields, b"content-length") is None


# What the cache says it did


@pytest.mark.parametrize(
    ("report", "mode", "status", "is_from_cache"),
    [
        (confirmed_report(is_free=True), "REVALIDATED", b"hit; fwd=stale; fwd-status=304", True),
        (confirmed_report(is_free=False), "CHANGED", b"hit; fwd=stale; fwd-status=304", True),
        (STORED_CHANGE, "CHANGED", b"fwd=stale; fwd-status=200; stored", False),
        (STORED_MISS, "MISS", b"fwd=uri-miss; stored", False),
        (relayed_report(404, was_conditional=False), "NO-STORE", b"fwd=miss", False),
        (
            relayed_report(404, was_conditional=True),
            "NO-STORE", b"fwd=stale; fwd-status=404", False,
        ),
        (forwarded_report(ForwardReason.METHOD, 200, is_free=True), "SKIP", b"fwd=method", False),
        (forwarded_report(ForwardReason.REQUEST, 304, is_free=True), "SKIP", b"fwd=request", False),
        (forwarded_report(ForwardReason.BYPASS, 200, is_free=True), "SKIP", b"fwd=bypass", False),
        (
            forwarded_report(ForwardReason.URI_MISS, 200, is_free=True),
            "NO-STORE", b"fwd=uri-miss", False,
        ),
        (
            forwarded_report(ForwardReason.URI_MISS, 304, is_free=True),
            "REVALIDATED", b"fwd=uri-miss; fwd-status=304", False,
        ),
        (
            forwarded_report(ForwardReason.URI_MISS, 304, is_free=False),
            "CHANGED", b"fwd=uri-miss; fwd-status=304", False,
        ),
        (collapsed_report(STORED_MISS), "COALESCED", b"fwd=uri-miss; collapsed", False),
        (
            collapsed_report(confirmed_report(is_free=False)),
            "COALESCED", b"hit; fwd=stale; fwd-status=304; collapsed", True,
        ),
        (
            stale_report(90.7, "connection_refused"),
            "STALE", b"hit; ttl=-90; detail=connection_refused", True,
        ),
    ],
)  # fmt: skip
def test_each_outcome_has_its_words(report, mode, status, is_from_cache):
    assert report == CacheReport(CacheMode(mode), status, is_from_cache)


def test_a_stream_is_uncompressed_only_for_those_who_cannot_read_it():
    response = ResponseHead(200, ((b"content-encoding", b"gzip"), (b"etag", b'W/"t"')))
    assert answering.decoder_for(request(GZIP), response) is None
    assert answering.decoder_for(request(), ResponseHead(200, ())) is None
    decoder = answering.decoder_for(request(), response)
    assert decoder is not None
    pieces = [piece for byte in PACKED for piece in decoder.feed(bytes([byte]))]
    decoder.finish()
    assert b"".join(pieces) == PLAIN
    lines = (*response.fields, (b"content-length", b"9"))
    assert answering.identity_fields(lines) == ((b"etag", b'"t"'),)


def test_a_cookie_is_one_clients():
    response = ResponseHead(200, ((b"set-cookie", b"a=b"), (b"server", b"s")))
    assert answering.without_cookies(response) == ResponseHead(200, ((b"server", b"s"),))
